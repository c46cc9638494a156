"""Reading pickles and numpy files of others: data is read, code is refused, nothing is executed.

A pickle is a program. The reader below hands every function and class that the program names to a
stand-in of its own; a name without a stand-in is refused before anything is called. numpy's own
constructors are not called either, because a forged dtype can make them read foreign memory: the
stand-ins note what was asked for, and arrays are made of it afterwards, checked.
"""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

ACCEPTED = 'lists, tuples, dicts, sets, numbers, strings, bytes and numpy arrays'

# Numbers, texts and objects; what else numpy knows (fields, dates) does not stand in skeleton data.
_DTYPE = re.compile(r'b1|[iu][1248]|f(2|4|8|16)|[SU]\d{1,6}|O[48]?')


def read_pickle(file: BinaryIO, where: str) -> Any:
    """The content of a pickle that holds plain containers, numbers, strings and numpy arrays.

    Any protocol, and the module paths of numpy 1 and 2; Python 2 strings are read as Latin-1. An
    OrderedDict comes back as a dict.

    Args:
        file: Open for reading bytes.
        where: The file's name, for messages.

    Raises:
        DataError: If it is damaged, or names any other function or class; the first one is told.
    """
    try:
        return _Plain(where).value(_Unpickler(file, where).load())
    except DataError:
        raise
    except RecursionError as error:
        raise DataError('pickle is nested too deeply, or in a circle', where=where) from error
    except Exception as error:  # a forged or damaged program can fail in any way
        raise DataError(
            'file is no pickle, or a damaged one', got=f'{type(error).__name__}: {error}', where=where
        ) from error


def map_npy(path: Path, where: str) -> NDArray[Any]:
    """A .npy file as a read-only memory map.

    Raises:
        DataError: If it is damaged, or holds Python objects, which are never unpickled.
    """
    try:
        array: NDArray[Any] = np.load(path, mmap_mode='r', allow_pickle=False)
    except Exception as error:  # numpy reads the header as Python text, which can fail in any way
        raise _no_array(error, where) from error
    if not isinstance(array, np.ndarray):
        raise DataError('file is no .npy file', got='several arrays (.npz)', where=where)
    return array


def read_arrays(content: bytes, where: str) -> dict[str, NDArray[Any]]:
    """The arrays of a .npz file by name; that of a .npy file under ''.

    Raises:
        DataError: As `map_npy`.
    """
    try:
        loaded = np.load(io.BytesIO(content), allow_pickle=False)
        arrays = {'': loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
        foreign = [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]
        if foreign:
            raise ValueError(f'members that are no arrays: {", ".join(foreign[:5])}')
        return arrays
    except Exception as error:  # as above, or zipfile does
        raise _no_array(error, where) from error


def _no_array(error: Exception, where: str) -> DataError:
    return DataError(
        'file is no array of numbers, or a damaged one',
        got=f'{type(error).__name__}: {error}',
        accepted='what numpy.save or numpy.savez wrote of a numeric array',
        where=where,
    )


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO, where: str) -> None:
        super().__init__(file, encoding='latin1')
        self._where = where

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _STAND_INS:
            return _STAND_INS[module, name]
        raise DataError(
            'pickle names a foreign object and was not loaded',
            got=f'{module}.{name}',
            accepted=ACCEPTED,
            where=self._where,
            fix='if you trust its author, save the content again as plain lists and numpy arrays',
        )


class _StandIn:
    """Called in the place of what a pickle names; its state cannot be set by the pickle."""

    __slots__ = ('_function',)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setstate__(self, state: object) -> None:
        raise ValueError('the state of a function is set')


class _Dtype:
    """A dtype as a pickle describes it: REDUCE gives the kind and size, BUILD the byte order."""

    __slots__ = ('_order', '_text')

    def __init__(self, text: str, *_flags: object) -> None:
        self._text, self._order = text, '='

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if any(part is not None for part in state[2:5]) or state[1] not in ('<', '>', '|', '='):
            raise ValueError(f'dtype has fields or shapes: {state!r:.80}')
        self._order = state[1]

    def make(self) -> np.dtype[Any]:
        """The dtype, which can only be one of numbers, texts or objects."""
        if not isinstance(self._text, str) or not _DTYPE.fullmatch(self._text):
            raise ValueError(f'dtype {self._text!r:.40} is neither numbers nor text')
        return np.dtype(self._order + self._text)


class _Array:
    """An array as a pickle describes it: all of it comes with BUILD."""

    __slots__ = ('data', 'dtype', 'order', 'shape')

    def __init__(self, kind: object, *_placeholders: object) -> None:
        if kind is not _NDARRAY:
            raise ValueError('an array of a foreign class')

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        *version, self.shape, dtype, is_fortran, self.data = state
        if version not in ([], [1]) or not isinstance(dtype, _Dtype):
            raise ValueError('array of an unknown form')
        self.dtype, self.order = dtype.make(), 'F' if is_fortran else 'C'


def _array_of(
    data: bytes | str, dtype: np.dtype[Any], shape: Any, order: Any, axes: Any = None
) -> NDArray[Any]:
    """Numbers or text out of raw memory; Python 2 wrote it as text. Never of pointers to objects."""
    if dtype.hasobject:
        raise ValueError('objects given as raw memory')
    raw = data.encode('latin1') if isinstance(data, str) else data
    flat = np.frombuffer(raw, dtype) if len(raw) else np.empty(0, dtype)
    if order == 'K' and axes is not None:
        return flat.reshape(shape).transpose(axes)
    return flat.reshape(shape, order=order)


def _from_buffer(data: Any, dtype: _Dtype, shape: Any, order: Any, axes: Any = None) -> NDArray[Any]:
    """Protocol 5 of numpy."""
    return _array_of(data, dtype.make(), shape, order, axes)


def _scalar(dtype: _Dtype, data: bytes | str) -> Any:
    return _array_of(data, dtype.make(), (), 'C')[()]


def _encode(text: str, encoding: str) -> bytes:
    """How protocols 0 to 2 write bytes."""
    if encoding != 'latin1':
        raise ValueError(f'bytes in the encoding {encoding!r:.40}')
    return text.encode('latin1')


def _mapping(*items: Any) -> dict[Any, Any]:
    return dict(*items)


def _set(items: list[Any]) -> set[Any]:
    return set(items)


def _no_bytes() -> bytes:
    """Empty bytes, the only ones that protocols 0 to 2 write by calling their class."""
    return b''


def _class_only(*_: object) -> Any:
    raise ValueError('numpy.ndarray is called')


_NDARRAY = _StandIn(_class_only)
_STAND_INS: dict[tuple[str, str], _StandIn] = {
    ('numpy', 'ndarray'): _NDARRAY,
    ('numpy', 'dtype'): _StandIn(_Dtype),
    ('_codecs', 'encode'): _StandIn(_encode),
    ('collections', 'OrderedDict'): _StandIn(_mapping),
    **{(module, 'set'): _StandIn(_set) for module in ('builtins', '__builtin__')},
    **{(module, 'bytes'): _StandIn(_no_bytes) for module in ('builtins', '__builtin__')},
    **{
        (f'numpy.{core}.{module}', name): _StandIn(function)
        for core in ('core', '_core')
        for module, name, function in (
            ('multiarray', '_reconstruct', _Array),
            ('multiarray', 'scalar', _scalar),
            ('numeric', '_frombuffer', _from_buffer),
        )
    },
}


class _Plain:
    """Puts arrays in the place of their descriptions; what stands twice in the pickle is made once."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._made: dict[int, Any] = {}

    def value(self, value: Any) -> Any:
        """The value with every part of it plain."""
        kind = type(value)
        if kind in (str, int, float, bool, bytes, bytearray, type(None)):
            return value
        if isinstance(value, np.generic | np.ndarray):
            return value
        if id(value) not in self._made:
            self._made[id(value)] = self._make(value, kind)
        return self._made[id(value)]

    def _make(self, value: Any, kind: type) -> Any:
        if kind is dict:
            return {self.value(key): self.value(item) for key, item in value.items()}
        if kind in (list, tuple, set, frozenset):
            return kind(self.value(item) for item in value)
        if kind is not _Array:
            raise DataError('pickle holds a function or a class', accepted=ACCEPTED, where=self._where)
        if not value.dtype.hasobject:
            return _array_of(value.data, value.dtype, value.shape, value.order)
        if not isinstance(value.data, list):
            raise ValueError('array of objects without a list of them')
        objects = np.empty(len(value.data), dtype=object)
        for i, item in enumerate(value.data):
            objects[i] = self.value(item)
        return objects.reshape(value.shape, order=value.order)
