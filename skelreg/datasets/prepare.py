"""From raw files to an archive: in parallel, resumable, with every count checked.

Files are read in chunks, and each finished chunk is stored beside the archive-to-be; a run that was
killed goes on with the chunks that are missing.
"""

from __future__ import annotations

import fcntl
import hashlib
import inspect
import json
import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from .. import __version__
from ..durable import full_disk_is_data_error, write_durably
from ..errors import DataError
from ..graphs import get_layout
from ..registry import READERS
from .archive import SkeletonArchive
from .archive_writer import ArchiveWriter
from .cards import DatasetCard
from .readers.base import Reader, Source, check_sequence

SKIPPED, EXCLUDED = 'skipped.json', 'excluded.json'

OnError = Literal['stop', 'skip']


@dataclass(frozen=True)
class Skipped:
    """A raw file, or one sequence of it, that was left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class PreparedArchive:
    """What `prepare` made or found.

    Attributes:
        archive: The archive, opened.
        skipped: Malformed raw files, or malformed sequences of sound ones.
        excluded: Sound raw files that are no part of the dataset, see `Reader.exclusion`.
        is_new: False where nothing was left to do.
    """

    archive: SkeletonArchive
    skipped: tuple[Skipped, ...]
    excluded: tuple[Skipped, ...]
    is_new: bool


def prepare(
    card: DatasetCard,
    source: Path,
    out: Path,
    *,
    workers: int = 1,
    on_error: OnError = 'stop',
    chunk_size: int = 64,
    reader_options: Mapping[str, Any] = MappingProxyType({}),
    on_progress: Callable[[int, int], None] | None = None,
) -> PreparedArchive:
    """Read raw files and write the archive `out`.

    Args:
        card: The dataset.
        source: Folder or zip with its raw files.
        out: Folder of the archive; finished chunks wait in `.<out>.parts` beside it.
        workers: Processes that read; 1 reads in this process.
        on_error: Whether a malformed file stops the run or is skipped and reported; of a file that
            holds several sequences, only the malformed ones are skipped where it can be read.
        chunk_size: Raw files per chunk, the unit of parallel work and of resuming.
        reader_options: Arguments of the reader beside those that the card gives it.
        on_progress: Called with (files done, files in all).

    Raises:
        DataError: If a raw file is malformed, the disk is full, or `out` holds something else.
        ConfigError: If the dataset has no reader, or the reader not these options.
    """
    config = card.reader_config(reader_options)
    reader: Reader = READERS.build(config, where='reader', card=card)
    sources, excluded = _sort_out(reader, source)
    fingerprint = _fingerprint(reader, config, sources)
    if out.exists():
        return _finished(out, card, fingerprint, excluded)
    parts = out.absolute().with_name(f'.{out.name}.parts')
    with full_disk_is_data_error(parts):
        parts.mkdir(parents=True, exist_ok=True)
    with _locked(parts):
        _clear_if_stale(parts, _plan(card, reader, fingerprint, chunk_size))
        chunks = {
            parts / f'{start:08d}.npz': sources[start : start + chunk_size]
            for start in range(0, len(sources), chunk_size)
        }
        _read_chunks(reader, chunks, workers, on_error, on_progress or _no_progress)
        meta = dict(
            dataset=card.name,
            title=card.title,
            **_facts(card),
            synthetic=False,
            source=dict(name=source.name, reader=config, files=len(sources), fingerprint=fingerprint),
            skelreg_version=__version__,
        )
        skipped = _assemble(out, meta, card.max_bodies, list(chunks), excluded)
        shutil.rmtree(parts)
    return PreparedArchive(SkeletonArchive.open(out), skipped, excluded, is_new=True)


def _facts(card: DatasetCard) -> dict[str, Any]:
    """What an archive repeats of its card."""
    return dict(
        layout=card.layout_name,
        channels=list(card.channels),
        num_classes=card.num_classes,
        class_names=list(card.class_names),
    )


def _finished(
    out: Path, card: DatasetCard, fingerprint: str, excluded: tuple[Skipped, ...]
) -> PreparedArchive:
    """The archive that an earlier run made of the same files, and with the same card."""
    archive = SkeletonArchive.open(out)
    if archive.meta.get('source', {}).get('fingerprint') != fingerprint:
        raise DataError(
            'the archive was made from other raw files',
            got=out,
            fix='remove it, or choose another --out',
        )
    wanted = {**_facts(card), 'max_bodies': card.max_bodies}
    found = {**archive.meta, 'max_bodies': archive.max_bodies}
    if other := [name for name in wanted if found.get(name) != wanted[name]]:
        raise DataError(
            f'the archive was made with another card: {", ".join(other)}',
            got=[found.get(name) for name in other],
            accepted=[wanted[name] for name in other],
            where=str(out),
            fix='remove it, or choose another --out',
        )
    skipped = tuple(Skipped(**entry) for entry in json.loads((out / SKIPPED).read_text(encoding='utf-8')))
    return PreparedArchive(archive, skipped, excluded, is_new=False)


def _sort_out(reader: Reader, path: Path) -> tuple[list[Source], tuple[Skipped, ...]]:
    """The files to be read, and those that are no part of the dataset."""
    found = {source: reader.exclusion(source) for source in reader.sources(path)}
    kept = [source for source, reason in found.items() if reason is None]
    excluded = tuple(Skipped(source.name, reason) for source, reason in found.items() if reason is not None)
    if not kept:
        raise DataError(
            'source holds no file of the dataset',
            got=f'{len(excluded)} others, {excluded[0].name}: {excluded[0].reason}',
            where=str(path),
        )
    return kept, excluded


def _fingerprint(reader: Reader, config: Mapping[str, Any], sources: Sequence[Source]) -> str:
    """Changes with the reader, its options and any raw file."""
    options = {name: value for name, value in config.items() if name != 'type'}
    facts = [type(reader).__name__, *([options] if options else [])]
    facts += [[source.name, source.stamp] for source in sources]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _plan(card: DatasetCard, reader: Reader, fingerprint: str, chunk_size: int) -> dict[str, Any]:
    """What finished chunks depend on; an archive has the fingerprint only, and outlives a mended reader."""
    return dict(
        fingerprint=fingerprint,
        chunk_size=chunk_size,
        card={**_facts(card), 'max_bodies': card.max_bodies, 'joints': get_layout(card.layout).joints},
        skelreg_version=__version__,
        reader_code=_code_of(type(reader)),
    )


def _code_of(reader: type[Reader]) -> str | None:
    """Changes with the file that a reader is written in; None where there is none."""
    try:
        return hashlib.sha256(Path(inspect.getfile(reader)).read_bytes()).hexdigest()
    except (TypeError, OSError):
        return None


@contextmanager
def _locked(parts: Path) -> Iterator[None]:
    """Refuse a second run beside this one; the lock ends with the process, however it ends."""
    with open(parts.with_suffix('.lock'), 'w') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataError(
                'another run prepares the same archive', where=str(parts), fix='wait for it'
            ) from error
        try:
            yield
        finally:
            os.unlink(file.name)


def _clear_if_stale(parts: Path, plan: Mapping[str, Any]) -> None:
    """Drop chunks that were made of other files, in another way, or cut otherwise."""
    content, file = json.dumps(plan).encode(), parts / 'plan.json'
    if file.is_file() and file.read_bytes() == content:
        return
    shutil.rmtree(parts)
    with full_disk_is_data_error(parts):
        parts.mkdir()
        write_durably(file, content)


def _read_chunks(
    reader: Reader,
    chunks: Mapping[Path, Sequence[Source]],
    workers: int,
    on_error: OnError,
    on_progress: Callable[[int, int], None],
) -> None:
    total = sum(map(len, chunks.values()))
    pending = {part: chunk for part, chunk in chunks.items() if not part.exists()}
    done = total - sum(map(len, pending.values()))
    on_progress(done, total)
    for part in _run(reader, pending, workers, on_error):
        done += len(pending[part])
        on_progress(done, total)


def _run(
    reader: Reader, pending: Mapping[Path, Sequence[Source]], workers: int, on_error: OnError
) -> Iterator[Path]:
    """Store every pending chunk; yields each part as it is finished, in any order."""
    workers = min(workers, len(pending))
    if workers <= 1:
        for part, chunk in pending.items():
            yield store_chunk(reader, chunk, part, on_error)
        return
    # Not forked from this process, which runs threads, but from a server that imports the reader once.
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload([type(reader).__module__])
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker) as pool:
        futures: list[Future[Path]] = [
            pool.submit(store_chunk, reader, chunk, part, on_error) for part, chunk in pending.items()
        ]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise DataError(
                'a worker process died', got=str(error), fix='run again, with fewer --workers'
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def store_chunk(reader: Reader, chunk: Sequence[Source], part: Path, on_error: OnError) -> Path:
    """Read some raw files and store their sequences as one part; runs in a worker process.

    Raises:
        DataError: If a file is malformed and `on_error` is 'stop', or the disk is full.
    """
    rows: list[dict[str, Any]] = []
    arrays: dict[str, Any] = {}
    skipped: list[dict[str, str]] = []
    for source in chunk:
        try:
            sequences = reader.read(source)
        except DataError as error:
            skipped.append(_skip(error, source.name, on_error))
            continue
        for sequence in sequences:
            inner = '' if sequence.name == source.stem else f', sequence {sequence.name}'
            try:
                check_sequence(sequence, reader.card, where=f'{source.name}{inner}')
            except DataError as error:
                skipped.append(_skip(error, sequence.name if inner else source.name, on_error))
                continue
            arrays[f'{len(rows)}'] = sequence.frames
            rows.append(dict(name=sequence.name, label=sequence.label, columns=dict(sequence.columns)))
    # A worker that outlives its killed parent for a moment must not write where the next run writes.
    partial = part.with_suffix(f'.{os.getpid()}')
    with full_disk_is_data_error(partial), open(partial, 'wb') as file:
        np.savez(file, facts=np.array(json.dumps([rows, skipped])), **arrays)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(part)
    return part


def _skip(error: DataError, name: str, on_error: OnError) -> dict[str, str]:
    """The entry of what is left out, or the error where that stops the run."""
    if on_error == 'stop':
        error.fix = error.fix or 'mend or remove the file, or leave such files out with --on-error skip'
        raise error
    return dict(name=name, reason=str(error))


def _assemble(
    out: Path,
    meta: Mapping[str, Any],
    max_bodies: int,
    parts: Sequence[Path],
    excluded: Sequence[Skipped],
) -> tuple[Skipped, ...]:
    skipped: list[Skipped] = []
    with ArchiveWriter(out, meta, max_bodies) as writer:
        for part in parts:
            with np.load(part) as stored:
                rows, left_out = json.loads(str(stored['facts']))
                for i, row in enumerate(rows):
                    writer.add(row['name'], row['label'], stored[f'{i}'], row['columns'])
            skipped += [Skipped(**entry) for entry in left_out]
        for name, entries in ((SKIPPED, skipped), (EXCLUDED, excluded)):
            writer.attach(name, json.dumps([vars(entry) for entry in entries], indent=2) + '\n')
    return tuple(skipped)


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it: a worker would wait for a killed parent for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _no_progress(done: int, total: int) -> None:
    pass
