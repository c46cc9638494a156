from __future__ import annotations

import pytest

from skelreg.cli import run_tool
from skelreg.errors import DataError


def failing_with(error: BaseException) -> int:
    def main() -> None:
        raise error

    return run_tool(main)


def test_a_mistake_of_the_user_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert failing_with(DataError('it is broken', fix='mend it')) == 2
    assert capsys.readouterr().err == 'error: it is broken\n  fix: mend it\n'


def test_an_interruption_has_its_own_status() -> None:
    assert failing_with(KeyboardInterrupt()) == 130


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        failing_with(ZeroDivisionError())


def test_success_is_zero() -> None:
    assert run_tool(lambda: None) == 0
