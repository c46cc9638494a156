"""One defect for each clause of readers, and the check names the clause."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from skelreg.datasets.cards import DatasetCard
from skelreg.datasets.readers.base import Sequence, Source
from skelreg.datasets.readers.nucla import NUCLAReader
from skelreg.errors import DataError
from skelreg.testing import ContractError, check_reader
from tests.contracts.raw_files import write_nucla


class Unsorted(NUCLAReader):
    def sources(self, path: Path) -> list[Source]:
        found = super().sources(path)
        self.flip = not getattr(self, 'flip', False)
        return found[::-1] if self.flip else found


class NothingFound(NUCLAReader):
    def sources(self, path: Path) -> list[Source]:
        return [] if any(path.iterdir()) else super().sources(path)


class SilentOnNothing(NUCLAReader):
    def sources(self, path: Path) -> list[Source]:
        return super().sources(path) if any(path.iterdir()) else []


class HoldsALambda(NUCLAReader):
    def __init__(self, card: DatasetCard) -> None:
        super().__init__(card)
        self.clean = lambda frames: frames


class Crashes(NUCLAReader):
    def read(self, source: Source) -> list[Sequence]:
        raise IndexError('list index out of range')


class OneSequence(NUCLAReader):
    def read(self, source: Source) -> list[Sequence]:
        return super().read(source)[0]  # type: ignore[return-value]


class LabelFromOne(NUCLAReader):
    def read(self, source: Source) -> list[Sequence]:
        return [replace(sequence, label=10) for sequence in super().read(source)]


class Noisy(NUCLAReader):
    def read(self, source: Source) -> list[Sequence]:
        return [replace(s, frames=s.frames + random.random()) for s in super().read(source)]


class NoisyLabel(NUCLAReader):
    def read(self, source: Source) -> list[Sequence]:
        return [replace(s, columns={**s.columns, 'setup': random.random()}) for s in super().read(source)]


class OneName(NUCLAReader):
    def read(self, source: Source) -> list[Sequence]:
        return [replace(sequence, name='sequence') for sequence in super().read(source)]


class NoCamera(NUCLAReader):
    def read(self, source: Source) -> list[Sequence]:
        return [replace(s, columns=dict(subject=1, setup=1)) for s in super().read(source)]


class PassesDamage(NUCLAReader):
    def read(self, source: Source) -> list[Sequence]:
        try:
            return super().read(source)
        except DataError:
            return []


class RaisesAnything(NUCLAReader):
    def read(self, source: Source) -> list[Sequence]:
        json.loads(source.read_bytes())
        return super().read(source)


class NamesNothing(NUCLAReader):
    def read(self, source: Source) -> list[Sequence]:
        try:
            return super().read(source)
        except DataError as error:
            raise DataError('something is wrong') from error


DEFECTS = [
    (Unsorted, 'sources'), (NothingFound, 'sources'), (SilentOnNothing, 'empty folder'),
    (HoldsALambda, 'picklable'), (Crashes, 'runs'), (OneSequence, 'output'), (LabelFromOne, 'sequence'),
    (Noisy, 'deterministic'), (NoisyLabel, 'deterministic'), (OneName, 'names'), (NoCamera, 'columns'),
    (PassesDamage, 'damage'), (RaisesAnything, 'damage'), (NamesNothing, 'damage'),
]


@pytest.mark.parametrize(('defect', 'clause'), DEFECTS)
def test_the_broken_clause_of_a_reader_is_named(defect: type, clause: str, tmp_path: Path) -> None:
    write_nucla(tmp_path)
    with pytest.raises(ContractError) as caught:
        check_reader(dict(type=defect), tmp_path, dataset='nucla')
    assert (caught.value.component, caught.value.clause) == (defect.__name__, clause)
