"""What the name of an NTU RGB+D sequence says: SsssCcccPpppRrrrAaaa."""

from __future__ import annotations

import re

NTU_NAME = re.compile(
    r'S(?P<setup>\d{3})C(?P<camera>\d{3})P(?P<subject>\d{3})R(?P<repeat>\d{3})A(?P<action>\d{3})', re.ASCII
)


def describe_name(name: str) -> dict[str, int]:
    """subject, camera and setup of an NTU name; -1 for each where the name is another."""
    said = NTU_NAME.fullmatch(name)
    return {key: int(said[key]) if said else -1 for key in ('subject', 'camera', 'setup')}
