"""What a GPU does that a CPU forgives: operands on two devices, and waiting for a number in every step."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.runs import HICLR, LINEAR, ROOT

PRETRAINING = [
    HICLR,
    'configs/hiclr/stgcn_nucla_bone.py',
    'configs/hiclr/transformer_nucla.py',
    'configs/byol/stgcn_nucla.py',
    'configs/crossclr/stgcn_nucla.py',
]
PRETRAINING += [f'{config}+amp' for config in PRETRAINING]
#: A batch in which not every sequence has a label is taken apart by masks, whose length the host must
#: know, as is one for the GRU of the bodies that are there; every regularizer is among them.
OTHERS = [
    LINEAR,
    'configs/vicreg/gru_nucla.py',
    'configs/aimclr/gru_nucla.py',
    'configs/barlow_twins/gru_nucla.py',
    'configs/hiclr/transformer_nucla_semi.py',
    'configs/assl/gru_nucla.py',
    'configs/mixed/gru_nucla_all_terms.py',
    'configs/mean_teacher/gru_nucla.py',
    'configs/temporal_ensembling/gru_nucla.py',
    'configs/fixmatch/gru_nucla.py',
    'configs/flexmatch/gru_nucla.py',
    'configs/vicreg/gru_nucla.py+amp',
    'configs/mixed/gru_nucla_all_terms.py+amp',
]


@pytest.fixture(scope='module')
def seen() -> dict[str, Any]:
    """What every config's steps leave behind."""
    command = [sys.executable, '-m', 'tests.other_device', *PRETRAINING, *OTHERS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_every_step_stays_on_the_device_of_the_model(seen: dict[str, Any]) -> None:
    assert seen.keys() == {*PRETRAINING, *OTHERS}
    assert {tuple(found['devices']) for found in seen.values()} == {('elsewhere',)}


def test_contrastive_pretraining_never_waits_for_the_device(seen: dict[str, Any]) -> None:
    waits = {config: found['waits'] for config, found in seen.items() if config in PRETRAINING}
    assert waits == {config: {} for config in PRETRAINING}


def test_waiting_is_seen(seen: dict[str, Any]) -> None:
    assert 'skelreg/heads/classification.py: mask' in seen[LINEAR]['waits']


def test_operands_on_two_devices_are_found() -> None:
    program = (
        'import torch, tests.other_device as t; from skelreg.backbones.stgcn import STGCN\n'
        'STGCN.forward = lambda self, x, edges=None: x + torch.ones(1)\n'
        f"import sys; sys.argv[1:] = ['{HICLR}']; t.main()"
    )
    done = subprocess.run([sys.executable, '-c', program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert 'two devices' in done.stderr or 'same device' in done.stderr


def test_operands_of_two_types_are_found_under_mixed_precision() -> None:
    program = (
        'import torch, tests.other_device as t; from skelreg.backbones.stgcn import STGCN\n'
        'STGCN.forward = lambda self, x, edges=None: torch.mm(x[0, 0, 0], x[0, 0, 0].T).addmm_(\n'
        '    x[0, 0, 0], x[0, 0, 0].T)\n'
        f"import sys; sys.argv[1:] = ['{HICLR}+amp']; t.main()"
    )
    done = subprocess.run([sys.executable, '-c', program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert 'got operands of' in done.stderr
