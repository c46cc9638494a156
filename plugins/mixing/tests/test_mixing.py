"""Mixing against loops, its labels in the classification head, and its configs on synthetic data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from skelreg import tasks
from skelreg.errors import ConfigError
from skelreg.graphs import get_layout
from skelreg.registry import HEADS, MODELS, POLICIES
from skelreg.runner import load_config
from skelreg.structures import Features, MultiView, Step, View
from skelreg_mixing.base import two_sources
from skelreg_mixing.mixup import SkeletonMixup, beta
from skelreg_mixing.regions import PartCutMix, RegionMix, ResizeMix, TimeCutMix, squeeze

CONFIGS = sorted((Path(__file__).parents[1] / 'configs').glob('*/*.py'))
LAYOUT = get_layout('nucla')


def skeletons(n: int = 6, t: int = 10, m: int = 2, seed: int = 0) -> Tensor:
    return torch.randn(n, 3, t, 20, m, generator=torch.Generator().manual_seed(seed))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize('alpha', [0.1, 0.4, 1.0])
def test_weights_follow_the_beta_distribution(alpha: float) -> None:
    drawn = beta(alpha, torch.zeros(20000, 1), generator())
    variance = 1 / (4 * (2 * alpha + 1))
    assert abs(float(drawn.mean()) - 0.5) < 4 * (variance / 20000) ** 0.5
    assert float(drawn.var()) == pytest.approx(variance, rel=0.05)
    # The chance of less than a quarter, by summing the density over a fine grid of its quantile angle.
    angle = (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000 * torch.pi / 2
    density = (angle.sin() * angle.cos()) ** (2 * alpha - 1)
    below = float(density[angle.sin() ** 2 < 0.25].sum() / density.sum())
    assert float((drawn < 0.25).float().mean()) == pytest.approx(below, abs=0.02)


def test_mixup_is_the_weighted_mean_and_takes_a_body_of_one_alone() -> None:
    x = skeletons(n=3)
    x[0, ..., 1] = 0  # absent in the first, there in its partner
    x[1:, ..., 1][1] = 0  # absent in the last
    partner, share = torch.tensor([1, 2, 0]), torch.tensor([0.25, 0.5, 0.0])
    found = SkeletonMixup().apply(x, partner, share)
    torch.testing.assert_close(found[0, ..., 0], 0.75 * x[0, ..., 0] + 0.25 * x[1, ..., 0])
    assert torch.equal(found[0, ..., 1], x[1, ..., 1])
    torch.testing.assert_close(found[1, ..., 1], x[1, ..., 1])
    assert torch.equal(found[2], x[2])


def test_partners_are_others_and_all_of_them_alike() -> None:
    partner = torch.stack([SkeletonMixup().partners(skeletons(), generator(seed)) for seed in range(400)])
    places = torch.arange(6)
    assert not (partner == places).any()
    counts = torch.stack([(partner == other).sum(dim=0) for other in range(6)])
    assert counts[~torch.eye(6, dtype=torch.bool)].min() > 40  # 80 are expected


def test_a_batch_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match='batch size of at least 2'):
        ResizeMix(layout='nucla').sample(skeletons(n=1))


def slow_mix(mix: RegionMix, x: Tensor, params: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """What is replaced, place by place, and its share of the places of bodies that are there."""
    y, n, t = x.clone(), len(x), x.shape[2]
    shares = torch.zeros(n)
    for i in range(n):
        j, start, length = (int(params[name][i]) for name in ('partner', 'start', 'length'))
        there = [m for m in range(x.shape[-1]) if bool(x[i, ..., m].any())]
        places = 0
        for m in there:
            for frame in range(start, start + length):
                for v in range(20):
                    if params['joints'][i, v] and bool(x[j, ..., m].any()):
                        source = torch.tensor(float(frame))
                        if mix.resize:
                            source = (frame - start) * torch.tensor((t - 1) / max(length - 1, 1))
                        low = min(int(source), t - 1)
                        high, part = min(low + 1, t - 1), float(source) - low
                        y[i, :, frame, v, m] = (1 - part) * x[j, :, low, v, m] + part * x[j, :, high, v, m]
                        places += 1
        shares[i] = places / max(len(there) * t * 20, 1)
    return y, shares


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize(
    'mix',
    [
        PartCutMix(layout='nucla'), TimeCutMix(layout='nucla'), ResizeMix(layout='nucla'),
        ResizeMix(resize=False, layout='nucla'), TimeCutMix((0.05, 0.1), layout='nucla'),
    ],
)
def test_regions_are_the_partners_and_shares_count_them(mix: RegionMix, seed: int) -> None:
    x = skeletons(n=4)
    x[1, ..., 1] = 0
    params = mix.sample(x, generator(seed))
    expected, shares = slow_mix(mix, x, params)
    torch.testing.assert_close(mix.apply(x, **params), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(params['share'], shares)


def test_parts_and_windows_lie_in_their_ranges_and_reach_both_ends() -> None:
    mix = ResizeMix(parts=(1, 2), frames=(0.3, 0.5), layout='nucla')
    params = mix.sample(skeletons(n=400), generator())
    assert params['length'].unique().tolist() == [3, 4, 5]
    assert params['start'].min() == 0 and (params['start'] + params['length']).max() == 10
    whole = [
        sum(bool(row[list(part)].all()) for part in LAYOUT.parts.values()) for row in params['joints']
    ]
    assert set(whole) == {1, 2}


def test_squeezed_sequence_keeps_its_ends_in_the_window() -> None:
    x = torch.arange(9.0).reshape(1, 1, 9, 1, 1)
    found = squeeze(x, torch.tensor([2]), torch.tensor([5])).flatten()
    assert found.tolist() == [0, 0, 0, 2, 4, 6, 8, 8, 8]


def test_nothing_of_a_sequence_that_stays_is_someone_elses() -> None:
    for mix in (SkeletonMixup(p=0), TimeCutMix(p=0, layout='nucla')):
        params = mix.sample(skeletons(), generator())
        assert torch.equal(mix.sources(**params), torch.eye(6))


def test_sources_name_both_by_their_shares() -> None:
    found = two_sources(torch.tensor([2, 1, 0]), torch.tensor([0.25, 0.0, 1.0]))
    torch.testing.assert_close(found, torch.tensor([[0.75, 0, 0.25], [0, 1, 0], [1, 0, 0]]))


def test_policy_composes_two_mixings() -> None:
    """Mixed with the third, and the result mixed with the (mixed) second."""
    cfg = [dict(type='SkeletonMixup'), dict(type='SkeletonMixup')]
    policy = POLICIES.build(dict(type='SingleViewPolicy', augmentations=cfg), layout='nucla')
    x = skeletons(m=1)
    [view] = policy(x, lambda coordinates: coordinates, generator()).views
    torch.testing.assert_close(torch.einsum('ij,jctvm->ictvm', view.sources, x), view.skeleton)


def head_loss(labels: Tensor, sources: Tensor | None, logits: Tensor) -> Any:
    view = View('mixed', torch.zeros(len(labels), 3, 4, 20, 1), sources=sources)
    step = Step(
        MultiView((view,)), labels=labels, encode=lambda _: Features(logits), classify=lambda z: z
    )
    return HEADS.build(dict(type='ClassificationHead'))(step)


def test_head_scores_a_mixture_against_both_labels() -> None:
    logits, labels = torch.randn(3, 4, generator=generator()), torch.tensor([0, 3, 1])
    sources = two_sources(torch.tensor([1, 2, 0]), torch.tensor([0.3, 0.6, 0.0]))
    log = logits.log_softmax(dim=1)
    expected = -(0.7 * log[0, 0] + 0.3 * log[0, 3] + 0.4 * log[1, 3] + 0.6 * log[1, 1] + log[2, 1]) / 3
    torch.testing.assert_close(head_loss(labels, sources, logits).losses['cross_entropy'], expected)


def test_head_leaves_out_a_mixture_with_an_unlabelled_part() -> None:
    logits, labels = torch.randn(3, 4, generator=generator()), torch.tensor([0, -1, 1])
    sources = two_sources(torch.tensor([1, 2, 0]), torch.tensor([0.3, 0.6, 0.5]))
    log = logits.log_softmax(dim=1)
    expected = -(0.5 * log[2, 1] + 0.5 * log[2, 0])
    torch.testing.assert_close(head_loss(labels, sources, logits).losses['cross_entropy'], expected)


def test_views_that_are_not_mixed_are_scored_as_ever() -> None:
    logits, labels = torch.randn(3, 4, generator=generator()), torch.tensor([0, -1, 1])
    plain, identity = (head_loss(labels, sources, logits) for sources in (None, torch.eye(3)))
    torch.testing.assert_close(plain.losses['cross_entropy'], identity.losses['cross_entropy'])
    assert plain.diagnostics['top1'] == identity.diagnostics['top1']


def test_term_that_reads_labels_and_cannot_mix_them_is_refused() -> None:
    mixing = dict(type='SingleViewPolicy', augmentations=[dict(type='SkeletonMixup')])
    cfg = dict(
        type='Learner', layout='nucla', backbone=dict(type='STGCN', hidden_channels=4, out_channels=8),
        data_preprocessor=dict(type='SkeletonPreprocessor', policy=mixing),
        regularizers=dict(alignment=dict(type='AdversarialAlignment')),
    )
    with pytest.raises(ConfigError, match='AdversarialAlignment reads labels and cannot mix them'):
        MODELS.build(cfg)


@pytest.mark.parametrize(
    'wrong',
    [dict(parts=(0, 1)), dict(parts=(1, 9)), dict(frames=(0.0, 0.5)), dict(frames=(0.6, 0.5)), dict(p=2)],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match='must'):
        ResizeMix(layout='nucla', **wrong)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: f'{path.parent.name}/{path.stem}')
def test_config_trains_on_synthetic_data(path: Path, tmp_path: Path) -> None:
    options = {
        'train_dataloader.batch_size': 4, 'train_dataloader.dataset.num_frames': 8, 'train_cfg.max_epochs': 1,
        'model.backbone.hidden_channels': 4,
    }
    cfg = load_config(path)
    if cfg.model.backbone.type == 'STGCN':
        options['model.backbone.out_channels'] = 8
    if cfg.model.get('queue') is not None:
        options['model.queue.size'] = 4
    if 'epoch_length' in cfg.train_dataloader.sampler:
        options['train_dataloader.sampler.epoch_length'] = 8
    assert tasks.train(load_config(path, options, synthetic=24), tmp_path).is_file()
