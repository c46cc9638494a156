"""Mutated copies of raw files: a clear error where a line-by-line reader fails too, else the same reading.

`SKELREG_FUZZ=10000 pytest tests/datasets/readers/test_fuzz.py` tries as many of each kind; SKELREG_DATA
supplies recorded files to mutate beside the generated ones.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from skelreg.datasets.cards import load_card
from skelreg.datasets.prepare import SKIPPED, prepare
from skelreg.datasets.readers.base import Source, check_sequence
from skelreg.datasets.readers.ntu import NTUReader
from skelreg.datasets.readers.pku_mmd import PKUMMDReader, Recording
from skelreg.errors import DataError
from tests.conftest import ROOT
from tests.datasets.readers.raw_text import NTU, PKU, ntu_text, pku_text, write_ntu
from tests.reference.raw_skeletons import first_bodies, read_ntu, read_pku, read_pku_labels

COPIES = int(os.environ.get('SKELREG_FUZZ', '200'))
ODD_TOKENS = b'nan|-inf|1e39|1e400||0|3|25|-1|1_0|\xb2|\x00|99999999999'.split(b'|')
Random = np.random.Generator
Mutation = Callable[[bytes, Random], bytes]


def flip_byte(content: bytes, rng: Random) -> bytes:
    at = int(rng.integers(len(content)))
    return content[:at] + bytes([int(rng.integers(256))]) + content[at + 1 :]


def cut_off(content: bytes, rng: Random) -> bytes:
    return content[: int(rng.integers(len(content)))]


def of_lines(change: Callable[[list[bytes], int, Random], None]) -> Mutation:
    def mutate(content: bytes, rng: Random) -> bytes:
        lines = content.splitlines(keepends=True)
        change(lines, int(rng.integers(len(lines))), rng)
        return b''.join(lines)

    return mutate


@of_lines
def drop_line(lines: list[bytes], at: int, rng: Random) -> None:
    del lines[at]


@of_lines
def repeat_line(lines: list[bytes], at: int, rng: Random) -> None:
    lines.insert(at, lines[at])


@of_lines
def swap_lines(lines: list[bytes], at: int, rng: Random) -> None:
    other = int(rng.integers(len(lines)))
    lines[at], lines[other] = lines[other], lines[at]


@of_lines
def blank_line(lines: list[bytes], at: int, rng: Random) -> None:
    lines.insert(at, b' \r\n')


@of_lines
def replace_token(lines: list[bytes], at: int, rng: Random) -> None:
    separator = b',' if b',' in lines[at] else b' '
    tokens = lines[at].rstrip().split(separator)
    tokens[int(rng.integers(len(tokens)))] = ODD_TOKENS[int(rng.integers(len(ODD_TOKENS)))]
    lines[at] = separator.join(tokens) + b'\n'


@of_lines
def move_token(lines: list[bytes], at: int, rng: Random) -> None:
    """One line loses a token to another, so that the number of tokens stays."""
    other = int(rng.integers(len(lines)))
    tokens = lines[at].split()
    lines[other] = lines[other].rstrip() + b' ' + (tokens.pop() if tokens else b'1') + b'\n'
    if other != at:
        lines[at] = b' '.join(tokens) + b'\n'


MUTATIONS: list[Mutation] = [
    flip_byte, cut_off, drop_line, repeat_line, swap_lines, blank_line, replace_token, move_token
]


def mutated(contents: list[bytes], i: int) -> bytes:
    """Copy i: one to three mutations, the same in every run."""
    rng = np.random.default_rng([2, i])
    content = contents[i % len(contents)]
    for _ in range(int(rng.integers(1, 4))):
        if content:
            content = MUTATIONS[int(rng.integers(len(MUTATIONS)))](content, rng)
    return content


def recorded(pattern: str) -> list[bytes]:
    folder = Path(os.environ.get('SKELREG_DATA', ROOT.parent / 'shared' / 'data'))
    return [path.read_bytes() for path in sorted(folder.glob(pattern))]


def shortened(content: bytes, num_frames: int) -> bytes:
    """A `.skeleton` file of the first frames of another."""
    lines = content.splitlines(keepends=True)
    end = 1
    for _ in range(num_frames):
        end += 1 + 27 * int(lines[end])
    return b'%d\n' % num_frames + b''.join(lines[1:end])


@pytest.fixture(scope='module')
def ntu_files() -> list[bytes]:
    crowd = [(0,), (0, 1), (), (1, 0, 2), (2,)]
    made = [ntu_text(crowd, end=end).encode() for end in ('\n', '\r\n')]
    return made + [shortened(content, 4) for content in recorded('ntu-rgbd/skeletons/*.skeleton')]


def test_ntu_files_read_as_line_by_line_or_not_at_all(ntu_files: list[bytes]) -> None:
    reader = NTUReader(load_card('ntu60'))
    source = Source(f'{NTU}.skeleton', '', '', '')
    refused = 0
    for i in range(COPIES):
        content = mutated(ntu_files, i)
        try:
            expected = first_bodies(read_ntu(content))
        except ValueError:
            expected = None
        try:
            with mock.patch.object(Source, 'read_bytes', return_value=content):
                (sequence,) = reader.read(source)
        except DataError as error:
            assert expected is None, f'copy {i} is sound, but {error}'
            assert NTU in str(error)
            refused += 1
        else:
            assert expected is not None, f'copy {i} is not sound, but was read'
            np.testing.assert_array_equal(sequence.frames, expected, err_msg=f'copy {i}')
    assert 0.2 * COPIES < refused < 0.98 * COPIES


def test_pku_files_read_as_line_by_line_or_not_at_all() -> None:
    card = load_card('pku_mmd')
    reader = PKUMMDReader(card)
    skeletons, labels = [pku_text().encode()], [b'3,6,12,2\n1,0,4,1\n12,4,6,0\n']
    label = Source(f'label/{PKU}.txt', '', '', '')
    source = Recording(f'skeleton/{PKU}.txt', '', '', '', label, (('xsub', 'train'), ('xview', 'train')))
    refused = 0
    for i in range(COPIES):
        contents = [skeletons[0], mutated(labels, i)] if i % 2 else [mutated(skeletons, i), labels[0]]
        try:
            whole, actions = read_pku(contents[0]), read_pku_labels(contents[1])
            expected = [whole[start:end] for _, start, end, _ in actions]
        except ValueError:
            expected = None
        by_name = {source.name: contents[0], label.name: contents[1]}
        try:
            with mock.patch.object(Source, 'read_bytes', lambda self, by_name=by_name: by_name[self.name]):
                sequences = reader.read(source)
        except DataError as error:
            assert expected is None, f'copy {i} is sound, but {error}'
            assert PKU in str(error)
            refused += 1
            continue
        assert expected is not None, f'copy {i} is not sound, but was read'
        for sequence, frames in zip(sequences, expected, strict=True):
            np.testing.assert_array_equal(sequence.frames, frames, err_msg=f'copy {i}')
            if not len(frames):
                with pytest.raises(DataError, match='interval'):
                    check_sequence(sequence, card, where=sequence.name)
    assert 0.2 * COPIES < refused < 0.98 * COPIES


def test_no_mutated_file_is_lost_in_silence(ntu_files: list[bytes], tmp_path: Path) -> None:
    names = [f'S{i // 40 % 17 + 1:03d}C001P{i % 40 + 1:03d}R002A{i // 680 + 1:03d}' for i in range(60)]
    for i, name in enumerate(names):
        (write_ntu(tmp_path / 'raw', name, '') / f'{name}.skeleton').write_bytes(mutated(ntu_files, i))
    prepared = prepare(load_card('ntu60'), tmp_path / 'raw', tmp_path / 'out', on_error='skip')
    skipped = [Path(entry['name']).stem for entry in json.loads((tmp_path / 'out' / SKIPPED).read_text())]
    excluded = [Path(entry.name).stem for entry in prepared.excluded]
    kept = prepared.archive.index['name'].tolist()
    assert kept and skipped and sorted([*kept, *skipped, *excluded]) == sorted(names)
