"""Putting saved weights into a model: what does not fit is an error, what is left over is named."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ..errors import CheckpointError, some
from .files import load_file
from .plain import differences

_logger = logging.getLogger('skelreg')


@dataclass(frozen=True)
class LoadReport:
    """What came of loading weights.

    Attributes:
        loaded: Keys that were taken over.
        missing: Keys of the model that the file does not have; they keep their values.
        unused: Keys of the file that the model does not have or that were not asked for.
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f'{len(self.loaded)} tensors loaded; missing in the file: {summary(self.missing)}; '
            f'in the file but not used: {summary(self.unused)}'
        )


def summary(keys: Iterable[str]) -> str:
    """'backbone (181), queue (1)': keys counted by their first part, or 'none'."""
    counts = Counter(key.partition('.')[0] for key in keys)
    return ', '.join(f'{name} ({count})' for name, count in counts.items()) or 'none'


def state_dict_of(checkpoint: Mapping[str, Any], where: str) -> dict[str, Tensor]:
    """The weights of a checkpoint, bare or under 'state_dict', without a leading 'module.'.

    Raises:
        CheckpointError: If there are none.
    """
    state = checkpoint.get('state_dict', checkpoint)
    tensors = {str(k).removeprefix('module.'): v for k, v in state.items() if isinstance(v, Tensor)}
    if not tensors:
        raise CheckpointError(
            'this file holds no weights', got=f'keys {", ".join(map(str, list(state)[:8])) or "none"}',
            accepted="a state_dict, bare or under the key 'state_dict'", where=where,
        )
    return tensors


def load_weights(
    model: nn.Module,
    checkpoint: Mapping[str, Any],
    *,
    where: str,
    prefixes: tuple[str, ...] = ('',),
    strict: bool = False,
) -> LoadReport:
    """Copy the weights of a checkpoint into a model.

    Args:
        model: Takes the weights, in place.
        checkpoint: As `load_file` returns it.
        where: The file's name, for messages.
        prefixes: Only keys that begin with one of these are taken.
        strict: Also refuse missing and unused keys.
    Raises:
        CheckpointError: If no key matches, a shape, the skeleton layout or the stream differs, or under
            `strict`.
    """
    saved = state_dict_of(checkpoint, where)
    branch = _branch_for(model, saved)
    saved = saved if branch is None or strict else branch
    own = {k: v for k, v in model.state_dict().items() if k.startswith(prefixes)}
    common = {k: v for k, v in saved.items() if k in own}
    report = LoadReport(
        loaded=tuple(common),
        missing=tuple(k for k in own if k not in saved),
        unused=tuple(k for k in saved if k not in common),
    )
    if not common:
        raise CheckpointError(
            'no weight of the checkpoint fits the model', got=f'in the file: {some(saved)}',
            accepted=f'in the model: {some(own)}', where=where,
            fix='load it into the model it was trained with, or convert it with tools/convert_checkpoint.py',
        )
    _refuse_other_shapes(own, common, checkpoint, where)
    _refuse_other_input(model, checkpoint, where, streams_differ=saved is branch)
    _warn_of_other_settings(model, checkpoint, where)
    if strict and (report.missing or report.unused):
        raise CheckpointError(
            'the checkpoint belongs to another model',
            got=f'missing in the file: {some(report.missing)}; not in the model: {some(report.unused)}',
            where=where,
            fix='resume with the config the run was started with, which lies in its work directory',
        )
    model.load_state_dict(common, strict=False)
    return report


def load_pretrained(
    model: nn.Module, path: str | Path, prefixes: tuple[str, ...] = ('backbone.', 'neck.')
) -> LoadReport:
    """Take the encoder out of a pretraining checkpoint.

    Raises:
        CheckpointError: As `load_file` and `load_weights`.
    """
    return load_weights(model, load_file(path), where=str(path), prefixes=prefixes)


def _refuse_other_shapes(
    own: Mapping[str, Tensor], saved: Mapping[str, Tensor], checkpoint: Mapping[str, Any], where: str
) -> None:
    """Name the tensors that differ, and the layout where the number of joints is what differs."""
    # Rows of other data are refused by the bank that holds them, which can say whose they are.
    banks = tuple(key.removesuffix('fingerprint') for key in own if key.endswith('.fingerprint'))
    differ = {
        k: (tuple(v.shape), tuple(own[k].shape))
        for k, v in saved.items()
        if v.shape != own[k].shape and not (banks and k.startswith(banks))
    }
    if not differ:
        return
    joints = next(((a[-1], b[-1]) for a, b in differ.values() if _is_adjacency(a) and _is_adjacency(b)), None)
    layout = _meta(checkpoint).get('layout')
    trained_on = f" (it was trained on layout '{layout}')" if layout else ''
    what = 'the weights are of another width or kind of model'
    if joints is not None:
        what = f'the weights are of another skeleton layout: {joints[0]} joints, the model has {joints[1]}'
    shapes = [f'{key} {file} in the file, {model} in the model' for key, (file, model) in differ.items()]
    more = f'; and {len(shapes) - 4} more' if len(shapes) > 4 else ''
    raise CheckpointError(
        what + trained_on, got='; '.join(shapes[:4]) + more, where=where,
        fix='build the model with the layout and widths it was trained with',
    )


def _branch_for(model: nn.Module, saved: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """The weights of the model's stream, under plain names, where the file has a branch for that stream."""
    prefix = f'branches.{_stream_of(model)}.'
    branch = {key.removeprefix(prefix): value for key, value in saved.items() if key.startswith(prefix)}
    return branch or None


def _stream_of(model: nn.Module) -> str | None:
    stream: str | None = getattr(getattr(model, 'data_preprocessor', None), 'stream', None)
    return stream


def _refuse_other_input(
    model: nn.Module, checkpoint: Mapping[str, Any], where: str, streams_differ: bool
) -> None:
    """Weights of another layout or stream can fit in every shape and still have learnt something else.

    Args:
        model: Takes the weights.
        checkpoint: Says what it was trained on.
        where: The file's name.
        streams_differ: Whether they may: the weights are of a branch beside the file's own stream.
    """
    meta = _meta(checkpoint)
    layout = getattr(getattr(model, 'layout', None), 'name', None)
    stream = None if streams_differ else _stream_of(model)
    for word, saved, own, key in (
        ('skeleton layout', meta.get('layout'), layout, 'model.layout'),
        ('stream', meta.get('stream'), stream, 'model.data_preprocessor.stream'),
    ):
        if saved is not None and own is not None and saved != own:
            raise CheckpointError(
                f'the weights are of another {word}', got=f"'{saved}' in the file, '{own}' in the model",
                where=where, fix=f"set {key}='{saved}', or take a checkpoint of '{own}'",
            )


def _warn_of_other_settings(model: nn.Module, checkpoint: Mapping[str, Any], where: str) -> None:
    """Settings that change no shape, a graph's or the pooling's, make another network of the same weights."""
    saved = _meta(checkpoint).get('encoder')
    own = getattr(model, 'encoder_settings', None)
    if not isinstance(saved, Mapping) or own is None:
        return
    for name, then, here in differences(saved, own):
        _logger.warning(
            '%s: the encoder was trained with %s=%r, and this config builds it with %r; '
            'unless that is meant, add --cfg-options model.backbone.%s=%s',
            where, name, then, here, name, then,
        )


def _meta(checkpoint: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = checkpoint.get('meta')
    return meta if isinstance(meta, Mapping) else {}


def _is_adjacency(shape: tuple[int, ...]) -> bool:
    """(K, V, V): the one tensor whose shape gives the number of joints away."""
    return len(shape) == 3 and shape[1] == shape[2] > 1
