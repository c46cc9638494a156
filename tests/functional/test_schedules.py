from skelreg.functional.schedules import ramp


def test_ramp_grows_linearly_and_stays():
    assert [ramp(epoch, length=4) for epoch in range(6)] == [0, 0.25, 0.5, 0.75, 1, 1]


def test_ramp_without_length_is_there_at_once():
    assert ramp(0, length=0) == 1
