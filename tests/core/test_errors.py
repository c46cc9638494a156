from __future__ import annotations

import pickle

import pytest

from skelreg.errors import CheckpointError, ConfigError, DataError, PluginError, SkelregError, closest, some


def test_error_says_what_got_accepted_where_and_fix() -> None:
    error = ConfigError('no such split', got="'xsubb'", accepted='xsub', where='dataset', fix='mend it')
    assert str(error).splitlines() == [
        'no such split (dataset)', "  got: 'xsubb'", '  accepted: xsub', '  fix: mend it',
    ]


def test_error_leaves_out_what_it_was_not_given() -> None:
    assert str(SkelregError('no such split')) == 'no such split'


@pytest.mark.parametrize('value', [0, False, ''])
def test_error_shows_values_that_are_false(value: object) -> None:
    assert f'got: {value}' in str(DataError('wrong', got=value))


@pytest.mark.parametrize('kind', [ConfigError, PluginError, DataError, CheckpointError])
def test_error_survives_the_way_back_from_a_worker(kind: type[SkelregError]) -> None:
    error = kind('what', got=1, accepted=2, where='here', fix='this')
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind and str(copy) == str(error)


@pytest.mark.parametrize('name', ['STGNC', 'stgcn'])
def test_closest_finds_a_misspelt_name_whatever_its_case(name: str) -> None:
    assert closest(name, ['GRU', 'STGCN', 'Transformer']).startswith('Closest: STGCN. Known: GRU, STGCN')


def test_closest_lists_all_names_where_none_is_near() -> None:
    assert closest('xyz', ['b', 'a']) == 'Known: a, b.'


def test_closest_says_so_where_nothing_is_known() -> None:
    assert closest('xyz', []) == 'Known: none.'


def test_closest_takes_names_that_are_numbers() -> None:
    assert closest(464, [464, '123']) == 'Closest: 464. Known: 123, 464.'


@pytest.mark.parametrize(
    ('names', 'text'), [('', 'none'), ('a', 'a'), ('ab', 'a, b'), ('abcd', 'a, b and 2 more')]
)
def test_some_names_say_how_many_more_there_are(names: str, text: str) -> None:
    assert some(names, most=2) == text
