"""The contracts of augmentations and policies."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_args

import torch
from torch import Generator, Tensor

from ..augmentations.base import (
    Augmentation,
    AxisAugmentation,
    InPlaceAugmentation,
    Space,
    is_axis_map,
    is_in_place,
)
from ..functional.axis_maps import AxisMaps
from ..graphs import SkeletonLayout, get_layout
from ..registry import AUGMENTATIONS, POLICIES
from ..structures import MultiView
from .contract import Contract, build, seeded

BATCH, FRAMES, BODIES = 16, 20, 2


def check_augmentation(
    cfg: Mapping[str, Any], layout: str | SkeletonLayout = 'ntu_rgbd', own_draw: bool = True
) -> None:
    """Check what a policy relies on in an augmentation.

    Args:
        cfg: Its config; `type` may be a name or a class.
        layout: Skeleton layout to build it for.
        own_draw: Whether each sequence of a batch must get its own draw; False for what is the same for
            all on purpose, or mixes the sequences of a batch.

    Raises:
        ContractError: With the first broken clause: builds, space, parameters, runs, shape, dtype,
            finite, device, generator, replay, sources, input is not modified, axis maps, in place, own draw,
            gradient, p=0.
    """
    layout = get_layout(layout)
    augmentation = build(AUGMENTATIONS, cfg, layout=layout)
    contract = Contract(type(augmentation).__name__)
    spaces = get_args(Space)
    contract.require(augmentation.space in spaces, 'space', f'{augmentation.space!r} is none of {spaces}')
    if is_axis_map(augmentation):
        has_axes = augmentation.space != 'graph'
        contract.require(has_axes, 'axis maps', 'graphs have no frames, joints and channels')
    x = _graph(layout) if augmentation.space == 'graph' else _noise(layout)
    with contract.runs(f'sample and apply of shape {tuple(x.shape)}'):
        params = augmentation.sample(x, _generator())
        _check_params(contract, params)
        y = augmentation.apply(x, **params)
    _check_result(contract, x, y)
    _check_replay(contract, augmentation, x, params, y)
    _check_sources(contract, augmentation, params)
    if is_axis_map(augmentation):
        _check_blind(contract, augmentation, x, params)
    if is_in_place(augmentation):
        _check_in_place(contract, augmentation, x, params, y)
    nothing = 'a graph without edges' if augmentation.space == 'graph' else 'absent bodies'
    with contract.runs(f'a batch of {nothing} (all zeros)'):
        zeros = torch.zeros_like(x)
        contract.finite(augmentation(zeros, _generator()), f'{nothing} (all zeros) give NaN or infinity')
    if own_draw:
        _check_own_draw(contract, augmentation, x)
    _check_gradient(contract, augmentation, x, params)
    contract.device(lambda device: [build(AUGMENTATIONS, cfg, layout=layout).to(device)(x.to(device))])
    if 'p' in inspect.signature(type(augmentation)).parameters:
        never = build(AUGMENTATIONS, {**cfg, 'p': 0.0}, layout=layout)
        contract.same(x, never(x, _generator()), 'p=0', 'the input is changed with probability 0')


def check_policy(cfg: Mapping[str, Any], layout: str | SkeletonLayout = 'ntu_rgbd') -> None:
    """Check what a preprocessor relies on in a policy.

    Args:
        cfg: Its config; `type` may be a name or a class.
        layout: Skeleton layout to build it for.

    Raises:
        ContractError: With the first broken clause: builds, runs, output, views, shape, dtype, finite,
            stream, device, generator, input is not modified, recipe.
    """
    layout = get_layout(layout)
    policy = build(POLICIES, cfg, layout=layout)
    contract = Contract(type(policy).__name__)
    x, calls = _noise(layout), []

    def stream(coordinates: Tensor) -> Tensor:
        calls.append(coordinates)
        return coordinates * 1.0

    with contract.runs(f'a batch of shape {tuple(x.shape)}'), contract.unchanged({'the input': x}):
        made = _draws_from(contract, lambda generator: policy(x, stream, generator))
    is_made = isinstance(made, MultiView)
    contract.require(is_made, 'output', f'forward returns {type(made).__name__}, not MultiView')
    _check_views(contract, policy, made)
    views = [*([made.key] if made.key is not None else []), *made.views]
    contract.require(len(calls) >= 1, 'stream', 'the views are made without making the stream')
    for view in views:
        _check_result(contract, x, view.skeleton, view.name)
    again = policy(x, stream, _generator())
    for first, second in zip(made.views, again.views, strict=True):
        detail = f'view {first.name} differs between two runs from one generator state'
        contract.same(first.skeleton, second.skeleton, 'generator', detail)
    _check_recipe(contract, policy.recipe(), [view.name for view in views])
    contract.device(lambda device: _on_device(build(POLICIES, cfg, layout=layout).to(device), x.to(device)))


def _check_params(contract: Contract, params: Any) -> None:
    is_dict = isinstance(params, dict) and all(isinstance(value, Tensor) for value in params.values())
    contract.require(is_dict, 'parameters', f'sample returns {params!r:.100}, not a dict of tensors')


def _check_result(contract: Contract, x: Tensor, y: Any, name: str = 'the result') -> None:
    contract.require(isinstance(y, Tensor), 'output', f'{name} is {type(y).__name__}, not a tensor')
    contract.require(y.shape == x.shape, 'shape', f'{tuple(x.shape)} becomes {tuple(y.shape)} in {name}')
    contract.require(y.dtype == x.dtype, 'dtype', f'{x.dtype} becomes {y.dtype} in {name}')
    contract.finite(y, f'{name} holds NaN or infinity')


def _check_replay(
    contract: Contract, augmentation: Augmentation, x: Tensor, params: dict[str, Tensor], y: Tensor
) -> None:
    with contract.unchanged({'the input': x}), contract.unchanged(params, 'replay'):
        again = augmentation.apply(x, **params)
    contract.same(y, again, 'replay', 'apply gives two results for the same parameters; draw in sample only')
    whole = _draws_from(contract, lambda generator: augmentation(x, generator))
    contract.same(y, whole, 'generator', 'one generator state gives two results, or forward is overridden')


def _check_sources(contract: Contract, augmentation: Augmentation, params: dict[str, Tensor]) -> None:
    """Clause 'sources': the shares of an augmentation that mixes are shares."""
    if not augmentation.mixes_labels:
        return
    contract.require(augmentation.mixes, 'sources', 'it mixes labels, and its `mixes` is False')
    contract.require(augmentation.space != 'graph', 'sources', 'graphs have no labels to be mixed')
    with contract.runs('sources'):
        shares = augmentation.sources(**params)
    if shares is None or shares.shape != (BATCH, BATCH):
        found = None if shares is None else tuple(shares.shape)
        contract.broken('sources', f'sources gives {found}, not (N, N) = {(BATCH, BATCH)}')
    sums = shares.sum(dim=1)
    is_shares = bool((shares >= 0).all()) and torch.allclose(sums, torch.ones_like(sums), atol=1e-4)
    contract.require(is_shares, 'sources', 'a row holds a negative share, or its sum is not 1')


def _check_blind(
    contract: Contract, augmentation: AxisAugmentation, x: Tensor, params: dict[str, Tensor]
) -> None:
    """Clause 'axis maps': one row for each sequence, drawn and made before the numbers of x are computed."""
    blank = torch.full_like(x, torch.nan)
    with contract.runs('sample and maps of a batch whose numbers are not computed yet, NaN'):
        blind = augmentation.sample(blank, _generator())
        maps = [augmentation.maps(like, **params) for like in (x, blank)]
    detail = 'what sample draws depends on the numbers of x'
    contract.require(blind.keys() == params.keys(), 'axis maps', detail)
    for name, value in params.items():
        contract.same(value, blind[name], 'axis maps', f'{name} depends on the numbers of x')
    for one in maps:
        contract.require(one.copies == 1, 'axis maps', f'it makes {one.copies} copies of a sequence')
        contract.require(not one.misfit(x), 'axis maps', one.misfit(x))
    for name, seen, unseen in zip(AxisMaps._fields, *(one[:3] for one in maps), strict=False):
        message = f'the map of {name} depends on the numbers of x'
        contract.require((seen is None) == (unseen is None), 'axis maps', message)
        if seen is not None:
            contract.same(seen, unseen, 'axis maps', message)


def _check_in_place(
    contract: Contract, augmentation: InPlaceAugmentation, x: Tensor, params: dict[str, Tensor], y: Tensor
) -> None:
    """Clause 'in place': a batch that lies among others in memory becomes the same, and they stay."""
    both = torch.stack([x, x], dim=1)  # (N, 2, ...)
    with contract.unchanged(params, 'replay'), contract.runs('apply_ of a batch that lies among others'):
        written = augmentation.apply_(both[:, 0], **params)
    contract.same(y, written, 'in place', 'apply_ gives another result for a batch that lies among others')
    contract.same(x, both[:, 1], 'in place', 'apply_ writes over sequences that it was not handed')


def _draws_from(contract: Contract, run: Callable[[Generator], Any]) -> Any:
    """Clause 'generator': all numbers come from the generator that is passed."""
    before = torch.get_rng_state()
    result = run(_generator())
    is_kept = torch.equal(before, torch.get_rng_state())
    contract.require(is_kept, 'generator', "it was handed a generator and draws from torch's global one")
    return result


def _check_own_draw(contract: Contract, augmentation: Augmentation, x: Tensor) -> None:
    """Clause 'own draw': sequences that are alike do not stay alike in every one of several batches."""
    alike = x[:1].expand_as(x).contiguous()
    for seed in range(4):
        y = augmentation(alike, _generator(seed))
        if not torch.equal(y, y[:1].expand_as(y)):
            return
    contract.broken('own draw', 'all sequences of a batch are transformed alike')


def _check_gradient(
    contract: Contract, augmentation: Augmentation, x: Tensor, params: dict[str, Tensor]
) -> None:
    leaf = x.clone().requires_grad_()
    y = augmentation.apply(leaf, **params)
    contract.require(y.requires_grad, 'gradient', 'the result is cut off from the input')
    y.square().sum().backward()
    contract.gradients([('the input', leaf)], 'gradient')


def _check_views(contract: Contract, policy: Any, made: MultiView) -> None:
    made_views, has_key = len(made.views), made.key is not None
    detail = f'it makes {made_views}, num_views says {policy.num_views}'
    contract.require(made_views == policy.num_views, 'views', detail)
    detail = f'has_key is {policy.has_key}, and there is {"a" if has_key else "no"} key view'
    contract.require(has_key == policy.has_key, 'views', detail)
    names = [view.name for view in made.views]
    contract.require(len(set(names)) == len(names), 'views', f'two views have one name: {names}')


def _check_recipe(contract: Contract, recipe: Any, expected: list[str]) -> None:
    found = [name for name, _ in recipe]
    contract.require(found == expected, 'recipe', f'it tells of {found}, the views are {expected}')
    parts = [part for _, augmentations in recipe for part in augmentations]
    odd = [type(part).__name__ for part in parts if not isinstance(part, Augmentation)]
    contract.require(not odd, 'recipe', f'{odd} are no augmentations')


def _on_device(policy: Any, x: Tensor) -> list[Tensor]:
    return [view.skeleton for view in policy(x, lambda coordinates: coordinates, None).views]


def _noise(layout: SkeletonLayout) -> Tensor:
    return seeded(lambda: torch.randn(BATCH, 3, FRAMES, layout.num_joints, BODIES))


def _graph(layout: SkeletonLayout) -> Tensor:
    """(N, K, V, V), half of its places without an edge."""
    return seeded(lambda: torch.randn(BATCH, 3, layout.num_joints, layout.num_joints)).relu()


def _generator(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)
