from __future__ import annotations

from pathlib import Path

import torch

from tests.compat import toy


def test_the_step_runs_in_bfloat16_and_the_weights_stay_float32(tmp_path: Path) -> None:
    training = toy.runner(tmp_path, epochs=1, amp=True)
    training.train()
    assert set(training.model.types) == {torch.bfloat16}
    assert {p.dtype for p in training.model.parameters()} == {torch.float32}


def test_without_it_the_step_runs_in_float32(tmp_path: Path) -> None:
    training = toy.runner(tmp_path, epochs=1)
    training.train()
    assert set(training.model.types) == {torch.float32}
