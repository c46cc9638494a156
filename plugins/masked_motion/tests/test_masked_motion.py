"""Masked motion against loops that can be checked by hand, and its configs on synthetic data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from skelreg import tasks
from skelreg.errors import ConfigError
from skelreg.registry import MODELS, REGULARIZERS
from skelreg.runner import load_config
from skelreg.structures import Features, MultiView, Step, View
from skelreg_masked_motion.mask import MotionAwareMask
from skelreg_masked_motion.maths import amount_of_motion, motion, standardise

CONFIGS = sorted((Path(__file__).parents[1] / 'configs').glob('*/*.py'))


def skeletons(n: int = 2, t: int = 10, v: int = 4, m: int = 2, seed: int = 0) -> Tensor:
    return torch.randn(n, 3, t, v, m, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize('stride', [1, 3, 10, 12])
def test_motion_is_the_step_to_a_later_frame(stride: int) -> None:
    x, found = skeletons(), motion(skeletons(), stride)
    for t in range(10):
        expected = x[:, :, t + stride] - x[:, :, t] if t + stride < 10 else torch.zeros_like(x[:, :, t])
        torch.testing.assert_close(found[:, :, t], expected)


@pytest.mark.parametrize('num_frames', [8, 10])
def test_every_cell_is_standardised_by_itself(num_frames: int) -> None:
    x = skeletons(t=num_frames)
    found = standardise(x, 4)
    for n, v, m, first in ((0, 0, 0, 0), (1, 3, 1, 4), (1, 2, 0, num_frames - num_frames % 4)):
        cell = torch.zeros(3, 4)
        frames = x[n, :, first : first + 4, v, m]
        cell[:, : frames.shape[1]] = frames
        values = cell.flatten()
        mean = sum(values.tolist()) / 12
        variance = sum((value - mean) ** 2 for value in values.tolist()) / 11
        expected = (frames - mean) / (variance + 1e-6) ** 0.5
        torch.testing.assert_close(found[n, :, first : first + 4, v, m], expected)


def test_amount_of_motion_compares_cells() -> None:
    x = skeletons(n=1, t=8)
    found = amount_of_motion(x, 4)
    for v in range(4):
        steps = [
            abs(float(x[0, c, 4 + frame, v, m] - x[0, c, frame, v, m]))
            for c in range(3) for frame in range(4) for m in range(2)
        ]
        assert found[0, 1, v] == pytest.approx(sum(steps) / len(steps), rel=1e-5)
    assert torch.equal(found[:, 0], found[:, 1])


@pytest.mark.parametrize(('ratio', 'hidden'), [(0.5, 6), (0.9, 10), (0.01, 1)])
def test_mask_hides_its_share_of_whole_cells(ratio: float, hidden: int) -> None:
    mask = MotionAwareMask(ratio=ratio, frames_per_cell=4).sample(skeletons(t=12))['mask']
    cells = mask.view(2, 3, 4, 4)
    assert torch.equal(cells.any(dim=2), cells.all(dim=2))
    assert cells.all(dim=2).sum(dim=(1, 2)).tolist() == [hidden, hidden]


def test_cells_that_move_are_hidden_as_often_as_their_weight_says() -> None:
    """With one cell to draw, its chance is softmax(motion / (tau * most)); 4000 draws, tolerance 4 sigma."""
    x = torch.zeros(1, 3, 2, 3, 1)
    x[:, :, 1, 1], x[:, :, 1, 2] = 0.5, 1.0  # one frame a cell: motions 0, 0.5 and 1 in both cells
    many = x.expand(4000, -1, -1, -1, -1)
    mask = MotionAwareMask(ratio=0.01, frames_per_cell=1, tau=0.5)
    drawn = mask.sample(many, torch.Generator().manual_seed(0))['mask'].float().mean(dim=0)
    chance = torch.tensor([0.0, 1.0, 2.0]).repeat(2, 1).flatten().softmax(dim=0).view(2, 3)
    assert ((drawn - chance).abs() < 4 * (chance * (1 - chance) / 4000).sqrt()).all()


def test_without_tau_all_cells_are_drawn_alike() -> None:
    x = torch.zeros(1, 3, 2, 3, 1)
    x[:, :, 1, 2] = 1.0
    mask = MotionAwareMask(ratio=0.01, frames_per_cell=1, tau=None)
    many = x.expand(4000, -1, -1, -1, -1)
    drawn = mask.sample(many, torch.Generator().manual_seed(0))['mask'].float().mean(dim=0)
    assert ((drawn - 1 / 6).abs() < 4 * (5 / 36 / 4000) ** 0.5).all()


def prediction(**arguments: Any) -> Any:
    torch.manual_seed(0)
    cfg = dict(type='MaskedMotionPrediction', mask=dict(type='JointMask', ratio=0.5), decoder_channels=8)
    return REGULARIZERS.build({**cfg, **arguments}, feature_channels=6, layout='nucla', in_channels=3)


def step_of(x: Tensor, feature_map: Tensor | None) -> Step:
    def extra(view: View) -> Step:
        assert view.skeleton.shape == x.shape and not torch.equal(view.skeleton, x)
        return Step(MultiView((view,)), encode=lambda _: Features(torch.zeros(len(x), 6), feature_map))

    return Step(MultiView((View('plain', x),)), extra=extra)


@pytest.mark.parametrize('standardised', [False, True])
def test_loss_is_the_mean_square_over_hidden_places_of_bodies_that_are_there(standardised: bool) -> None:
    term, x, features = prediction(standardised=standardised), skeletons(v=20), torch.randn(2, 6, 3, 20, 2)
    x[1, ..., 1] = 0  # one body is absent
    torch.manual_seed(3)
    found = term(step_of(x, features))
    torch.manual_seed(3)
    mask, target = term.mask.sample(x)['mask'], motion(x, 1)
    target = standardise(target, 4) if standardised else target
    predicted = term.predict(features, x).detach()
    errors = [
        float((predicted[n, c, t, v, m] - target[n, c, t, v, m]) ** 2)
        for n in range(2) for m in range(2) for t in range(10) for v in range(20) for c in range(3)
        if mask[n, t, v] and not (n == 1 and m == 1)
    ]
    assert found.losses['motion'].item() == pytest.approx(sum(errors) / len(errors), rel=1e-4)
    assert float(found.diagnostics['hidden']) == pytest.approx(0.5)


def test_a_place_of_the_map_tells_of_its_own_frames_and_joint() -> None:
    term, x = prediction(), skeletons(v=20)
    features = torch.randn(2, 6, 3, 20, 2, requires_grad=True)
    term.predict(features, x)[1, :, 5, 7, 1].sum().backward()  # frame 5 lies in cell 1
    assert features.grad is not None
    assert features.grad.abs().sum(dim=1).nonzero().tolist() == [[1, 1, 7, 1]]


def test_encoder_with_one_feature_a_frame_still_predicts_each_joint() -> None:
    predicted = prediction().predict(torch.randn(2, 6, 3, 1, 1), skeletons(v=20))
    assert predicted.shape == (2, 3, 10, 20, 2)
    assert not torch.allclose(predicted[..., 0, :], predicted[..., 1, :])


@pytest.mark.parametrize(('feature_map', 'got'), [(None, 'no map'), (torch.zeros(2, 6, 2, 20, 2), "T' = 2")])
def test_map_that_cannot_hold_the_motion_is_refused(feature_map: Tensor | None, got: str) -> None:
    with pytest.raises(ConfigError, match=got):
        prediction()(step_of(skeletons(v=20), feature_map))


def test_augmentation_without_a_mask_is_refused() -> None:
    with pytest.raises(ConfigError, match='Rotate draws no mask'):
        prediction(mask=dict(type='Rotate'))(step_of(skeletons(v=20), None))


@pytest.mark.parametrize(
    'wrong', [dict(stride=0), dict(frames_per_cell=0), dict(mask=dict(type='MotionAwareMask', tau=0))]
)
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        prediction(**wrong)


def small(path: Path, **more: Any) -> Any:
    options = {
        'train_dataloader.batch_size': 4, 'train_dataloader.dataset.num_frames': 8, 'train_cfg.max_epochs': 1,
        'model.backbone.hidden_channels': 4, **more,
    }
    if load_config(path).model.backbone.type == 'STGCN':
        options['model.backbone.out_channels'] = 8
    if load_config(path).model.get('queue') is not None:
        options['model.queue.size'] = 4
    return load_config(path, options, synthetic=16)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: f'{path.parent.name}/{path.stem}')
def test_config_trains_on_synthetic_data(path: Path, tmp_path: Path) -> None:
    assert tasks.train(small(path), tmp_path).is_file()


def test_alone_it_leaves_batch_norm_the_statistics_of_whole_skeletons() -> None:
    cfg = small(next(path for path in CONFIGS if path.stem == 'stgcn_nucla'))
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).train()
    x = 5 + torch.randn(8, 3, 4, 20, 1)
    for _ in range(40):
        model(**model.data_preprocessor({'inputs': x}, training=False), mode='loss')
    torch.testing.assert_close(
        model.backbone.input_norm.running_mean, x.mean(dim=(0, 2, 4)).T.flatten(), rtol=0.05, atol=0.1
    )


def test_prediction_is_learnt() -> None:
    """On one batch, the error falls below that of predicting no motion at all."""
    cfg = small(next(path for path in CONFIGS if path.stem == 'stgcn_nucla'))
    cfg.model.backbone.update(hidden_channels=16, out_channels=32, dropout=0.0)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).train()
    time = torch.arange(8.0)[None, None, :, None, None]
    x = torch.sin(time * 0.7 + torch.rand(4, 3, 1, 20, 1) * 6)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(50):
        made = model(**model.data_preprocessor({'inputs': x}, training=False), mode='loss')
        loss = made['losses']['motion/motion']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-5:]) / 5 < 0.6 < losses[0]
