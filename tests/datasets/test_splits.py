from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skelreg.datasets.archive import SkeletonArchive
from skelreg.datasets.cards import card_names, load_card
from skelreg.datasets.counts import describe, differences, summarise
from skelreg.datasets.splits import count_twins, matches, select
from skelreg.errors import ConfigError, DataError

INDEX = dict(
    name=np.array(['a', 'b', 'c', 'd']),
    view=np.array([1, 2, 3, 3]),
    subject=np.array([1, 2, 1, 2]),
    digest=np.array(['p', 'q', 'q', 'r']),
)


@pytest.mark.parametrize(
    ('rule', 'expected'),
    [
        ({}, 'abcd'),
        ({'view': [1, 3]}, 'acd'),
        ({'view': 3}, 'cd'),
        ({'view': [1, 3], 'subject': [1]}, 'ac'),
        ({'not': {'view': [3]}}, 'ab'),
        ({'not': {'view': [3], 'subject': [1]}}, 'abd'),
        ({'view': [1, 2], 'without_twins_of': {'view': [3]}}, 'a'),
        ({'view': [9]}, ''),
    ],
)
def test_a_rule_selects(rule: dict[str, object], expected: str) -> None:
    assert ''.join(INDEX['name'][matches(INDEX, rule)]) == expected


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(ConfigError, match=r"'veiw'.*\n.*Closest: view"):
        matches(INDEX, {'veiw': [1]})


KINDS = {**INDEX, 'view': np.array(['7', '08', 'no', '']), 'setup': np.full(4, -1)}


@pytest.mark.parametrize(
    ('rule', 'message'),
    [
        ({'not': {'subject': ['08', '09']}}, r"'subject' for texts, and it holds(?s:.*)got: \['08', '09'\]"),
        ({'not': {'subject': ['7']}}, 'whole numbers without quotes'),
        ({'view': [7]}, r"'view' for whole numbers, and it holds texts(?s:.*)quotes around numbers"),
        ({'view': 7}, 'it holds texts'),
        ({'view': [False]}, r"one kind for the column 'view'(?s:.*)quotes around the texts yes, no"),
        ({'subject': [True]}, 'no values of one kind'),
        ({'subject': [1, '2']}, 'no values of one kind'),
        ({'subject': [1.5]}, 'no values of one kind'),
        ({'subject': None}, 'got: None'),
        ({'subject': []}, 'no values of one kind'),
        ({'without_twins_of': {'subject': 'x'}}, 'it holds whole numbers'),
    ],
)
def test_values_of_another_kind_than_the_column_are_refused(rule: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        matches(KINDS, rule)


@pytest.mark.parametrize(
    ('rule', 'expected'),
    [
        ({'view': '7'}, 'a'),
        ({'view': ['08', 'no']}, 'bc'),
        ({'subject': np.int32(2)}, 'bd'),
        ({'setup': ['train', '-1']}, ''),
        ({'not': {'setup': 'train'}}, 'abcd'),
    ],
)
def test_values_of_the_right_kind_select_and_a_blank_column_has_no_kind(
    rule: dict[str, object], expected: str
) -> None:
    assert ''.join(KINDS['name'][matches(KINDS, rule)]) == expected


def test_an_empty_subset_is_refused() -> None:
    with pytest.raises(DataError, match='empty'):
        select(INDEX, {'view': [9]}, where='here')


def test_twins_are_counted_on_the_test_side() -> None:
    assert count_twins(INDEX, {'view': [2]}, {'view': [3]}) == 1
    assert count_twins(INDEX, {'view': [1]}, {'view': [3]}) == 0


@pytest.mark.parametrize('name', card_names())
def test_every_card_loads_and_its_subsets_do_not_overlap(name: str) -> None:
    card = load_card(name)
    index = dict(
        name=np.arange(40 * 3),
        view=np.arange(120) % 3 + 1,
        camera=np.arange(120) % 3 + 1,
        subject=np.arange(120) // 3 + 1,
        setup=np.arange(120) % 32 + 1,
        digest=np.arange(120),
        # Subsets of recordings, as PKUMMDReader reports them.
        **{split: np.array(['train', 'test', 'neither'])[np.arange(120) % 3] for split in ('xsub', 'xview')},
        # Lists of sequences that a raw file names, as PYSKLReader and HiCLRReader report them.
        **{f'{split}_train': np.arange(120) % 2 for split in ('xsub', 'xview', 'xset')},
        **{f'{split}_val': 1 - np.arange(120) % 2 for split in ('xsub', 'xview', 'xset')},
    )
    for split in card.splits:
        train, test = (matches(index, card.rule(split, subset)) for subset in ('train', 'test'))
        assert train.any() and test.any() and not (train & test).any()


def test_an_unknown_card_names_the_closest() -> None:
    with pytest.raises(ConfigError, match='Closest: nucla'):
        load_card('ucla')


@pytest.mark.parametrize(('split', 'subset', 'word'), [('465', 'train', 'split'), ('464', 'val', 'subset')])
def test_an_unknown_split_is_named(split: str, subset: str, word: str) -> None:
    with pytest.raises(ConfigError, match=f"nucla has no {word} '{split if word == 'split' else subset}'"):
        load_card('nucla').rule(split, subset)


CARD = """
name: mine
title: mine
layout: nucla
channels: [x, y, z]
max_bodies: 1
num_classes: 2
class_names: [sit, stand]
splits:
  cross: {train: {subject: [1]}, test: {not: {subject: 1}}}
expected:
  sequences: 16
  cross: {train: 12, twins: 0}
"""


def refusal(folder: Path, content: str | bytes) -> str:
    file = folder / 'card.yaml'
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as caught:
        load_card(file)
    assert str(file) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('name: x', 'incomplete'),
        ('nmae: x', 'Closest: name'),
        ('a: [', 'no YAML'),
        ('just text', "no field 'str'"),
        ('1: x', "no field '1'"),
        (CARD + 'name: other', "the key 'name' stands twice"),
        (CARD.encode().replace(b'title: mine', b'title: m\xe9'), 'cannot be read'),
    ],
)
def test_a_malformed_card_is_named(tmp_path: Path, content: str | bytes, message: str) -> None:
    assert message in refusal(tmp_path, content)


@pytest.mark.parametrize(
    ('right', 'wrong', 'message'),
    [
        ('name: mine', 'name:', 'name is no text: None'),
        ('channels: [x, y, z]', 'channels:', 'channels of a dataset card is no list'),
        ('channels: [x, y, z]', '', "argument: 'channels'"),
        ('[x, y, z]', '[x, y, 3]', 'channel 3 is no text'),
        ('[sit, stand]', '', 'class_names of a dataset card is no list'),
        ('max_bodies: 1', 'max_bodies: 0', 'max_bodies is no whole number of 1 or more: 0'),
        ('num_classes: 2', "num_classes: '2'", "num_classes is no whole number of 1 or more: '2'"),
        ('\n  cross: {train: {subject: [1]}, test: {not: {subject: 1}}}', '', 'splits is no mapping: None'),
        ('  cross: {train: {', '  2: {train: {', 'no text: 2; YAML needs quotes'),
        ('train: {subject: [1]}', 'train: ', 'rule is no mapping'),
        ('not: {subject: 1}', 'not: ', 'split cross, test'),
        ('not: {subject: 1}', 'without_twins_of: [1]', 'got: [1]'),
        ('subject: [1]', 'subject: [yes]', 'got: [True]'),
        ('{subject: [1]}', '{1: [1]}', 'a column that is no text'),
        ('cross: {train: 12', 'corss: {train: 12', "expected names 'corss', which is not there. Close"),
        ('train: 12', 'trian: 12', "expected.cross names 'trian', which is not there. Closest: train"),
        ('sequences: 16', "sequences: '16'", "expected.sequences is no whole number: '16'"),
        ('{train: 12, twins: 0}', '28', 'expected.cross is no mapping: 28'),
    ],
)
def test_a_wrong_field_of_a_card_is_named(tmp_path: Path, right: str, wrong: str, message: str) -> None:
    assert right in CARD and message in refusal(tmp_path, CARD.replace(right, wrong, 1))


def test_counts_are_held_against_the_card(archive: SkeletonArchive) -> None:
    summary = summarise(archive, load_card('nucla'))
    assert summary['464'] == {'train': 8, 'test': 4, 'twins': 1}
    assert summary['464-clean'] == {'train': 7, 'test': 4, 'twins': 0}
    assert differences(summary, {'sequences': 12, '464': {'train': 9, 'twins': 1}}) == [
        '464 train: 8 instead of 9'
    ]


def test_the_description_counts_what_is_odd(archive: SkeletonArchive) -> None:
    odd = dict(empty_frames=np.arange(12), crowded_frames=np.zeros(12, dtype=int))
    counted = SkeletonArchive(archive.frames, {**archive.index, **odd}, archive.meta)
    text = '\n'.join(describe(counted, load_card('nucla')))
    assert '66 frames without a body, in 11 sequences (column empty_frames)' in text
    assert 'crowded_frames' not in text and 'without a body' not in describe(archive, load_card('nucla'))


def test_the_description_lists_twins_and_differences(archive: SkeletonArchive) -> None:
    text = '\n'.join(describe(archive, load_card('nucla')))
    assert 'split 464: 8 train, 4 test, 1 twins' in text
    assert 'not as expected: sequences: 12 instead of 1,484' in text
