"""State dicts of other projects, under this project's names and back; nothing in their files is executed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..compat.files import load_file, save_file
from ..compat.weights import state_dict_of
from ..errors import CheckpointError, ConfigError, closest
from ..graphs import STRATEGIES, adjacency, get_layout, layout_names
from .foreign_names import HICLR_DSTA, HICLR_STGCN, HiCLRNames, pyskl_stgcn_names
from .preprocessor import Stream

State = Mapping[str, Tensor]
Rename = Callable[[Iterable[str]], dict[str, str]]

#: How far an adjacency may lie from the one that it is recognised as.
_TOLERANCE = 1e-3


def rename_hiclr_stgcn(names: Iterable[str]) -> dict[str, str]:
    """Their name -> our name for the ST-GCN releases of HiCLR, AimCLR and SkeletonCLR.

    A bare encoder (no `encoder_q.` prefix) is taken as the query encoder. The adjacency is left out: it
    follows from the layout and the strategy 'release_spatial', which the model must be built with.

    Raises:
        CheckpointError: If a name fits none of the known layouts; the first such names are listed.
    """
    return HICLR_STGCN.ours(names)


def rename_hiclr_dsta(names: Iterable[str]) -> dict[str, str]:
    """Their name -> our name for HiCLR's transformer (DSTA-Net).

    A bare encoder is taken as the query encoder. Position tables and the attention buffers that are
    always zero are left out: they follow from the architecture.

    Raises:
        CheckpointError: If a name fits none of the known layouts; the first such names are listed.
    """
    return HICLR_DSTA.ours(names)


def rename_pyskl_stgcn(names: Iterable[str]) -> dict[str, str]:
    """Their name -> our name for the plain ST-GCN of PYSKL and MMAction2, encoder and classifier.

    It is our `STGCN` with hidden_channels=64 and out_channels=256. The adjacency is left out: it follows
    from the layout and the strategy.

    Raises:
        CheckpointError: If it is another network of theirs (ST-GCN++, say), or its adjacency is learnt.
    """
    return pyskl_stgcn_names(names)


def from_hiclr_stgcn(state: State) -> dict[str, Tensor]:
    """A state dict under our names, see `rename_hiclr_stgcn`; the queue is transposed to rows."""
    return _to_ours(state, rename_hiclr_stgcn)


def from_hiclr_dsta(state: State) -> dict[str, Tensor]:
    """A state dict under our names, see `rename_hiclr_dsta`; the queue is transposed to rows."""
    return _to_ours(state, rename_hiclr_dsta)


def from_pyskl_stgcn(state: State) -> dict[str, Tensor]:
    """A state dict under our names, see `rename_pyskl_stgcn`."""
    return _to_ours(state, rename_pyskl_stgcn)


def to_hiclr_stgcn(state: State, layout: str, strategy: str) -> dict[str, Tensor]:
    """Our state dict under the names of HiCLR's release, with the adjacency that its buffer holds.

    Args:
        state: Of a learner with `STGCN`.
        layout: The skeleton layout that it was built with.
        strategy: Likewise, `adjacency` of the backbone.

    Raises:
        CheckpointError: If a part of the learner has no counterpart, or its joints are others.
    """
    theirs = _to_hiclr(state, HICLR_STGCN)
    matrices = adjacency(layout, strategy)
    for name, value in theirs.items():
        if '.edge_importance' in name and value.shape != matrices.shape:
            raise CheckpointError(
                'the weights are of another skeleton layout or adjacency',
                got=f'{name} {tuple(value.shape)}',
                accepted=f"{tuple(matrices.shape)} for layout '{layout}', adjacency '{strategy}'",
            )
    encoders = sorted({name.partition('.')[0] for name in theirs if name.startswith('encoder_')})
    return {**theirs, **{f'{encoder}.A': matrices.clone() for encoder in encoders}}


def to_hiclr_dsta(state: State) -> dict[str, Tensor]:
    """Our state dict of a learner with `Transformer` under the names of HiCLR's release.

    Its tables of positions are not written: the release makes them itself, for its number of frames, and
    keeps what a file does not have.

    Raises:
        CheckpointError: If a part of the learner has no counterpart.
    """
    return _to_hiclr(state, HICLR_DSTA)


def _to_ours(state: State, rename: Rename) -> dict[str, Tensor]:
    state = {name.removeprefix('module.'): value for name, value in state.items()}
    return {ours: _reshape_from_release(theirs, state[theirs]) for theirs, ours in rename(state).items()}


def _to_hiclr(state: State, names: HiCLRNames) -> dict[str, Tensor]:
    return {theirs: _reshape_to_release(theirs, state[ours]) for ours, theirs in names.theirs(state).items()}


def _reshape_from_release(name: str, value: Tensor) -> Tensor:
    """The release keeps its queue as (d, K) and its pointer as (1,)."""
    if name == 'queue':
        return value.T.contiguous()
    return value.reshape(()) if name == 'queue_ptr' else value


def _reshape_to_release(name: str, value: Tensor) -> Tensor:
    if name == 'queue':
        return value.T.contiguous()
    return value.reshape(1) if name == 'queue_ptr' else value


#: Name of a foreign layout -> their names to ours, as `tools/convert_checkpoint.py --from` offers them.
IMPORTS: dict[str, Rename] = {
    'hiclr-dsta': rename_hiclr_dsta,
    'hiclr-stgcn': rename_hiclr_stgcn,
    'pyskl-stgcn': rename_pyskl_stgcn,
}
#: Those that `--to` offers.
EXPORTS = ('hiclr-dsta', 'hiclr-stgcn')


@dataclass(frozen=True)
class Conversion:
    """What came of converting a file.

    Attributes:
        written: Names of the tensors in the new file.
        left_out: Names in the old file that have no counterpart because the architecture gives them.
        graph: Layout and adjacency strategy of the model, if the file tells or needs them.
    """

    written: tuple[str, ...]
    left_out: tuple[str, ...]
    graph: tuple[str, str] | None


def import_file(
    source: str | Path, target: str | Path, form: str, stream: Stream | None = None
) -> Conversion:
    """Convert another project's checkpoint file to ours.

    Args:
        source: A checkpoint of another project.
        target: Written durably, in a form that --pretrained and tools/test.py take.
        form: A key of `IMPORTS`.
        stream: What the encoder was trained on, which the source does not say; noted in the target, so that a
            model of another stream refuses it. None notes nothing.

    Raises:
        ConfigError: If the form is unknown, or the target is the source.
        CheckpointError: If the file cannot be read, has another form, or was trained on a graph that no
            layout of ours gives.
    """
    _check_known(form, IMPORTS, '--from')
    _check_apart(source, target)
    theirs = state_dict_of(load_file(source), where=str(source))
    renamed = IMPORTS[form](theirs)
    left_out = tuple(name for name in theirs if name not in renamed)
    graph = recognise_graph([theirs[name] for name in left_out if name.split('.')[-1] == 'A'])
    meta: dict[str, Any] = {'converted_from': f'{form}: {Path(source).name}'}
    if graph is not None:
        meta |= {'layout': graph[0], 'encoder': {'adjacency': graph[1]}}
    if stream is not None:
        meta['stream'] = stream
    ours = _to_ours(theirs, IMPORTS[form])
    save_file({'state_dict': ours, 'meta': meta}, target)
    return Conversion(tuple(ours), left_out, graph)


def export_file(
    source: str | Path,
    target: str | Path,
    form: str,
    layout: str | None = None,
    strategy: str | None = None,
) -> Conversion:
    """Convert a checkpoint file of ours to another project's form.

    Args:
        source: A checkpoint of skelreg.
        target: Written durably, a bare state dict as the release saves it.
        form: One of `EXPORTS`.
        layout: Skeleton layout of the model; by default what the checkpoint says.
        strategy: `adjacency` of an ST-GCN; by default what the checkpoint says.

    Raises:
        ConfigError: If the form is unknown, the target is the source, or layout or strategy are needed and
            not known.
        CheckpointError: If the file cannot be read, or a part of the model has no counterpart.
    """
    _check_known(form, EXPORTS, '--to')
    _check_apart(source, target)
    checkpoint = load_file(source)
    state = state_dict_of(checkpoint, where=str(source))
    if form == 'hiclr-dsta':
        theirs, graph = to_hiclr_dsta(state), None
    else:
        meta = checkpoint.get('meta')
        said = meta if isinstance(meta, Mapping) else {}
        encoder = said.get('encoder')
        said_strategy = encoder.get('adjacency') if isinstance(encoder, Mapping) else None
        graph = (
            _known('layout', layout or said.get('layout'), layout_names()),
            _known('adjacency', strategy or said_strategy, STRATEGIES),
        )
        theirs = to_hiclr_stgcn(state, *graph)
    save_file(theirs, target)
    return Conversion(tuple(theirs), (), graph)


def recognise_graph(matrices: Sequence[Tensor]) -> tuple[str, str] | None:
    """Layout and strategy that give the adjacency (K, V, V) which a checkpoint holds, once or several times.

    Returns:
        None if it holds none.
    Raises:
        CheckpointError: If none does, or the matrices differ.
    """
    if not matrices:
        return None
    first = matrices[0].float()
    for layout in layout_names():
        if first.shape[-1] == get_layout(layout).num_joints:
            for strategy in STRATEGIES:
                found = adjacency(layout, strategy)
                if all(m.shape == found.shape and _close(m.float(), found) for m in matrices):
                    return layout, strategy
    raise CheckpointError(
        'the checkpoint was trained on a graph that no skeleton layout here gives',
        got=f'adjacency {tuple(first.shape)}' + (', not the same in all blocks' if _differ(matrices) else ''),
        accepted=f'layouts {", ".join(layout_names())} with {", ".join(STRATEGIES)}',
        fix='add its layout by a plugin (plugins/README.md, skelreg_layouts)',
    )


def _close(a: Tensor, b: Tensor) -> bool:
    return bool((a - b).abs().max() <= _TOLERANCE)


def _differ(matrices: Sequence[Tensor]) -> bool:
    return any(not torch.equal(matrix, matrices[0]) for matrix in matrices)


def _known(option: str, value: str | None, known: Iterable[str]) -> str:
    if value is None:
        raise ConfigError(
            f'the checkpoint does not say its {option}, and the release stores the graph',
            accepted=', '.join(known),
            where=f'--{option}',
            fix=f"name what the model was built with: '{option}' in its config",
        )
    return value


def _check_apart(source: str | Path, target: str | Path) -> None:
    if Path(source).resolve() == Path(target).resolve():
        raise ConfigError(
            'the converted checkpoint would replace its source', got=str(target), fix='name another target'
        )


def _check_known(form: str, known: Iterable[str], option: str) -> None:
    if form not in known:
        raise ConfigError(f"unknown checkpoint form '{form}'", accepted=closest(form, known), where=option)
