"""DroppedConsistencyHead against loops."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from skelreg.errors import ConfigError
from skelreg.heads.dropped_consistency import DroppedConsistencyHead
from skelreg.structures import Features, MultiView, Step, View
from tests.reference import contrast as reference
from tests.reference import feature_drop

N, D, K = 4, 5, 11


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def unit(x: Tensor) -> Tensor:
    return torch.nn.functional.normalize(x, dim=1)


def make_step(maps: list[Tensor]) -> Step:
    views = tuple(View(f'stage_{i}', torch.tensor(float(i))) for i in range(len(maps)))
    features = [Features(x.mean(dim=(2, 3, 4)), map=x) for x in maps]
    keys = noise(N, D, seed=100)
    return Step(
        MultiView(views, key=View('key', torch.zeros(()))),
        encode=lambda view: features[int(view.skeleton)],
        embed=lambda pooled: pooled.flip(1),
        project=lambda z: 3 * z,
        encode_key=lambda _: keys,
        negatives=unit(noise(K, D, seed=101)),
    )


def maps_of(num_views: int) -> list[Tensor]:
    return [noise(N, D, 3, 4, 2, seed=seed) for seed in range(num_views)]


def rows_of(step: Step, maps: list[Tensor]) -> list[list[list[float]]]:
    """Cosines of every view with key and queue, and of the strongest one behind the drop."""
    dropped = feature_drop.drop_salient(maps[-1], 0.7)
    pooled = [x.mean(dim=(2, 3, 4)).flip(1) for x in (*maps, dropped)]
    queue, keys = step.negatives.double().tolist(), step.keys.double().tolist()
    return [reference.similarities(unit(x).double().tolist(), keys, queue) for x in pooled]


@pytest.mark.parametrize('num_views', [2, 3])
def test_the_weakest_view_teaches_all_others_and_the_dropped_one(num_views: int) -> None:
    maps = maps_of(num_views)
    step = make_step(maps)
    losses = DroppedConsistencyHead(temperature=0.2)(step).losses
    teacher, *students = rows_of(step, maps)
    levels = [reference.consistency(teacher, student, 0.2) / len(students) for student in students]
    names = [*(f'view_{i}' for i in range(1, num_views)), 'dropped']
    expected = {'info_nce': reference.info_nce(teacher, 0.2), **dict(zip(names, levels, strict=True))}
    assert {name: value.item() for name, value in losses.items()} == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize('name', ['view_1', 'dropped'])
def test_the_teacher_learns_nothing_from_its_students(name: str) -> None:
    maps = [x.requires_grad_() for x in maps_of(2)]
    DroppedConsistencyHead()(make_step(maps)).losses[name].backward()
    assert maps[0].grad is None and maps[1].grad.any()


@pytest.mark.parametrize(('start', 'epoch', 'mines'), [(None, 99, False), (3, 2, False), (3, 3, True)])
def test_teacher_and_students_mine_neighbours(start: int | None, epoch: int, mines: bool) -> None:
    maps = maps_of(2)
    step = make_step(maps)
    head = DroppedConsistencyHead(temperature=0.2, mining_start_epoch=start, topk=2)
    head.set_epoch(epoch)
    rows = rows_of(step, maps)
    positives = reference.mine(rows, 2) if mines else [{0}] * N
    expected = reference.multi_positive(rows[0], positives, 0.2)
    assert head(step).losses['info_nce'].item() == pytest.approx(expected, rel=1e-5)


def test_without_a_map_there_is_nothing_to_drop() -> None:
    step = make_step(maps_of(2))
    pooled = noise(N, D, seed=0)
    object.__setattr__(step, 'encode', lambda _: Features(pooled))
    with pytest.raises(ConfigError, match='this backbone keeps none'):
        DroppedConsistencyHead()(step)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(temperature=0), 'temperature must be > 0'),
        (dict(topk=0), 'topk must be >= 1'),
        (dict(drop_threshold=0.5), 'drop_threshold must be > 0.622'),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DroppedConsistencyHead(**arguments)
