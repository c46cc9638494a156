from __future__ import annotations

import pytest

from skelreg.plain_yaml import load_yaml


def test_reads_plain_data_and_merges() -> None:
    text = "base: &base {a: 1, b: yes}\nother: {<<: *base, a: 2, '7': [x, 08]}"
    assert load_yaml(text) == {'base': {'a': 1, 'b': True}, 'other': {'a': 2, 'b': True, '7': ['x', '08']}}


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('a: 1\nb: 2\na: 3', r"(?s)'a' stands twice.*line 3"),
        ('outer: [{b: 1, b: 1}]', "'b' stands twice"),
        ('a: [', 'flow node'),
        ('a: !!python/object/apply:os.getcwd []', 'constructor'),
        ('a: 2020-13-45', 'month'),
        ('[' * 10_000, 'recursion'),
    ],
)
def test_what_is_ambiguous_or_no_yaml_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_yaml(text)
