from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skelreg.datasets.archive import SkeletonArchive
from skelreg.datasets.archive_writer import ArchiveWriter
from skelreg.datasets.dataset import SkeletonDataset
from skelreg.datasets.label_split import (
    PROTOCOLS,
    LabelBudget,
    draw_rows,
    read_label_split,
    write_label_split,
)
from skelreg.datasets.pseudo_labels import write_pseudo_labels
from skelreg.errors import ConfigError, DataError
from tests.runs import run_tool

from .samples import META, random_frames

SIZES = {0: 7, 1: 12, 2: 20}
LABELS = np.array([label for label, size in SIZES.items() for _ in range(size)])
NAMES = [f's{i:03d}' for i in range(len(LABELS))]
SMALL_AND_LARGE = {
    'per_class_n': (3, 6), 'per_class_ratio': (0.2, 0.5), 'global_ratio': (0.1, 0.4), 'first_n': (2, 5),
}


def drawn(protocol: str, amount: float, seed: int = 0) -> set[str]:
    return {NAMES[row] for row in draw_rows(NAMES, LABELS, LabelBudget(protocol, amount, seed))}


def per_class(chosen: set[str]) -> list[int]:
    return [sum(NAMES[i] in chosen for i in np.flatnonzero(label == LABELS)) for label in SIZES]


@pytest.mark.parametrize(
    ('protocol', 'amount', 'expected'),
    [
        ('per_class_n', 4, [4, 4, 4]),
        ('per_class_ratio', 0.25, [2, 3, 5]),  # 1.75, 3, 5
        ('per_class_ratio', 0.125, [1, 2, 2]),  # 0.875, 1.5 and 2.5: halves go to the even number
        ('first_n', 4, [4, 4, 4]),
    ],
)
def test_every_class_gets_what_the_protocol_says(
    protocol: str, amount: float, expected: list[int]
) -> None:
    assert per_class(drawn(protocol, amount)) == expected


def test_a_global_share_is_cut_off_not_rounded_and_ignores_classes() -> None:
    counts = [per_class(drawn('global_ratio', 0.2, seed)) for seed in range(20)]
    assert {sum(count) for count in counts} == {int(0.2 * 39)} and len({tuple(c) for c in counts}) > 1


@pytest.mark.parametrize('protocol', PROTOCOLS)
@pytest.mark.parametrize('seed', [0, 7])
def test_a_smaller_budget_is_part_of_a_larger_one(protocol: str, seed: int) -> None:
    small, large = (drawn(protocol, amount, seed) for amount in SMALL_AND_LARGE[protocol])
    assert small < large


@pytest.mark.parametrize('protocol', [name for name in PROTOCOLS if name != 'first_n'])
def test_seeds_differ_and_repeat(protocol: str) -> None:
    amount = SMALL_AND_LARGE[protocol][0]
    assert drawn(protocol, amount, 1) == drawn(protocol, amount, 1) != drawn(protocol, amount, 2)


@pytest.mark.parametrize('protocol', ['per_class_n', 'per_class_ratio', 'first_n'])
def test_a_class_of_the_archive_without_any_training_sequence_is_refused(protocol: str) -> None:
    budget = LabelBudget(protocol, SMALL_AND_LARGE[protocol][0], 0)
    assert len(draw_rows(NAMES, LABELS, budget, np.arange(3))) == len(draw_rows(NAMES, LABELS, budget))
    with pytest.raises(DataError, match=r'class 3 has too few sequences(?s:.*)got: 0 sequences'):
        draw_rows(NAMES, LABELS, budget, np.arange(4))


def test_first_n_takes_the_first_by_name() -> None:
    assert drawn('first_n', 1) == {'s000', 's007', 's019'} == drawn('first_n', 1, seed=5)


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_the_order_of_the_sequences_does_not_matter(protocol: str) -> None:
    amount, order = SMALL_AND_LARGE[protocol][0], np.random.default_rng(1).permutation(39)
    rows = draw_rows([NAMES[i] for i in order], LABELS[order], LabelBudget(protocol, amount, 3))
    assert {NAMES[order[row]] for row in rows} == drawn(protocol, amount, 3)


def test_classes_are_drawn_independently() -> None:
    """The descendants of ASSL reuse one set of ordinals for all classes; here each class has its own."""
    labels, names = np.repeat([0, 1], 50), [f's{i:03d}' for i in range(100)]
    rows = draw_rows(names, labels, LabelBudget('per_class_n', 10, 0))
    assert sorted(rows[:10]) != sorted(rows[10:] - 50)


def test_every_sequence_is_drawn_equally_often() -> None:
    """Chi-squared of 2000 draws of 3 among 12; 31.3 is its 99.9 % point with 11 degrees of freedom."""
    names, labels, counts = NAMES[:12], np.zeros(12, dtype=np.int64), np.zeros(12)
    for seed in range(2000):
        counts[draw_rows(names, labels, LabelBudget('per_class_n', 3, seed))] += 1
    assert ((counts - 500) ** 2 / 500).sum() * 11 / 12 / (1 - 3 / 12) < 31.3


@pytest.mark.parametrize(
    ('protocol', 'amount', 'message'),
    [
        ('per_class_n', 8, r'class 0 has too few sequences(?s:.*)7 sequences(?s:.*)fewer labels'),
        ('per_class_ratio', 0.01, r'class 0 has too few(?s:.*)larger share'),
        ('global_ratio', 0.01, 'this share of the sequences is none'),
    ],
)
def test_a_budget_that_does_not_fit_is_refused(protocol: str, amount: float, message: str) -> None:
    with pytest.raises(DataError, match=message):
        drawn(protocol, amount)


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        ({'per_clas_n': 5}, 'Closest: per_class_n'),
        ({'seed': 3}, 'names one protocol'),
        ({'per_class_n': 5, 'global_ratio': 0.1}, 'names one protocol'),
        ({'per_class_n': 0.5}, 'sequences per class, at least 1'),
        ({'per_class_n': True}, 'does not take this amount'),
        ({'per_class_n': math.inf}, 'does not take this amount'),
        ({'per_class_n': '5'}, 'does not take this amount'),
        ({'global_ratio': math.nan}, 'does not take this amount'),
        ({'per_class_ratio': 5}, r'in \(0, 1\]'),
        ({'per_class_n': 5, 'seed': -1}, 'seed of a label draw'),
    ],
)
def test_a_misspelt_budget_is_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LabelBudget.parse(config)


@pytest.fixture
def archive_path(tmp_path: Path) -> Path:
    """Twelve sequences of four classes, each class in every view."""
    with ArchiveWriter(tmp_path / 'archive', META, max_bodies=1) as writer:
        for i in range(12):
            view = i // 4 + 1
            columns = dict(subject=i % 4 + 7, camera=view, view=view, setup=1)
            writer.add(f's{i:02d}', i % 4, random_frames(i + 1), columns)
    return tmp_path / 'archive'


def make(archive: Any, **options: Any) -> SkeletonDataset:
    return SkeletonDataset('nucla', archive, **{'split': '464', 'subset': 'train', **options})


@pytest.fixture
def stored(archive: SkeletonArchive, tmp_path: Path) -> Path:
    dataset = make(archive, label_budget=dict(per_class_n=1, seed=3))
    return write_label_split(tmp_path / 'labels.json', dataset.label_split)


def test_a_dataset_drops_what_is_not_labelled(archive: SkeletonArchive) -> None:
    everything = make(archive, label_budget=dict(per_class_n=2))
    assert len(everything) == everything.subset_size == 8  # four classes with two sequences each
    half = make(archive, label_budget=dict(global_ratio=0.5, seed=2), num_frames=4)
    assert len(half) == 4 and half.subset_size == 8 and (half.labels >= 0).all()
    whole = make(archive, num_frames=4)
    rows = [whole.names.index(name) for name in half.names]
    assert (half.__getitems__(range(4))['inputs'] == whole.__getitems__(rows)['inputs']).all()


def test_a_dataset_keeps_unlabelled_sequences_without_their_labels(archive: SkeletonArchive) -> None:
    budget = dict(global_ratio=0.5, seed=2)
    dropped, kept = (make(archive, label_budget=budget, unlabelled=what) for what in ('drop', 'keep'))
    labelled = [name for name, label in zip(kept.names, kept.labels, strict=True) if label >= 0]
    assert len(kept) == 8 and tuple(labelled) == dropped.names == dropped.label_split.names
    assert kept.labels[kept.labels >= 0].equal(dropped.labels)
    assert kept.__getitems__(range(8))['labels'].equal(kept.labels)


def test_the_fingerprint_tells_predicted_labels(archive: SkeletonArchive, tmp_path: Path) -> None:
    options = dict(label_budget=dict(per_class_n=1), unlabelled='keep')
    plain = make(archive, **options)
    missing = next(name for name, label in zip(plain.names, plain.labels, strict=True) if label < 0)
    source = {'dataset': 'nucla', 'split': '464', 'subset': 'train'}
    datasets = [plain]
    for label in (0, 1):
        path = write_pseudo_labels(tmp_path / f'{label}.json', {missing: label}, source)
        datasets.append(make(archive, pseudo_labels=path, **options))
    assert len({dataset.fingerprint for dataset in datasets}) == 3


def test_the_fingerprint_and_the_metainfo_name_the_draw(archive: SkeletonArchive) -> None:
    budgets = [None, dict(global_ratio=0.5), dict(global_ratio=0.5, seed=1)]
    datasets = [make(archive, label_budget=budget, unlabelled='keep') for budget in budgets]
    assert len({dataset.fingerprint for dataset in datasets}) == 3
    assert [d.metainfo['label_budget'] for d in datasets] == [
        None, 'global_ratio 0.5, draw 0', 'global_ratio 0.5, draw 1'
    ]


def test_a_stored_draw_is_the_draw(archive: SkeletonArchive, stored: Path) -> None:
    from_file, drawn_again = (
        make(archive, label_budget=budget) for budget in (stored, dict(per_class_n=1.0, seed=3))
    )
    assert from_file.label_split == drawn_again.label_split == read_label_split(stored)
    assert from_file.names == drawn_again.names and from_file.fingerprint == drawn_again.fingerprint


def absent(content: dict[str, Any]) -> None:
    content['names'][2] = 'nobody'


def of_another_dataset(content: dict[str, Any]) -> None:
    content['dataset'] = 'ntu60'


def of_the_test_subset(content: dict[str, Any]) -> None:
    content['split'] = '464-clean'


def resealed(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a file and give it the checksum of its new content."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match='checksum') as caught:
        read_label_split(path)
    content['sha256'] = str(caught.value.got).removeprefix('sha256 ')
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (absent, '1 labelled sequences are not in the training split(?s:.*)nobody'),
        (of_another_dataset, 'drawn from other data(?s:.*)ntu60, 464, train'),
        (of_the_test_subset, 'drawn from other data(?s:.*)464-clean'),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    archive: SkeletonArchive, stored: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    resealed(stored, change)
    with pytest.raises(DataError, match=message):
        make(archive, label_budget=stored)


@pytest.mark.parametrize(
    ('text', 'message'),
    [('{', 'no JSON'), ('[]', 'another format'), ('{"format": "skelreg-labels-1"}', 'malformed')],
)
def test_a_damaged_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / 'labels.json').write_text(text)
    with pytest.raises(DataError, match=message):
        read_label_split(tmp_path / 'labels.json')


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'no such label file(?s:.*)draw_labels\.py'):
        read_label_split(tmp_path / 'none.json')


@pytest.mark.parametrize('option', ['label_budget', 'pseudo_labels'])
def test_a_folder_is_no_file_of_labels(archive: SkeletonArchive, tmp_path: Path, option: str) -> None:
    for folder in (tmp_path, ''):
        with pytest.raises(DataError, match=r'labels? (file )?cannot be read(?s:.*)Is a directory'):
            make(archive, **{option: folder})


def test_test_sequences_are_never_drawn_from(archive: SkeletonArchive) -> None:
    with pytest.raises(ConfigError, match=r'training sequences only(?s:.*)test'):
        make(archive, subset='test', label_budget=dict(per_class_n=1))


def test_unlabelled_is_drop_or_keep(archive: SkeletonArchive) -> None:
    with pytest.raises(ValueError, match="'drop' or 'keep'"):
        make(archive, label_budget=dict(per_class_n=1), unlabelled='hide')


def test_a_budget_beyond_the_generated_sequences_is_scaled_down(
    stored: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for budget in (dict(per_class_n=40), stored):
        dataset = make(dict(synthetic=60), label_budget=budget, unlabelled='keep')
        labelled = int((dataset.labels >= 0).sum())
        assert 10 <= labelled <= dataset.subset_size / 2 + 5
        assert f'{labelled} of {dataset.subset_size} are labelled' in caplog.text


def test_the_tool_writes_a_file_for_each_seed(
    archive_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ['--split', '464', '--amount', '1', '--seeds', '0', '4', '--out', str(tmp_path / 'labels')]
    assert run_tool('draw_labels', 'nucla', '--archive', str(archive_path), *options) == 0
    files = sorted((tmp_path / 'labels').iterdir())
    assert [file.name for file in files] == [f'nucla_464_per_class_n_1_seed_{seed}.json' for seed in (0, 4)]
    assert '4 of 8 sequences' in capsys.readouterr().out
    assert read_label_split(files[1]).budget == LabelBudget('per_class_n', 1, 4)


def test_the_tool_names_a_mistake(archive_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ['--split', '464', '--amount', '2', '--protocol', 'per_class']
    assert run_tool('draw_labels', 'nucla', '--archive', str(archive_path), *options) == 2
    assert 'Closest: per_class_n' in capsys.readouterr().err
