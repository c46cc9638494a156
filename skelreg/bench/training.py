"""Cases around a training step: pretext steps of every backbone, augmentation, evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..engine.copies import BASIC
from ..functional.neighbors import knn_predict
from ..plugin_manager import load_plugins
from ..registry import MODELS, OPTIM_WRAPPERS
from .measure import Figure, figure, in_units, ratios, seconds, threads

#: The release's pretext: channels, frames, joints, bodies; queue; NTU60 x-sub's sizes.
SHAPE, QUEUE, TRAIN, TEST, WIDTH, CLASSES = (3, 50, 25, 2), 32768, 40091, 16487, 256, 60
#: Share of NTU60's sequences in which one body is there.
ONE_BODY = 0.8
RELEASE_VIEWS = 0.0078  # units a sequence for four views, in the authors' release
NORMAL = [
    dict(type='SpatialFlip', p=0.5),
    dict(type='Rotate'),
    dict(type='GaussianNoise', std=0.01, p=0.5),
    dict(type='GaussianBlur', sigma=(0.1, 2.0), p=0.5),
    dict(type='AxisMask', p=0.5),
]
STGCN: dict[str, Any] = dict(type='STGCN', hidden_channels=16, out_channels=256, dropout=0.5)
BACKBONES: dict[str, dict[str, Any]] = {
    'stgcn': STGCN,
    'transformer': dict(type='Transformer'),
    'gru': dict(type='GRU'),
}


class Bounds(NamedTuple):
    """What is asked of a step of a batch of 16 on two threads, in units."""

    goal: float
    aim: float


EXACT, FAST = Bounds(16.0, 14.0), Bounds(7.0, 5.0)


def pretext_model(backbone: dict[str, Any]) -> Any:
    """HiCLR's learner as the release sizes it, in training mode."""
    load_plugins()
    strong = [dict(type='JointMask', ratio=0.1)]
    policy = dict(type='GrowingPolicy', key=BASIC, stages=[BASIC, NORMAL, strong])
    model = MODELS.build(
        dict(
            type='Learner',
            backbone=backbone,
            projector=dict(type='MLPProjection', out_channels=128),
            key_encoder=dict(momentum=0.999),
            queue=dict(size=QUEUE),
            heads=dict(hierarchy=dict(type='HierarchicalConsistencyHead')),
            data_preprocessor=dict(type='SkeletonPreprocessor', policy=policy),
        ),
        where='model',
    )
    model.init_weights()
    return model.train()


def batch_of(size: int, one_body: float = 0.0, device: torch.device | str = 'cpu') -> dict[str, Tensor]:
    """A batch of noise; in so large a share of it the second body is absent."""
    x = torch.randn(size, *SHAPE, device=device)
    x[: round(size * one_body), ..., 1] = 0
    return dict(inputs=x, labels=torch.zeros(size, dtype=torch.int64, device=device))


def step_of(model: Any, batch: dict[str, Tensor], precision: str = 'float32') -> Callable[[], Any]:
    """One training step: augmentation, three forwards and backwards, one key forward, SGD, queue."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9, weight_decay=1e-4)
    wrapper = dict(type='OptimWrapper', optimizer=optimizer)
    if precision == 'bfloat16':
        wrapper['type'] = 'AutocastOptimWrapper'
    built = OPTIM_WRAPPERS.build(wrapper)
    return lambda: model.train_step(batch, built)


def exact_step(size: int) -> Callable[[], Any]:
    """The release's arithmetic in float32."""
    return step_of(pretext_model(STGCN), batch_of(size))


def fast_step(size: int) -> Callable[[], Any]:
    """Absent bodies skipped, and bfloat16 where the CPU has instructions for it; 80 % have one body."""
    model = pretext_model({**STGCN, 'absent_bodies': 'skip'})
    return step_of(model, batch_of(size, ONE_BODY), fast_precision())


def fast_precision() -> str:
    """What the fast step computes in on this CPU."""
    return 'bfloat16' if torch.cpu._is_avx512_bf16_supported() else 'float32'


def fast_remark() -> str:
    """What a reader of its figures needs to know."""
    if fast_precision() == 'bfloat16':
        return 'bfloat16'
    return 'float32: this CPU lacks the bfloat16 that the goal assumes'


def pretext_exact(size: int, num_threads: int) -> Figure:
    """The exact step in units."""
    asked = (size, num_threads) == (16, 2)
    with threads(num_threads):
        values = in_units(exact_step(size))
    return figure(
        f'pretext step, exact, batch {size}, {num_threads} thread(s)', values, 'units',
        goal=EXACT.goal if asked else None, aim=EXACT.aim if asked else None,
    )


def pretext_fast(size: int, num_threads: int) -> Figure:
    """The fast step in units."""
    asked = (size, num_threads) == (16, 2)
    with threads(num_threads):
        values = in_units(fast_step(size))
    return figure(
        f'pretext step, fast, batch {size}, {num_threads} thread(s)', values, 'units',
        goal=FAST.goal if asked else None, aim=FAST.aim if asked else None, remark=fast_remark(),
    )


def pretext_of(backbone: str, num_threads: int) -> Figure:
    """The same step with another backbone of the release's or the field's width."""
    with threads(num_threads):
        values = in_units(step_of(pretext_model(BACKBONES[backbone]), batch_of(16)))
    return figure(f'pretext step, {backbone}, batch 16, {num_threads} thread(s)', values, 'units')


def four_views_of(size: int) -> Callable[[], Any]:
    """Views (basic, basic, normal, normal) of a batch."""
    load_plugins()
    policy = dict(type='GrowingPolicy', key=BASIC, stages=[BASIC, NORMAL, []])
    preprocessor = MODELS.build(dict(type='SkeletonPreprocessor', policy=policy), where='preprocessor')
    batch = batch_of(size)
    return lambda: preprocessor(dict(batch), training=True)


def augmentation(size: int) -> Figure:
    """Four views of a sequence, one thread."""
    with threads(1):
        values = in_units(four_views_of(size), repeats=9)
    return figure(
        f'four augmented views, a sequence of a batch of {size}, 1 thread',
        [value / size for value in values], 'units', goal=RELEASE_VIEWS / 10 if size == 64 else None,
    )


def linear_protocol() -> Figure:
    """100 epochs of the probe on stored features, and the encoder once, against the encoder every epoch."""
    load_plugins()
    model = MODELS.build(
        dict(
            type='Learner', backbone=STGCN, frozen=('backbone',),
            classifier=dict(type='LinearClassifier', num_classes=CLASSES),
            heads=dict(classification=dict(type='ClassificationHead')),
        ),
        where='model',
    ).train()
    x = batch_of(64)['inputs']
    features = dict(pooled=torch.randn(128, WIDTH), labels=torch.randint(CLASSES, (128,)))
    probe = step_of(model, features)
    steps = TRAIN // 128

    def encode() -> None:
        with torch.no_grad():
            model.backbone(x)

    values = []
    for _ in range(5):
        once = seconds(encode) / len(x) * TRAIN
        probing = seconds(lambda: [probe() for _ in range(50)]) / 50 * steps * 100
        values.append((once + probing) / (100 * once))
    return figure(
        'linear protocol, 100 epochs, against encoding in every epoch', values, 'ratio', goal=0.02,
        remark='times of 64 encoded sequences and 50 steps, scaled to NTU60 x-sub',
    )


def nearest_neighbours() -> Figure:
    """Exact kNN of 16,000 queries on 40,000 keys against the matrix product alone."""
    queries, keys = torch.randn(16_000, WIDTH), torch.randn(40_000, WIDTH)
    labels = torch.randint(CLASSES, (len(keys),))

    def products() -> None:
        for chunk in queries.split(1024):
            chunk @ keys.T  # not kept: 2.5 GB of new memory would take longer than the product

    values = ratios(lambda: knn_predict(queries, keys, labels, 20, CLASSES), products, repeats=5)
    return figure('kNN, 16,000 on 40,000, against its matrix product', values, 'ratio')


def cases(sizes: tuple[int, ...] = (16, 64)) -> Iterator[tuple[str, Callable[[], Figure]]]:
    """Name -> what measures it."""
    for size in sizes:
        for count in (1, 2):
            yield f'exact-{size}-{count}', partial(pretext_exact, size, count)
            yield f'fast-{size}-{count}', partial(pretext_fast, size, count)
        yield f'augment-{size}', partial(augmentation, size)
    for backbone in ('transformer', 'gru'):
        yield f'{backbone}-2', partial(pretext_of, backbone, 2)
    yield 'linear', linear_protocol
    yield 'knn', nearest_neighbours
