"""Two small sound raw files of each format that a reader of the project reads."""

from __future__ import annotations

import json
from pathlib import Path


def write_nucla(folder: Path) -> None:
    for name, label in (('a01_s01_e00_v01', 1), ('a02_s01_e00_v01', 2)):
        skeletons = [[[0.1 * t, 0.2 * joint, 1.0] for joint in range(20)] for t in range(3)]
        content = dict(file_name=name, label=label, skeletons=skeletons)
        (folder / f'{name}.json').write_text(json.dumps(content))
