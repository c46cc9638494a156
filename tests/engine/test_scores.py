"""Score files: how they are made, and what becomes of damaged ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from skelreg.engine.metrics import Predictions
from skelreg.engine.scores import INFO, make_scores, read_scores, write_scores
from skelreg.errors import DataError

N = 200


class Listed:
    """A dataset that counts how often its names are made, which takes as long as there are sequences."""

    def __init__(self) -> None:
        self.metainfo, self.digests, self.made = {'checksum': 'c'}, tuple(f'd{i}' for i in range(N)), 0

    @property
    def names(self) -> tuple[str, ...]:
        self.made += 1
        return tuple(f's{i}' for i in range(N))


def scores(dataset: Listed) -> object:
    labels = torch.arange(N) % 5
    predictions = Predictions(torch.randn(N, 5), labels, torch.arange(N).flip(0))
    return make_scores(predictions, dict.fromkeys(INFO), dataset, stream='joint', train_split='a+b')


def test_scores_are_named_in_one_pass() -> None:
    dataset = Listed()
    made = scores(dataset)
    assert made.names == dataset.names[::-1] and made.digests == dataset.digests[::-1]
    assert dataset.made == 2  # the other time by this test


@pytest.mark.parametrize('place', range(50, 5000, 450))
def test_a_damaged_file_is_named(tmp_path: Path, place: int) -> None:
    path = write_scores(tmp_path / 'a.scores.npz', scores(Listed()))
    content = bytearray(path.read_bytes())
    content[place : place + 40] = bytes(255 - byte for byte in content[place : place + 40])
    path.write_bytes(content)
    with pytest.raises(DataError, match=r'a\.scores\.npz'):
        read_scores(path)
