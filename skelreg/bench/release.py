"""The arithmetic of the authors' HiCLR release, written down plainly, to be measured on the same machine.

None of it is their code: it is what the method's description says, one torch operation after the other, and
views in NumPy, one sequence at a time. Parameters bear the release's names, so that its weights load; the
tests hold it against the authors' numbers and against the components that training uses.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ..graphs import adjacency, get_layout
from . import training
from .measure import Figure, figure, in_units, ratios, threads

View = NDArray[np.float64]
#: Units that the release's step took without augmentation, batch 16, two threads, on another machine.
RELEASE_STEP = 20.6
CROP_RATIO, SHEAR, MAIN_DEGREES, MINOR_DEGREES, NOISE, BLUR_REACH = 6, 0.5, 30.0, 1.0, 0.01, 7


class GraphConvolution(nn.Module):
    """A 1 x 1 convolution to three subsets, then their sum over the neighbours of each."""

    def __init__(self, in_channels: int, out_channels: int, subsets: int) -> None:
        super().__init__()
        self.subsets = subsets
        self.conv = nn.Conv2d(in_channels, out_channels * subsets, 1)

    def forward(self, x: Tensor, graph: Tensor) -> Tensor:
        """Shape: x (N, C, T, V), graph (K, V, V); output (N, C', T, V)."""
        n, _, t, v = x.shape
        subsets = self.conv(x).view(n, self.subsets, -1, t, v)
        return torch.einsum('nkctv,kvw->nctw', subsets, graph).contiguous()


class Block(nn.Module):
    """Graph convolution, then convolution over time, and what skips them."""

    def __init__(
        self, before: int, after: int, stride: int, first: bool, dropout: float, subsets: int
    ) -> None:
        super().__init__()
        self.gcn = GraphConvolution(before, after, subsets)
        self.tcn = nn.Sequential(
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
            nn.Conv2d(after, after, (9, 1), (stride, 1), (4, 0)),
            nn.BatchNorm2d(after),
            nn.Dropout(0.0 if first else dropout, inplace=True),
        )
        self.first = first
        self.residual: nn.Module = nn.Identity()
        if not first and (before != after or stride != 1):
            self.residual = nn.Sequential(nn.Conv2d(before, after, 1, (stride, 1)), nn.BatchNorm2d(after))

    def forward(self, x: Tensor, graph: Tensor) -> Tensor:
        """Shape: x (N, C, T, V); output (N, C', T', V)."""
        moved = self.tcn(self.gcn(x, graph))
        return F.relu(moved if self.first else moved + self.residual(x), inplace=True)


class Encoder(nn.Module):
    """The release's ST-GCN of ten blocks.

    Args:
        hidden_channels, out_channels: Width of the first blocks and of the last one.
        head: What becomes of the features.
        dropout: In blocks 2 to 10.
    """

    A: Tensor

    def __init__(self, hidden_channels: int, out_channels: int, head: nn.Module, dropout: float) -> None:
        super().__init__()
        graph, h = adjacency('ntu_rgbd', 'release_spatial'), hidden_channels
        self.register_buffer('A', graph)
        subsets, num_joints = graph.shape[:2]
        self.data_bn = nn.BatchNorm1d(3 * num_joints)
        widths = [3, h, h, h, h, 2 * h, 2 * h, 2 * h, 4 * h, 4 * h, out_channels]
        self.st_gcn_networks = nn.ModuleList(
            Block(widths[i], widths[i + 1], 2 if i in (4, 7) else 1, i == 0, dropout, subsets)
            for i in range(10)
        )
        for i in range(10):
            self.register_parameter(f'edge_importance{i + 1}', nn.Parameter(torch.ones_like(graph)))
        self.fc = head

    def forward(self, x: Tensor) -> Tensor:
        """Shape: x (N, 3, T, 25, M)."""
        n, c, t, v, m = x.shape
        x = self.data_bn(x.permute(0, 4, 3, 1, 2).reshape(n * m, v * c, t))
        x = x.view(n, m, v, c, t).permute(0, 1, 3, 4, 2).reshape(n * m, c, t, v)
        for i, block in enumerate(self.st_gcn_networks):
            x = block(x, self.A * getattr(self, f'edge_importance{i + 1}'))
        pooled: Tensor = self.fc(x.mean(dim=(2, 3)).view(n, m, -1).mean(dim=1))
        return pooled


class HiCLR(nn.Module):
    """The pretext task: two encoders, a queue, and the loss of three views before mining starts.

    Args:
        hidden_channels, out_channels, dropout: Of the encoders.
        features: Width of what is compared.
        queue_size, momentum, temperature: Of the contrast.
    """

    queue: Tensor
    queue_ptr: Tensor

    def __init__(
        self,
        hidden_channels: int = 16,
        out_channels: int = 256,
        dropout: float = 0.5,
        features: int = 128,
        queue_size: int = training.QUEUE,
        momentum: float = 0.999,
        temperature: float = 0.07,
    ) -> None:
        super().__init__()
        self.momentum, self.temperature = momentum, temperature
        hidden = nn.Linear(out_channels, out_channels)
        head = nn.Sequential(hidden, nn.ReLU(), nn.Linear(out_channels, features))
        self.encoder_q = Encoder(hidden_channels, out_channels, head, dropout)
        self.encoder_k = copy.deepcopy(self.encoder_q).requires_grad_(False)
        self.mask_param = nn.Parameter(torch.zeros(1))
        self.register_buffer('queue', F.normalize(torch.randn(features, queue_size), dim=0))
        self.register_buffer('queue_ptr', torch.zeros(1, dtype=torch.int64))

    def forward(self, weak: Tensor, key: Tensor, normal: Tensor, strong: Tensor, hidden: Tensor) -> Tensor:
        """The loss.

        Shape:
            weak, key, normal, strong: (N, 3, T, 25, M); hidden: (T, 25) booleans, joints masked in `strong`.
        """
        strong = torch.where(hidden[:, :, None], self.mask_param, strong)
        queries = [F.normalize(self.encoder_q(view), dim=1) for view in (weak, normal, strong)]
        with torch.no_grad():
            pairs = zip(self.encoder_k.parameters(), self.encoder_q.parameters(), strict=True)
            for theirs, ours in pairs:
                theirs.copy_(theirs * self.momentum + ours * (1 - self.momentum))
            keys = F.normalize(self.encoder_k(key), dim=1)
        old = self.queue.clone()
        logits = [
            torch.cat([(query * keys).sum(dim=1, keepdim=True), query @ old], dim=1) / self.temperature
            for query in queries
        ]
        p0, p1, p2 = (scores.softmax(dim=1) for scores in logits)
        with torch.no_grad():
            start = int(self.queue_ptr)
            self.queue[:, start : start + len(keys)] = keys.T
            self.queue_ptr[0] = (start + len(keys)) % self.queue.shape[1]
        contrast = F.cross_entropy(logits[0], torch.zeros(len(keys), dtype=torch.int64))
        levels = [-(t.detach() * s.log()).sum(dim=1).mean() for t, s in ((p0, p1), (p1, p2))]
        return contrast + sum(levels) / 2


def step_of(model: HiCLR, size: int) -> Callable[[], Any]:
    """A training step without augmentation, as the release's figure was measured."""
    views = [training.batch_of(size)['inputs'] for _ in range(4)]
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9, weight_decay=1e-4)
    _, num_frames, num_joints, _ = training.SHAPE

    def step() -> None:
        hidden = torch.rand(num_frames, num_joints).argsort(dim=1) < int(0.1 * num_joints)
        optimizer.zero_grad()
        model(*views, hidden).backward()
        optimizer.step()

    return step


def four_views(x: NDArray[np.floating[Any]]) -> tuple[View, View, View, View]:
    """Basic for the query and for the key, and normal twice, of one sequence (3, T, 25, M).

    Draws from the global generators of Python and NumPy in the release's order.
    """
    return _basic(x), _basic(x), _normal(_basic(x)), _normal(_basic(x))


def _basic(x: NDArray[np.floating[Any]]) -> View:
    length = x.shape[1]
    padding = length // CROP_RATIO
    padded = np.concatenate([x[:, :padding][:, ::-1], x, x[:, length - padding :][:, ::-1]], axis=1)
    start = np.random.randint(0, 2 * padding + 1)
    a1, a2, a3, b1, b2, b3 = (random.uniform(-SHEAR, SHEAR) for _ in range(6))
    return _map(padded[:, start : start + length], [[1, a1, b1], [a2, 1, b2], [a3, b3, 1]])


def _normal(x: View) -> View:
    if random.random() < 0.5:
        x = x[:, :, get_layout('ntu_rgbd').flip_index]
    main = random.randint(0, 2)
    degrees = [random.uniform(0, MAIN_DEGREES if axis == main else MINOR_DEGREES) for axis in range(3)]
    x = _rotate(x, np.radians(degrees))
    if random.random() < 0.5:
        x = x + np.random.normal(0, NOISE, x.shape)
    x = _blur(x, random.uniform(0.1, 2.0), np.random.random_sample() < 0.5)
    if random.random() < 0.5:
        x = x.copy()
        x[random.randint(0, 2)] = 0
    return x


def _map(x: NDArray[np.floating[Any]], matrix: Sequence[Sequence[float]]) -> View:
    """A matrix times the coordinates of every joint."""
    rows = np.dot(x.transpose(1, 2, 3, 0), np.transpose(matrix))
    return np.ascontiguousarray(rows.transpose(3, 0, 1, 2))


def _rotate(x: View, radians: NDArray[np.float64]) -> View:
    (cx, cy, cz), (sx, sy, sz) = np.cos(radians), np.sin(radians)
    for matrix in (
        [[1, 0, 0], [0, cx, sx], [0, -sx, cx]],
        [[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]],
        [[cz, sz, 0], [-sz, cz, 0], [0, 0, 1]],
    ):
        x = _map(x, matrix)
    return x


def _blur(x: View, sigma: float, applied: bool) -> View:
    """15 taps along time, one channel after the other, as torch's depthwise convolution."""
    if not applied:
        return x
    offset = torch.arange(-BLUR_REACH, BLUR_REACH + 1, dtype=torch.float64)
    taps = torch.exp(-offset.square() / (2 * sigma**2)).expand(3, 1, 1, -1)
    flat = torch.from_numpy(np.ascontiguousarray(x.transpose(3, 0, 2, 1)))  # (M, 3, V, T)
    blurred = F.conv2d(flat, taps, padding=(0, BLUR_REACH), groups=3)
    return blurred.numpy().transpose(1, 3, 2, 0)


def plain_step(size: int, num_threads: int) -> Figure:
    """The plain step in units, to be held beside the release's figure of another machine."""
    with threads(num_threads):
        values = in_units(step_of(HiCLR().train(), size))
    return figure(
        f'pretext step, plain, batch {size}, {num_threads} thread(s)', values, 'units',
        remark=f'without augmentation; {RELEASE_STEP} were measured of the release on another machine',
    )


def against_plain_step(name: str, size: int, num_threads: int) -> Figure:
    """The exact or the fast step, augmentation included, against the plain one without."""
    make, bounds, remark = {
        'exact': (training.exact_step, training.EXACT, ''),
        'fast': (training.fast_step, training.FAST, training.fast_remark()),
    }[name]
    with threads(num_threads):
        values = ratios(make(size), step_of(HiCLR().train(), size), repeats=5)
    return figure(
        f'pretext step, {name}, batch {size}, {num_threads} thread(s), against the plain one',
        values, 'ratio', goal=bounds.goal / RELEASE_STEP, aim=bounds.aim / RELEASE_STEP, remark=remark,
    )


def against_plain_views(size: int) -> Figure:
    """Four views of a batch against NumPy, one sequence after the other, one thread."""
    ours = training.four_views_of(size)
    sequences = training.batch_of(size)['inputs'].numpy()
    with threads(1):
        values = ratios(ours, lambda: [four_views(x) for x in sequences], repeats=9)
    return figure(
        f'four augmented views, batch {size}, 1 thread, against plain NumPy',
        values, 'ratio', goal=0.1,
    )


def cases() -> Iterator[tuple[str, Callable[[], Figure]]]:
    """Name -> what measures it."""
    yield 'plain-16-2', partial(plain_step, 16, 2)
    for name in ('exact', 'fast'):
        yield f'{name}-plain-16-2', partial(against_plain_step, name, 16, 2)
    yield 'augment-plain-64', partial(against_plain_views, 64)
