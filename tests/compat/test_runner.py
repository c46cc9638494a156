"""Starting: seed, config, terminal, pretrained weights, evaluation weights."""

from __future__ import annotations

import itertools
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from skelreg.compat.config_text import config_text
from skelreg.compat.seeding import derive_seed, seed_everything
from skelreg.errors import CheckpointError, ConfigError
from tests.compat import toy


def test_there_is_always_a_seed(tmp_path: Path) -> None:
    training = toy.runner(tmp_path, randomness=dict(seed=None))
    assert training.seed == 0
    assert training.train_dataloader.sampler.seed == 0


def test_the_terminal_is_spared_and_the_config_saved(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    training = toy.runner(tmp_path, epochs=1, cfg=Config(dict(answer=42)))
    training.logger.handlers[0].setLevel(logging.INFO)
    training.train()
    shown = ''.join(capfd.readouterr())
    for noise in ('deprecated', 'Hooks will be', 'metainfo', 'answer', 'NUM_THREADS', 'Warning'):
        assert noise not in shown
    assert len(shown.splitlines()) <= 6
    assert (tmp_path / 'config.py').read_text() == 'answer = 42\n'


def test_two_runners_of_one_second_do_not_share_their_history(tmp_path: Path) -> None:
    first, second = toy.runner(tmp_path / 'a', epochs=1), toy.runner(tmp_path / 'b', epochs=1)
    assert first.message_hub is not second.message_hub
    assert first.logger is not second.logger


@pytest.mark.parametrize('value', [lambda x: x, np.zeros(2), object()])
def test_a_config_value_without_text_is_named(tmp_path: Path, value: object) -> None:
    with pytest.raises(ConfigError, match=r'model\.heads\[1\]\.fn'):
        toy.runner(tmp_path, cfg=Config(dict(model=dict(heads=[1, dict(fn=value)]))))


def test_config_text_reads_back_as_the_config() -> None:
    cfg = Config(dict(a=1, b=dict(c=[1.5, 'x'], d=None), e=(True, -1)))
    assert Config.fromstring(config_text(cfg), '.py').to_dict() == cfg.to_dict()


def test_seeds_differ_by_rank_step_and_purpose() -> None:
    places = itertools.product((0, 1), (0, 1), ('step', 'epoch'))
    assert len({derive_seed(0, *place) for place in places}) == 8


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match='at least 0'):
        seed_everything(-1)


def test_pretrained_weights_are_loaded_and_the_model_told(tmp_path: Path, uninterrupted: Path) -> None:
    path = uninterrupted / 'epoch_4.pth'
    training = toy.runner(tmp_path, pretrained=str(path))
    training.load_or_resume()
    saved = toy.weights(uninterrupted, 'epoch_4')['backbone.0.weight']
    assert torch.equal(training.model.backbone[0].weight, saved)
    assert training.model.told == 1


def test_a_resumed_run_ignores_pretrained(tmp_path: Path, uninterrupted: Path) -> None:
    toy.runner(tmp_path, epochs=1).train()
    training = toy.runner(tmp_path, epochs=1, resume=True, pretrained=str(uninterrupted / 'epoch_4.pth'))
    training.train()
    assert training.model.told == 0
    saved = toy.weights(tmp_path, 'epoch_1')
    toy.assert_same(training.model.state_dict(), {k: v for k, v in saved.items() if 'momentum' not in k})


def test_load_from_refuses_a_file_that_fits_nothing(tmp_path: Path) -> None:
    torch.save({'state_dict': {'x': torch.zeros(1)}}, tmp_path / 'x.pth')
    training = toy.runner(tmp_path / 'run', load_from=str(tmp_path / 'x.pth'))
    with pytest.raises(CheckpointError, match='no weight'):
        training.load_or_resume()
