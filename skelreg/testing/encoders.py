"""The contracts of backbones and necks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..graphs import SkeletonLayout, get_layout
from ..registry import BACKBONES, NECKS
from ..structures import Features
from .contract import Contract, build, check_saving, seeded

BATCH = 3


def check_backbone(
    cfg: Mapping[str, Any],
    layout: str | SkeletonLayout = 'ntu_rgbd',
    in_channels: int = 3,
    num_frames: Sequence[int] = (16, 13),
    bodies: Sequence[int] = (2, 1),
) -> None:
    """Check what a learner relies on in a backbone.

    Args:
        cfg: Its config; `type` may be a name or a class.
        layout: Skeleton layout to build it for.
        in_channels: C to build it for.
        num_frames: Each T that it must take.
        bodies: Each M that it must take.

    Raises:
        ContractError: With the first broken clause: builds, runs, output, shape, dtype, finite, device,
            input is not modified, gradient, eval is deterministic, batch independence, save and load, edges.
    """
    layout = get_layout(layout)

    def make() -> Any:
        return seeded(lambda: build(BACKBONES, cfg, layout=layout, in_channels=in_channels))

    backbone = make()
    contract = Contract(type(backbone).__name__)
    _check_attributes(contract, backbone, in_channels=in_channels, num_joints=layout.num_joints)

    def noise(t: int = num_frames[0], m: int = bodies[0]) -> Tensor:
        return seeded(lambda: torch.randn(BATCH, in_channels, t, layout.num_joints, m), seed=1)

    for t in num_frames:
        for m in bodies:
            _check_features(contract, backbone.train(), noise(t, m))
    absent = noise()
    absent[0], absent[1:, ..., -1] = 0, 0
    with contract.runs('a sequence of absent bodies (all zeros)'):
        contract.finite(backbone.eval()(absent).pooled, 'absent bodies (all zeros) give NaN or infinity')
    _check_module(contract, make, noise(), lambda module, x: module(x).pooled)
    if backbone.takes_edges:
        _check_edges(contract, make().eval(), noise())


def check_neck(cfg: Mapping[str, Any], in_channels: int = 8) -> None:
    """Check what a learner relies on in a neck, projector or classifier.

    Args:
        cfg: Its config; `type` may be a name or a class.
        in_channels: D to build it for.

    Raises:
        ContractError: With the first broken clause, as of `check_backbone`.
    """

    def make() -> Any:
        return seeded(lambda: build(NECKS, cfg, in_channels=in_channels))

    neck = make()
    contract = Contract(type(neck).__name__)
    _check_attributes(contract, neck, in_channels=in_channels)
    x = seeded(lambda: torch.randn(BATCH, in_channels), seed=1)
    with contract.runs(f'input of shape {tuple(x.shape)}'):
        y = neck(x)
    contract.require(isinstance(y, Tensor), 'output', f'forward returns {type(y).__name__}, not a tensor')
    expected = (BATCH, neck.out_channels)
    detail = f'output is {tuple(y.shape)}, not (N, out_channels) = {expected}'
    contract.require(y.shape == expected, 'shape', detail)
    _check_module(contract, make, x, lambda module, inputs: module(inputs))


def _check_attributes(contract: Contract, module: nn.Module, **expected: int) -> None:
    """Clause 'attributes'."""
    for name in ('out_channels', *expected):
        contract.require(hasattr(module, name), 'attributes', f'it does not set self.{name}')
    contract.require(
        isinstance(module.out_channels, int) and module.out_channels > 0,
        'attributes', f'out_channels must be a positive integer, is {module.out_channels!r}',
    )
    for name, value in expected.items():
        found = getattr(module, name)
        is_any = name == 'num_joints' and found is None
        contract.require(is_any or found == value, 'attributes', f'{name} is {found!r}, built for {value}')


def _check_features(contract: Contract, backbone: Any, x: Tensor) -> None:
    shape = tuple(x.shape)
    with contract.runs(f'input of shape {shape}'):
        features = backbone(x)
    contract.require(
        isinstance(features, Features), 'output', f'forward returns {type(features).__name__}, not Features'
    )
    pooled, expected = features.pooled, (len(x), backbone.out_channels)
    contract.require(
        pooled.shape == expected, 'shape',
        f'pooled is {tuple(pooled.shape)}, not (N, out_channels) = {expected}, for input {shape}',
    )
    if features.map is not None:
        found = tuple(features.map.shape)
        kept = len(found) == 5 and (found[0], found[1], found[-1]) == (*expected, shape[-1])
        contract.require(kept, 'shape', f"map is {found}, not (N, D, T', V', M), for input {shape}")
    contract.finite(pooled, f'pooled holds NaN or infinity for input {shape}')


def _check_edges(contract: Contract, backbone: Any, x: Tensor) -> None:
    """Clause 'edges': graphs of one a sequence or body are handed out, and what comes back is used."""
    shapes: list[tuple[int, ...]] = []

    def unchanged(graph: Tensor) -> Tensor:
        shapes.append(tuple(graph.shape))
        return graph

    def emptied(graph: Tensor) -> Tensor:
        return torch.zeros_like(graph)

    with contract.runs('a perturbation of edges'):
        plain, same, without = (backbone(x, edges=edges).pooled for edges in (None, unchanged, emptied))
    good = [len(s) == 4 and s[0] % len(x) == 0 and s[2] == s[3] for s in shapes]
    detail = f'graphs must be (N, K, V, V), N a multiple of the batch, they are {shapes}'
    contract.require(bool(shapes) and all(good), 'edges', detail)
    contract.same(plain, same, 'edges', 'a perturbation that changes nothing changes the result', exact=False)
    contract.require(not torch.allclose(plain, without), 'edges', 'a graph without edges changes nothing')


def _check_module(
    contract: Contract, make: Callable[[], Any], x: Tensor, run: Callable[[Any, Tensor], Tensor]
) -> None:
    """The clauses that backbones and necks share."""
    module = make()
    first, second = (seeded(lambda: run(make().eval(), x), seed=1) for _ in range(2))
    contract.same(first, second, 'builds', 'one seed gives two different instances')
    with contract.unchanged({'the input': x}):
        run(module.train(), x)
    _check_dtype(contract, make(), x, run)
    _check_gradient(contract, make().train(), x, run)
    contract.device(lambda device: _on_device(make(), x, run, device))
    module.eval()
    y = seeded(lambda: run(module, x), seed=1)
    again = seeded(lambda: run(module, x), seed=2)
    contract.same(y, again, 'eval is deterministic', 'two runs on one input differ')
    alone = torch.cat([run(module, row[None]) for row in x])
    detail = 'in eval mode a sequence alone gives another result than within a batch'
    contract.same(y, alone, 'batch independence', detail, exact=False)
    module.train()
    run(module, 3 * x + 1)
    check_saving(contract, module, _scrambled(make()), lambda saved: run(saved, x))


def _scrambled(module: nn.Module) -> nn.Module:
    """The module with other weights, so that only loading can bring back the saved ones."""
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(1)
    return module


def _check_dtype(contract: Contract, module: Any, x: Tensor, run: Callable[[Any, Tensor], Tensor]) -> None:
    """Clause 'dtype': float32 in, float32 out; likewise float64."""
    for dtype in (torch.float32, torch.float64):
        try:
            found = run(module.to(dtype), x.to(dtype)).dtype
        except RuntimeError as error:
            contract.broken('dtype', f'a {dtype} module with {dtype} input raises {error}')
        contract.require(found == dtype, 'dtype', f'a {dtype} module with {dtype} input gives {found}')


def _check_gradient(contract: Contract, module: Any, x: Tensor, run: Callable[[Any, Tensor], Tensor]) -> None:
    """Clause 'gradient': to the input and to every parameter."""
    x = x.clone().requires_grad_()
    y = run(module, x)
    contract.require(y.requires_grad, 'gradient', 'the output is cut off from the input')
    (y * seeded(lambda: torch.randn(y.shape), seed=2)).sum().backward()
    contract.gradients([('the input', x), *module.named_parameters()], 'gradient')
    is_there = x.grad is not None and bool(x.grad.any())
    contract.require(is_there, 'gradient', 'that of the input is zero everywhere')


def _on_device(
    module: Any, x: Tensor, run: Callable[[Any, Tensor], Tensor], device: torch.device
) -> Iterable[Tensor]:
    return [run(module.to(device).eval(), x.to(device))]
