from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from skelreg.datasets.archive import SkeletonArchive
from skelreg.datasets.cards import _FOLDER
from tests.datasets.readers.raw_text import ntu_text, write_ntu

ROOT = Path(__file__).parents[2]
SLOW_READER = """
import os, time
from skelreg.datasets.readers.nucla import NUCLAReader
from skelreg.registry import READERS

@READERS.register_module()
class SlowReader(NUCLAReader):
    def read(self, source):
        time.sleep(0.05)
        with open(os.environ['READ_LOG'], 'a') as file:
            file.write(source.stem + '\\n')
        return super().read(source)
"""


def write_raw(folder: Path, count: int) -> Path:
    folder.mkdir()
    for i in range(count):
        name = f'a01_s{i // 3 % 10 + 1:02d}_e{i // 30:02d}_v{i % 3 + 1:02d}'
        skeletons = np.random.default_rng(i).normal(size=(3, 20, 3)).tolist()
        (folder / f'{name}.json').write_text(json.dumps(dict(file_name=name, label=1, skeletons=skeletons)))
    return folder


def command(*arguments: object) -> list[str]:
    return [sys.executable, str(ROOT / 'tools' / 'prepare_data.py'), *map(str, arguments)]


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), environment.pop('PYTHONPATH', ''), os.environ.get('PYTHONPATH', '')])
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONPATH': path, **environment},
    )


def wait_until_quiet(log: Path) -> None:
    """Workers end with their killed parent; one that went on would go on writing to the log."""
    size = -1
    while log.stat().st_size != size:
        size = log.stat().st_size
        time.sleep(0.5)


def test_help_names_the_datasets() -> None:
    assert 'nucla' in run('--help').stdout


def test_prepares_and_then_has_nothing_to_do(tmp_path: Path) -> None:
    arguments = (
        'nucla',
        '--source',
        write_raw(tmp_path / 'raw', 30),
        '--out',
        tmp_path / 'nucla',
        '--workers',
        2,
    )
    first, second = run(*arguments), run(*arguments)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert 'split 464: 20 train, 10 test, 0 twins' in first.stdout
    assert 'not as expected: sequences: 30 instead of 1,484' in first.stdout
    assert 'nothing is left to do' in second.stdout and 'nothing' not in first.stdout


def test_a_mistake_is_told_without_a_traceback(tmp_path: Path) -> None:
    result = run('nucla', '--source', tmp_path / 'raw', '--out', tmp_path / 'nucla', '--workers', 1)
    assert result.returncode == 2
    assert result.stderr.startswith('error: source not found') and 'Traceback' not in result.stderr


def test_skipped_files_are_named(tmp_path: Path) -> None:
    raw = write_raw(tmp_path / 'raw', 6)
    (raw / 'a01_s01_e00_v01.json').write_text('{')
    result = run('nucla', '--source', raw, '--out', tmp_path / 'nucla', '--workers', 1, '--on-error', 'skip')
    assert result.returncode == 0
    assert '1 malformed files or sequences were skipped' in result.stdout
    assert 'a01_s01_e00_v01.json, line 1' in result.stdout


def test_files_left_out_are_counted_and_named(tmp_path: Path) -> None:
    raw = write_ntu(tmp_path / 'raw', text=ntu_text([(0, 1, 2), ()]))
    write_ntu(raw, 'S001C002P005R002A008')
    arguments = ('ntu60', '--source', raw, '--out', tmp_path / 'ntu60', '--workers', 1)
    result = run(*arguments, '--reader-option', 'bodies=energy')
    assert result.returncode == 0, result.stderr
    assert '1 files were left out, listed by the publishers as missing or incomplete' in result.stdout
    assert '    S001C002P005R002A008.skeleton\n' in result.stdout
    assert '1 frames with more bodies than are kept, in 1 sequences' in result.stdout


def test_completes_after_it_was_killed(tmp_path: Path) -> None:
    (tmp_path / 'slow_reader.py').write_text(SLOW_READER)
    card = (_FOLDER / 'nucla.yaml').read_text().replace('NUCLAReader', 'slow_reader.SlowReader')
    (tmp_path / 'card.yaml').write_text(card)
    raw, out, parts = write_raw(tmp_path / 'raw', 60), tmp_path / 'nucla', tmp_path / '.nucla.parts'
    environment = {
        'PYTHONPATH': os.pathsep.join([str(ROOT), str(tmp_path)]),
        'READ_LOG': str(tmp_path / 'log'),
    }
    arguments = (tmp_path / 'card.yaml', '--source', raw, '--out', out, '--workers', 2, '--chunk-size', 6)

    process = subprocess.Popen(
        command(*arguments),
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
    )
    while len(list(parts.glob('*.npz'))) < 3:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    wait_until_quiet(tmp_path / 'log')
    finished = len(list(parts.glob('*.npz')))
    assert not out.exists() and finished < 10

    result = run(*arguments, **environment)
    assert result.returncode == 0, result.stderr
    times_read = Counter((tmp_path / 'log').read_text().split())
    assert len(times_read) == 60
    assert sum(count == 1 for count in times_read.values()) >= 6 * finished
    assert not parts.exists() and len(SkeletonArchive.open(out)) == 60
