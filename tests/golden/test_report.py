"""The verdicts on golden files can be trusted."""

import numpy as np
import pytest

from tests.golden.report import GoldenReport

ARRAYS = {'x': np.array([1.0, 2.0]), 'y': np.array([3.0, np.inf]), 'noise/seed': np.array(1)}


def report(lines):
    return GoldenReport('sums', dict(ARRAYS), lines.append)


def finish(lines, y):
    with report(lines) as open_report:
        open_report.leave_out('*/seed', 'draws are fed')
        open_report.read('x')
        open_report.compare('y', y)


def test_equal_numbers_are_ok():
    lines = []
    finish(lines, [3.0, np.inf])
    assert lines == ['golden sums ok 2/2 keys, largest error 0, 1 keys outside: */seed (draws are fed)']


@pytest.mark.parametrize('y', [[3.1, np.inf], [3.0, 9.0], [np.nan, np.inf], [3.0]])
def test_other_numbers_fail(y):
    lines = []
    with pytest.raises(pytest.fail.Exception, match='golden sums FAIL'):
        finish(lines, y)
    assert lines[0].startswith('golden sums FAIL 2/2 keys')


def test_key_that_nobody_looked_at_fails():
    lines = []
    with pytest.raises(pytest.fail.Exception, match='neither read nor compared: y'), report(lines) as ours:
        ours.leave_out('*/seed', 'draws are fed')
        ours.read('x')
    assert lines[0].startswith('golden sums FAIL 1/2 keys')


def test_error_in_between_fails_and_passes_on():
    lines = []
    with pytest.raises(KeyError), report(lines) as ours:
        ours.read('z')
    assert lines[0].startswith('golden sums FAIL 0/3 keys')
