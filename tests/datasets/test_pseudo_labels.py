from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skelreg.datasets.pseudo_labels import fill_with_pseudo_labels, write_pseudo_labels
from skelreg.errors import DataError

NAMES, LABELS = ('a', 'b', 'c', 'd'), np.array([2, -1, -1, 1])
SOURCE = dict(dataset='some', split='xsub', subset='train')


def fill(path: Path, **changes: Any) -> list[int]:
    arguments = {**SOURCE, 'num_classes': 3, **changes}
    return fill_with_pseudo_labels(path, NAMES, LABELS, **arguments).tolist()


def test_only_unknown_labels_are_filled(tmp_path: Path) -> None:
    path = write_pseudo_labels(tmp_path / 'labels.json', {'a': 0, 'c': 1}, SOURCE)
    assert fill(path) == [2, -1, 1, 1]
    assert LABELS.tolist() == [2, -1, -1, 1]


@pytest.mark.parametrize('labels', [{'e': 0}, {'b': 3}, {'b': -1}, {'b': 'walk'}])
def test_labels_that_do_not_fit_are_refused(tmp_path: Path, labels: Any) -> None:
    path = write_pseudo_labels(tmp_path / 'labels.json', labels, SOURCE)
    with pytest.raises(DataError, match='does not fit the data'):
        fill(path)


@pytest.mark.parametrize('key', ['dataset', 'split', 'subset'])
def test_labels_of_other_data_are_refused(tmp_path: Path, key: str) -> None:
    path = write_pseudo_labels(tmp_path / 'labels.json', {'b': 0}, SOURCE)
    with pytest.raises(DataError, match='for other data'):
        fill(path, **{key: 'other'})


def test_labels_predicted_from_another_draw_are_refused(tmp_path: Path) -> None:
    path = write_pseudo_labels(tmp_path / 'labels.json', {'b': 0}, {**SOURCE, 'label_split': 'one'})
    assert fill(path, label_split='one') == fill(path) == [2, 0, -1, 1]
    with pytest.raises(DataError, match='knew other labels'):
        fill(path, label_split='other')


@pytest.mark.parametrize(
    ('content', 'message'),
    [(None, 'no such file'), ('{', 'no JSON'), (json.dumps({'labels': {}}), 'this is no file')],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / 'labels.json'
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=message):
        fill(path)
