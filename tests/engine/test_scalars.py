from __future__ import annotations

from pathlib import Path

import pytest

from skelreg.engine.scalars import ScalarLog
from skelreg.errors import DataError


def test_a_line_that_cannot_be_written_is_a_data_error(tmp_path: Path) -> None:
    (tmp_path / 'run').write_text('no folder')
    with pytest.raises(DataError, match='the file cannot be written') as caught:
        ScalarLog(tmp_path / 'run' / 'scalars.jsonl').append('train', 1, 1, {'loss': 0.5})
    assert caught.value.where == str(tmp_path / 'run' / 'scalars.jsonl')


@pytest.mark.skipif(not Path('/dev/full').exists(), reason='needs a device that is always full')
def test_a_full_disk_is_told_in_mid_training() -> None:
    with pytest.raises(DataError, match='the disk is full'):
        ScalarLog('/dev/full').append('train', 1, 1, {'loss': 0.5})
