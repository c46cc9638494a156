"""Plain data comes back bit for bit; whatever would run something is refused and does not run."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skelreg.datasets.safe_files import map_npy, read_arrays, read_pickle
from skelreg.errors import DataError

CONTENT = {
    'float': np.arange(6, dtype=np.float32).reshape(2, 3),
    'half, big-endian': np.arange(4, dtype='>f2'),
    'column-major': np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    'neither order': np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1),
    'empty': np.zeros((0, 3)),
    'no axis': np.array(1.5),
    'bool': np.array([True, False]),
    'text': np.array(['a', 'bcd']),
    'objects': np.array([['x', 1], [None, np.arange(2)]], dtype=object),
    'scalars': [np.float32(2.5), np.int64(-3), np.bool_(True), np.str_('walk')],
    'plain': (1, 2**70, 1.5, -0.0, None, True, 'ä', b'\x00\xff', b'', {3, 4}, [[]], {}),
}


def read(content: bytes) -> Any:
    return read_pickle(io.BytesIO(content), 'stranger.pkl')


def assert_same(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    if isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype and found.shape == expected.shape
        for a, b in zip(found.ravel(), expected.ravel(), strict=True):
            assert_same(a, b) if expected.dtype == object else np.testing.assert_array_equal(a, b)
    elif isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            assert_same(a, b)
    else:
        assert found == expected and repr(found) == repr(expected)


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_content_comes_back_as_it_is(protocol: int) -> None:
    assert_same(read(pickle.dumps(CONTENT, protocol)), CONTENT)


def test_reads_the_module_paths_of_numpy_1() -> None:
    written = pickle.dumps(CONTENT['float'], 2)
    assert b'numpy._core' in written
    assert_same(read(written.replace(b'numpy._core', b'numpy.core')), CONTENT['float'])


def test_reads_what_python_2_wrote() -> None:
    # Python 2 wrote names and raw memory alike as byte strings, opcode U (SHORT_BINSTRING).
    raw = np.array([1.5, -2.0], dtype='<f4').tobytes()
    string = lambda text: b'U' + bytes([len(text)]) + text  # noqa: E731
    dtype = b'cnumpy\ndtype\n(' + string(b'f4') + b'K\x00K\x01tR(K\x03' + string(b'<')
    dtype += b'NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb'
    array = b'cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00t' + string(b'b') + b'tR'
    array += b'(K\x01(K\x02t' + dtype + b'I00\n' + string(raw) + b'tb'
    names, values = read(b'\x80\x02]' + string(b'S001') + b'a' + array + b'\x86.')
    assert names == ['S001']
    np.testing.assert_array_equal(values, np.array([1.5, -2.0], dtype=np.float32))


def test_an_ordered_dict_is_read_as_a_dict() -> None:
    assert_same(read(pickle.dumps(OrderedDict(b=1, a=[2]))), dict(b=1, a=[2]))


def test_what_stands_twice_is_one_object() -> None:
    shared = np.ones(3)
    first, second = read(pickle.dumps([shared, shared]))
    assert first is second


class Runs:
    """Calls a function when it is unpickled by pickle itself."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize('protocol', [0, 2, 4])
def test_code_is_named_and_not_run(tmp_path: Path, protocol: int) -> None:
    trap = tmp_path / 'trap'
    content = pickle.dumps(dict(a=[Runs(os.mkdir, str(trap))]), protocol)
    pickle.loads(content)
    assert trap.exists(), 'the trap itself works'
    trap.rmdir()
    with pytest.raises(DataError, match=r'(?s)foreign object .*stranger.pkl.*got: posix.mkdir'):
        read(content)
    assert not trap.exists()


@pytest.mark.parametrize(
    ('value', 'named'),
    [
        (Runs(eval, '1'), 'eval'),
        (Runs(np.load, 'x'), 'numpy.load'),
        (np.ma.array([1.0]), 'numpy.ma'),
        (np.arange(3).view(np.recarray), 'numpy.rec.recarray'),
        (range(3), 'range'),
        (Path('a'), 'pathlib'),
        (DataError, 'skelreg.errors.DataError'),
    ],
)
def test_other_objects_are_refused_by_name(value: Any, named: str) -> None:
    with pytest.raises(DataError, match=rf'(?s)foreign object.*{named}'):
        read(pickle.dumps(value))


@pytest.mark.parametrize(
    'value', [np.array([(1, 2.0)], dtype='i4,f8'), np.array(['2020-01-01'], dtype='M8[D]'), np.dtype('f4')]
)
def test_other_kinds_of_arrays_are_refused(value: Any) -> None:
    with pytest.raises(DataError):
        read(pickle.dumps(value))


DTYPE = b'cnumpy\ndtype\n(X\x02\x00\x00\x00%sK\x00K\x01tR'
ARRAY = b'cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tC\x01btR'


FORGED = {
    'pointers': ARRAY + b'(K\x01(K\x01t' + DTYPE % b'O8' + b'I00\nC\x08AAAAAAAAtb.',
    'too little memory': ARRAY + b'(K\x01(K\x09t' + DTYPE % b'f8' + b'I00\nC\x08AAAAAAAAtb.',
    'array without content': ARRAY + b'.',
    'state of a class': b'cnumpy\ndtype\n}X\x01\x00\x00\x00aK\x01sb.',
    'attributes of a function': b'c_codecs\nencode\nN}X\x08\x00\x00\x00__call__K\x01s\x86b.',
    'bare function': b'c_codecs\nencode\n.',
    'numpy called': b'cnumpy\nndarray\n)R.',
    'another codec': b'c_codecs\nencode\n(X\x01\x00\x00\x00aX\x03\x00\x00\x00hextR.',
    'persistent object': b'Pname\n.',
    'extension': b'\x82\x01.',
    'circle': b']q\x00h\x00a.',
    'empty': b'',
    'another format': b'\x89HDF\r\n',
}


@pytest.mark.parametrize('program', FORGED.values(), ids=FORGED)
def test_a_forged_program_is_refused(program: bytes) -> None:
    with pytest.raises(DataError, match=r'stranger.pkl'):
        read(program)


def test_every_truncation_is_refused() -> None:
    content = pickletools.optimize(pickle.dumps(dict(a=np.arange(4.0), b=['x', 1]), 4))
    for length in range(len(content)):
        with pytest.raises(DataError):
            read(content[:length])


def test_npy_is_mapped(tmp_path: Path) -> None:
    np.save(tmp_path / 'a.npy', np.arange(3.0))
    mapped = map_npy(tmp_path / 'a.npy', 'a.npy')
    assert isinstance(mapped, np.memmap) and mapped.tolist() == [0, 1, 2]


@pytest.mark.parametrize('save', [np.save, np.savez])
def test_objects_in_numpy_files_are_refused(tmp_path: Path, save: Any) -> None:
    trap, file = tmp_path / 'trap', io.BytesIO()
    save(file, np.array([Runs(os.mkdir, str(trap))], dtype=object))
    (tmp_path / 'a.npy').write_bytes(file.getvalue())
    with pytest.raises(DataError, match=r'no array of numbers.*\(a.npy\)'):
        read_arrays(file.getvalue(), 'a.npy')
    with pytest.raises(DataError, match=r'\(a.npy\)'):
        map_npy(tmp_path / 'a.npy', 'a.npy')
    assert not trap.exists()


def test_every_damaged_byte_of_a_packed_npz_is_refused_or_harmless() -> None:
    file = io.BytesIO()
    np.savez_compressed(file, a=np.arange(9.0))
    content = file.getvalue()
    for at in range(len(content)):
        for mask in (0x01, 0xFF):
            damaged = bytearray(content)
            damaged[at] ^= mask
            try:
                arrays = read_arrays(bytes(damaged), 'a.npz')
            except DataError:
                continue
            assert [array.tolist() for array in arrays.values()] == [list(range(9))]


@pytest.mark.parametrize('at', range(60))
def test_a_damaged_header_of_an_npy_is_refused_or_harmless(tmp_path: Path, at: int) -> None:
    np.save(tmp_path / 'a.npy', np.arange(3.0))
    content = bytearray((tmp_path / 'a.npy').read_bytes())
    content[at] = ord('(')
    (tmp_path / 'a.npy').write_bytes(content)
    try:
        assert map_npy(tmp_path / 'a.npy', 'a.npy').tolist() == [0, 1, 2]
    except DataError as error:
        assert error.where == 'a.npy'


def test_reads_npy_and_npz_from_memory() -> None:
    one, several = io.BytesIO(), io.BytesIO()
    np.save(one, np.arange(2))
    np.savez(several, a=np.arange(3), b=np.ones(1))
    assert {k: v.tolist() for k, v in read_arrays(one.getvalue(), 'x').items()} == {'': [0, 1]}
    arrays = read_arrays(several.getvalue(), 'x')
    assert {k: v.tolist() for k, v in arrays.items()} == {'a': [0, 1, 2], 'b': [1]}
    with pytest.raises(DataError, match='damaged'):
        read_arrays(several.getvalue()[:100], 'x')
