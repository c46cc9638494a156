"""The contract of readers."""

from __future__ import annotations

import pickle
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.cards import DatasetCard, load_card
from ..datasets.readers.base import Sequence, Source, check_sequence
from ..errors import DataError
from ..registry import READERS
from .contract import Contract, ContractError, build

COLUMNS = ('subject', 'camera', 'setup')


def check_reader(cfg: Mapping[str, Any], path: Path, dataset: str | DatasetCard) -> None:
    """Check what the preparation of data relies on in a reader.

    Args:
        cfg: Its config; `type` may be a name or a class.
        path: A folder with a few sound raw files, the smaller the better.
        dataset: The card of the dataset, or its name.

    Raises:
        ContractError: With the first broken clause: builds, sources, picklable, runs, output, sequence,
            names, columns, deterministic, empty folder, damage.
    """
    card = load_card(dataset) if isinstance(dataset, str) else dataset
    reader = build(READERS, cfg, card=card)
    contract = Contract(type(reader).__name__)
    sources = _check_sources(contract, reader, path)
    copy = _check_picklable(contract, reader)
    sequences: list[Sequence] = []
    for source in sources:
        with contract.runs(f'read({source.name})'):
            found = reader.read(source)
        _check_sequences(contract, found, card, source)
        detail = f'{source.name} reads otherwise the second time, or after pickling'
        contract.require(_equal(found, copy.read(source)), 'deterministic', detail)
        sequences += found
    names = [sequence.name for sequence in sequences]
    contract.require(len(set(names)) == len(names), 'names', 'two sequences have one name')
    columns = {tuple(sorted(sequence.columns)) for sequence in sequences}
    contract.require(len(columns) == 1, 'columns', f'sequences differ in their columns: {sorted(columns)}')
    lacking = sorted(set(COLUMNS) - set(columns.pop()))
    contract.require(not lacking, 'columns', f'they lack {lacking}')
    _check_damage(contract, reader, sources[0], path)


def _check_sources(contract: Contract, reader: Any, path: Path) -> list[Source]:
    with contract.runs(f'sources({path.name})'):
        sources, again = reader.sources(path), reader.sources(path)
    is_list = isinstance(sources, list) and all(isinstance(source, Source) for source in sources)
    contract.require(is_list, 'sources', f'{sources!r:.100} is no list of Source')
    contract.require(bool(sources), 'sources', f'none is found in {path}')
    contract.require(sources == again, 'sources', 'their order changes from call to call')
    names = [source.name for source in sources]
    contract.require(len(set(names)) == len(names), 'sources', 'two have one name')
    with tempfile.TemporaryDirectory() as folder:
        try:
            reader.sources(Path(folder))
        except DataError:
            return sources
        except Exception as error:
            contract.broken('empty folder', f'raises {type(error).__name__}, not a DataError')
    contract.broken('empty folder', 'raises nothing; a DataError should say that there are no raw files')


def _check_picklable(contract: Contract, reader: Any) -> Any:
    try:
        return pickle.loads(pickle.dumps(reader))
    except Exception as error:
        raise ContractError(contract.component, 'picklable', f'{type(error).__name__}: {error}') from error


def _check_sequences(contract: Contract, found: Any, card: DatasetCard, source: Source) -> None:
    is_list = isinstance(found, list) and all(isinstance(sequence, Sequence) for sequence in found)
    contract.require(is_list, 'output', f'read({source.name}) returns {found!r:.100}, not a list of Sequence')
    for sequence in found:
        try:
            check_sequence(sequence, card, where=source.name)
        except DataError as error:
            raise ContractError(contract.component, 'sequence', str(error)) from error


def _equal(first: list[Sequence], second: list[Sequence]) -> bool:
    return [_key(sequence) for sequence in first] == [_key(sequence) for sequence in second]


def _key(sequence: Sequence) -> tuple[object, ...]:
    frames = np.ascontiguousarray(sequence.frames)
    return sequence.name, sequence.label, dict(sequence.columns), frames.shape, frames.tobytes()


def _check_damage(contract: Contract, reader: Any, source: Source, path: Path) -> None:
    """Clause 'damage': half a file raises a DataError that names the file, and nothing else."""
    content = source.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        if not source.member:  # with its neighbours, since a reader may need an index or label file
            shutil.copytree(path, folder, dirs_exist_ok=True)
        copy = Path(folder, source.name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content[: len(content) // 2])
        try:
            for damaged in reader.sources(Path(folder)):
                reader.read(damaged)
        except DataError as error:
            detail = f'the error does not name the file: {error}'
            contract.require(copy.name in str(error), 'damage', detail)
        except Exception as error:
            contract.broken('damage', f'half a file raises {type(error).__name__}, not a DataError')
        else:
            contract.broken('damage', 'half a file is read without complaint')
