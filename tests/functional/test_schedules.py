import pytest

from skelreg.functional.schedules import ramp, step_rate, warmup_step_rate


def test_step_epoch_itself_still_runs_at_the_old_rate():
    assert [step_rate(epoch, 1.0, [3, 5]) for epoch in range(1, 7)] == pytest.approx(
        [1, 1, 1, 0.1, 0.1, 0.01]
    )


def test_warmup_rises_to_the_full_rate_and_falls_in_the_step_epoch():
    assert [warmup_step_rate(epoch, 1.0, [5], warmup=4) for epoch in range(1, 7)] == pytest.approx(
        [0.25, 0.5, 0.75, 1, 0.1, 0.1]
    )


def test_ramp_grows_linearly_and_stays():
    assert [ramp(epoch, length=4, start=2) for epoch in range(8)] == [0, 0, 0, 0.25, 0.5, 0.75, 1, 1]


def test_ramp_without_length_is_a_switch():
    assert [ramp(epoch, length=0, start=2) for epoch in range(4)] == [0, 0, 1, 1]
    assert ramp(0, 0) == 1
