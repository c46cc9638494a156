"""Freed memory stays in the process; each case in a process of its own, whose settings it changes."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from skelreg.engine.allocator import OF_THE_USER

#: Fills 64 MiB again and again and prints whether it was set, and how many pages a round asked for. Setting
#: glibc's own default ends its adapting to the sizes it meets, which would leave the count to chance.
ROUNDS = """
import ctypes
import resource
import torch
from skelreg.engine.allocator import TRIM_THRESHOLD, keep_freed_memory
ctypes.CDLL(None).mallopt(TRIM_THRESHOLD, 128 * 1024)
done = {setting}
def touched():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def round():
    parts = [torch.ones(2**20) for _ in range(16)]
for _ in range(3):
    round()
before = touched()
for _ in range(10):
    round()
print(done, (touched() - before) // 10)
"""

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='glibc alone has mallopt')


def rounds(setting: str, **environment: str) -> tuple[str, int]:
    clean = {name: value for name, value in os.environ.items() if name not in OF_THE_USER}
    out = subprocess.run(
        [sys.executable, '-c', ROUNDS.format(setting=setting)],
        env={**clean, **environment}, capture_output=True, text=True, check=True,
    ).stdout.split()
    return out[0], int(out[1])


def test_memory_of_one_step_is_there_for_the_next() -> None:
    _, without = rounds('None')
    done, pages = rounds('keep_freed_memory()')
    assert done == 'True' and pages < without / 5


def test_settings_of_the_user_are_left_alone() -> None:
    _, without = rounds('None')
    done, pages = rounds('keep_freed_memory()', MALLOC_TRIM_THRESHOLD_='131072')
    assert done == 'False' and pages > without / 2 > 0
