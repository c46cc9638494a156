from __future__ import annotations

import re
import sys
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from skelreg.errors import ConfigError
from skelreg.report.figures import confusion_plot, dot_plot, line_plot, loss_curves, scatter_plots

TERMS = {'loss': 'sum', 'head/level': 'level'}
SHARE = ('head/top1', 'found')


def lines(count: int, **changed: Any) -> list[dict[str, Any]]:
    numbers = {'loss': 2.0, 'head/level': 1.0, 'head/top1': 0.5, 'seconds': 1.0, **changed}
    return [{'mode': 'train', 'epoch': i + 1, 'iter': 10 * i, **numbers} for i in range(count)]


def assert_drawing(svg: str) -> None:
    assert ElementTree.fromstring(svg).tag == '{http://www.w3.org/2000/svg}svg'


@pytest.fixture
def _matplotlib() -> None:
    pytest.importorskip('matplotlib')


@pytest.mark.usefixtures('_matplotlib')
@pytest.mark.parametrize('epochs', [1, 5])
def test_losses_are_drawn(epochs: int) -> None:
    assert_drawing(loss_curves(lines(epochs), TERMS, SHARE, {2: 'changes'}))


@pytest.mark.usefixtures('_matplotlib')
def test_a_loss_that_was_not_finite_leaves_a_gap() -> None:
    assert_drawing(loss_curves([*lines(2), *lines(1, loss=None), *lines(2)], TERMS, SHARE))


@pytest.mark.usefixtures('_matplotlib')
def test_a_number_that_was_never_logged_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no number 'head/other'[\s\S]*head/level"):
        loss_curves(lines(2), {'head/other': 'other'}, SHARE)


@pytest.mark.usefixtures('_matplotlib')
def test_every_class_has_its_own_look() -> None:
    points = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    names = [str(i) for i in range(60)]
    assert_drawing(scatter_plots({'one': points, 'other': -points}, np.arange(60), names))


@pytest.mark.usefixtures('_matplotlib')
def test_a_class_without_samples_has_an_empty_row() -> None:
    assert_drawing(confusion_plot([[3, 1], [0, 0]], ['a', 'b']))


@pytest.mark.usefixtures('_matplotlib')
def test_the_same_numbers_give_the_same_file() -> None:
    first, second = (confusion_plot([[3, 1], [0, 2]], ['a', 'b']) for _ in range(2))
    assert first == second


def test_missing_matplotlib_is_told_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'matplotlib', None)
    with pytest.raises(ConfigError, match=r'not installed[\s\S]*skelreg\[vis\]'):
        confusion_plot([[1]], ['a'])


@pytest.mark.usefixtures('_matplotlib')
def test_rows_without_values_and_intervals_beyond_the_bounds_are_drawn() -> None:
    panels = {'a': {'one': [10.0, 90.0], 'two': []}, 'b': {'one': [50.0], 'two': [0.0, 0.0]}}
    svg = dot_plot(panels, {'a': {'one': 500.0}, 'b': {'two': 0.0}}, 'Title', 'share', bounds=(0, 100))
    assert_drawing(svg)
    texts = re.findall('<!-- (.*) -->', svg)
    assert {'Title', 'one', 'two', '50.0', '0.0'} <= set(texts) and '200' not in texts


@pytest.mark.usefixtures('_matplotlib')
def test_lines_with_gaps_and_without_intervals_are_drawn() -> None:
    panels = {'a': {'one': [(5.0, 30.0, 2.0), (40.0, 60.0, None)], 'two': []}, 'b': {'one': [], 'two': []}}
    svg = line_plot(panels, 'Title', 'labels a class', 'top-1 (%)')
    assert_drawing(svg)
    assert {'Title', 'a', 'b', 'one', 'two', 'labels a class', 'top-1 (%)', '5', '40'} <= set(
        re.findall('<!-- (.*) -->', svg)
    )


@pytest.mark.usefixtures('_matplotlib')
def test_an_interval_of_two_runs_does_not_press_the_means_together() -> None:
    panels = {'a': {'one': [(5.0, 40.0, 70.0), (40.0, 60.0, None)]}}
    texts = re.findall('<!-- (.*) -->', line_plot(panels, 'Title', 'labels a class', 'top-1 (%)'))
    ticks = [float(text) for text in texts if re.fullmatch(r'\d+', text)]
    assert '60' in texts and max(ticks) <= 75 and not any(text.startswith('−') for text in texts)
