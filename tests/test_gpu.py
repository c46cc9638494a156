"""A GPU against the CPU. Where there is none, the CPU is held to itself, so that these tests do not rot."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from skelreg import tasks
from skelreg.compat.files import load_file
from skelreg.runner import build_runner
from skelreg.structures import MultiView, View
from tests.runs import HICLR, KNN, LINEAR, small

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
DEVICES = ['cpu', pytest.param('cuda', marks=needs_gpu)]
CONFIGS = [
    HICLR,
    'configs/hiclr/stgcn_nucla_bone.py',
    'configs/hiclr/transformer_nucla.py',
    'configs/hiclr/gru_nucla.py',
    'configs/vicreg/gru_nucla.py',
    'configs/demo/supervised.py',
]


@pytest.fixture(autouse=True)
def whole_float32() -> Iterator[None]:
    """TF32 off, so that only the order of sums differs."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


def moved(data: Any, device: str) -> Any:
    """A batch with its views on a device."""
    if isinstance(data, MultiView):
        return MultiView(tuple(moved(view, device) for view in data.views), moved(data.key, device))
    if isinstance(data, View):
        return replace(data, skeleton=data.skeleton.to(device))
    return data.to(device) if isinstance(data, Tensor) else data


def losses_and_gradients(model: Any, batch: dict[str, Any], device: str) -> list[dict[str, Tensor]]:
    """Of one step in training mode, on the CPU again."""
    model = copy.deepcopy(model).to(device).train()
    losses = model(mode='loss', **{name: moved(value, device) for name, value in batch.items()})['losses']
    torch.stack(list(losses.values())).sum().backward()
    gradients = {name: p.grad.cpu() for name, p in model.named_parameters() if p.grad is not None}
    return [{name: loss.detach().cpu() for name, loss in losses.items()}, gradients]


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize('config', CONFIGS)
def test_losses_and_gradients_are_those_of_the_cpu(config: str, device: str, tmp_path: Path) -> None:
    cfg = small(config, model__backbone__dropout=0.0)
    if cfg.model.backbone.type == 'Transformer':
        cfg.model.backbone.skip_dropout = 0.0
    runner = build_runner(cfg, tmp_path)
    model = runner.model.cpu()
    runner._init_model_weights()
    loader = runner.build_dataloader(runner._train_dataloader, seed=0)
    with torch.no_grad():
        batch = model.data_preprocessor(next(iter(loader)), True)
    here, there = (losses_and_gradients(model, batch, where) for where in ('cpu', device))
    assert here[1]
    for expected, found in zip(here, there, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


@needs_gpu
@pytest.mark.parametrize('amp', [False, True])
def test_a_run_on_a_gpu_is_evaluated_and_read_on_a_cpu(tmp_path: Path, amp: bool) -> None:
    pretrained = tasks.train(small(HICLR, amp=amp), tmp_path / 'pretrained')
    state = load_file(pretrained)['state_dict']
    assert all(value.isfinite().all() for value in state.values() if value.is_floating_point())
    assert {value.device.type for value in state.values()} == {'cpu'}
    probe = tasks.train(small(LINEAR), tmp_path / 'probe', pretrained=pretrained)
    assert tasks.test(small(LINEAR), probe) and tasks.test(small(KNN), pretrained)
    assert tasks.train(small(HICLR, 2, amp=amp), tmp_path / 'pretrained', resume=True).name == 'epoch_2.pth'
