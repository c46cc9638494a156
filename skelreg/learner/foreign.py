"""State dicts of other projects, renamed to this project's names and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from torch import Tensor

from ..compat.files import load_file, save_file
from ..compat.weights import state_dict_of
from ..errors import CheckpointError, ConfigError, closest

_ENCODERS = {'encoder_q.': '', 'encoder_k.': 'key_encoder.encoder.'}
_RULES: tuple[tuple[str, str], ...] = (
    (r'data_bn\.(.+)', r'backbone.input_norm.\1'),
    (r'st_gcn_networks\.(\d+)\.gcn\.conv\.(.+)', r'backbone.blocks.\1.graph_conv.\2'),
    (r'st_gcn_networks\.(\d+)\.tcn\.0\.(.+)', r'backbone.blocks.\1.norm1.\2'),
    (r'st_gcn_networks\.(\d+)\.tcn\.2\.(.+)', r'backbone.blocks.\1.temporal_conv.\2'),
    (r'st_gcn_networks\.(\d+)\.tcn\.3\.(.+)', r'backbone.blocks.\1.norm2.\2'),
    (r'st_gcn_networks\.(\d+)\.residual\.(\d)\.(.+)', r'backbone.blocks.\1.residual.\2.\3'),
    (r'edge_importance\.(\d+)', r'backbone.blocks.\1.edge_importance'),
    (r'fc\.(0|2)\.(.+)', r'projector.layers.\1.\2'),
    (r'fc\.(weight|bias)', r'classifier.linear.\1'),
)
_WHOLE_MODEL = {
    'mask_param': 'data_preprocessor.policy.stages.2.0.fill',
    'queue_ptr': 'queue.pointer',
    'queue': 'queue.features',
}


def rename_hiclr_stgcn(names: Iterable[str]) -> dict[str, str]:
    """Their name -> our name for the ST-GCN releases of HiCLR, AimCLR and SkeletonCLR.

    A bare encoder (no `encoder_q.` prefix) is taken as the query encoder. The adjacency is left out: it
    follows from the layout and the strategy 'release_spatial', which the model must be built with.

    Raises:
        CheckpointError: If a name fits none of the known layouts; the first such names are listed.
    """
    names = [name.removeprefix('module.') for name in names]
    bare = not any(name.startswith('encoder_q.') for name in names)
    renamed: dict[str, str] = {}
    unknown: list[str] = []
    for name in names:
        prefix, rest = _split_encoder(name, bare)
        ours = _rename(rest) if prefix is not None else None
        if name in _WHOLE_MODEL:
            renamed[name] = _WHOLE_MODEL[name]
        elif prefix is not None and ours is not None:
            renamed[name] = _ENCODERS[prefix] + ours
        elif rest != 'A':
            unknown.append(name)
    if unknown or not renamed:
        raise CheckpointError(
            'this is no ST-GCN state dict of the HiCLR family',
            got=f'unknown names: {unknown[:10]}',
            accepted='encoder_q.*, encoder_k.*, queue, queue_ptr, mask_param, or a bare encoder',
            fix='choose the layout that the file has with --from',
        )
    return renamed


def from_hiclr_stgcn(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict under our names, see `rename_hiclr_stgcn`; the queue is transposed to rows."""
    state = {name.removeprefix('module.'): value for name, value in state.items()}
    return {
        ours: _reshape_from_release(theirs, state[theirs])
        for theirs, ours in rename_hiclr_stgcn(state).items()
    }


def _split_encoder(name: str, bare: bool) -> tuple[str | None, str]:
    for prefix in _ENCODERS:
        if name.startswith(prefix):
            return prefix, name.removeprefix(prefix)
    return ('encoder_q.' if bare else None), name


def _rename(name: str) -> str | None:
    """One name of an encoder; HiCLR counts edge_importance1..10, AimCLR edge_importance.0..9."""
    counted = re.fullmatch(r'edge_importance(\d+)', name)
    if counted:
        name = f'edge_importance.{int(counted[1]) - 1}'
    for pattern, replacement in _RULES:
        if re.fullmatch(pattern, name):
            return re.sub(pattern, replacement, name)
    return None


def _reshape_from_release(name: str, value: Tensor) -> Tensor:
    """The release keeps its queue as (d, K) and its pointer as (1,)."""
    if name == 'queue':
        return value.T.contiguous()
    return value.reshape(()) if name == 'queue_ptr' else value


#: Name of a foreign layout -> how it is converted, as `tools/convert_checkpoint.py` offers them.
CONVERTERS: dict[str, Callable[[Mapping[str, Tensor]], dict[str, Tensor]]] = {'hiclr-stgcn': from_hiclr_stgcn}


def convert_file(source: str | Path, target: str | Path, layout: str = 'hiclr-stgcn') -> list[str]:
    """Convert a checkpoint file; nothing in it is executed.

    Args:
        source: A checkpoint of another project.
        target: Written durably, in a form that --pretrained takes.
        layout: A key of `CONVERTERS`.

    Returns:
        The names of the tensors that were written.
    Raises:
        ConfigError: If the layout is unknown.
        CheckpointError: If the file cannot be read or does not have the layout.
    """
    if layout not in CONVERTERS:
        raise ConfigError(
            f"unknown checkpoint layout '{layout}'", accepted=closest(layout, CONVERTERS), where='--from'
        )
    state = CONVERTERS[layout](state_dict_of(load_file(source), where=str(source)))
    save_file({'state_dict': state, 'meta': {'converted_from': f'{layout}: {Path(source).name}'}}, target)
    return list(state)
