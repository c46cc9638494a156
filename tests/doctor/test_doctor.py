"""One ailment each, and the doctor names it with what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skelreg.datasets.archive import SkeletonArchive
from skelreg.datasets.archive_writer import ArchiveWriter
from skelreg.datasets.cards import DatasetCard
from skelreg.doctor import archive as archives
from skelreg.doctor.config import examine_config
from skelreg.doctor.environment import check_python, check_requirements
from skelreg.doctor.finding import Report
from skelreg.doctor.plugin import examine_plugin
from skelreg.graphs import get_layout
from tests.core.conftest import GOOD_INIT, Site, load, site
from tests.runs import ROOT, run_tool

__all__ = ['load', 'site']
Load = Callable[[], Any]
CARD = DatasetCard(
    'mine', 'Mine', 'nucla', ('x', 'y', 'z'), 1, 3,
    {'by_subject': {'train': {'subject': [1]}, 'test': {'subject': [2]}}},
)


def wrongs(report: Report) -> str:
    found = [finding for finding in report.findings if finding.level == 'wrong']
    return '\n'.join(f'{finding.what} -> {finding.mend}' for finding in found)


def notes(report: Report) -> str:
    return '\n'.join(finding.what for finding in report.findings if finding.level == 'note')


def sequences() -> list[np.ndarray]:
    """Twelve of three classes and two subjects, (T, 1, 20, 3)."""
    drawn = np.random.default_rng(0)
    return [drawn.normal(size=(5, 1, 20, 3)).astype(np.float32) for _ in range(12)]


def write(folder: Path, frames: list[np.ndarray], labels: list[int] | None = None) -> Path:
    meta = dict(
        dataset='mine', title='Mine', layout='nucla', channels=['x', 'y', 'z'], num_classes=3, class_names=[]
    )
    with ArchiveWriter(folder / 'archive', meta, 1) as writer:
        for i, each in enumerate(frames):
            label = i % 3 if labels is None else labels[i]
            writer.add(f's{i:02d}', label, each, dict(subject=1 + i % 2, camera=-1, setup=-1))
    return folder / 'archive'


def test_sound_archive_is_healthy(tmp_path: Path) -> None:
    report = archives.examine_archive(write(tmp_path, sequences()), CARD)
    assert report.is_healthy and notes(report) == ''
    said = '\n'.join(finding.what for finding in report.findings)
    assert '12 sequences, 60 frames' in said and '6 train, 6 test, no twins' in said
    assert '4 to 4 sequences a class' in said


def test_dead_joint_and_constant_channel_are_named(tmp_path: Path) -> None:
    frames = sequences()
    for each in frames:
        each[:, :, 7], each[..., 2] = 0.5, 1.0
    found = wrongs(archives.examine_archive(write(tmp_path, frames), CARD))
    assert f'joints that never move: {get_layout("nucla").joints[7]} -> check the reader' in found
    assert 'channel z is one number throughout' in found


def test_sequence_in_which_nothing_moves_is_noted(tmp_path: Path) -> None:
    frames = sequences()
    frames[4][:] = frames[4][:1]
    frames[5] = frames[5][:1]
    found = notes(archives.examine_archive(write(tmp_path, frames), CARD))
    assert 'nothing moves in s04' in found and 'a single frame in s05' in found


def test_altered_frames_are_wrong(tmp_path: Path) -> None:
    path = write(tmp_path, sequences())
    stored = np.lib.format.open_memmap(path / 'frames.npy', mode='r+')
    stored[7, 0, 0, 0] += 1
    stored.flush()
    assert '1 sequences are not what the index says' in wrongs(archives.examine_archive(path, CARD))


def test_infinite_number_is_wrong(tmp_path: Path) -> None:
    frames = sequences()
    frames[3][0, 0, 0, 0] = np.inf
    assert 'not finite in s03' in wrongs(archives.examine_archive(write(tmp_path, frames), CARD))


@pytest.mark.parametrize(
    ('labels', 'level', 'what'),
    [
        ([0, 1] * 6, 'wrong', 'no sequence of class 2'),
        ([0] * 11 + [-1], 'wrong', 'no sequence of class 1, 2'),
        ([0, 1, 2] * 3 + [-1] * 3, 'note', '3 of 12 sequences have no label'),
    ],
)
def test_classes_are_counted(tmp_path: Path, labels: list[int], level: str, what: str) -> None:
    report = archives.examine_archive(write(tmp_path, sequences(), labels), CARD)
    assert what in (wrongs(report) if level == 'wrong' else notes(report))


def test_classes_of_very_different_sizes_are_noted(tmp_path: Path) -> None:
    frames = sequences() * 3
    archive = SkeletonArchive.open(write(tmp_path, frames, [0] * 33 + [1, 2, 2]))
    report = Report()
    archives.check_classes(report, archive)
    assert 'class 0 has 33 sequences, class 1 1' in notes(report)


def test_twins_across_a_split_and_an_empty_subset_are_told(tmp_path: Path) -> None:
    frames = sequences()
    frames[1] = frames[0]
    path = write(tmp_path, frames)
    report = archives.examine_archive(path, CARD)
    assert '1 test sequences are bit-identical' in notes(report) and '1 sequences are copies' in notes(report)
    other = DatasetCard(
        'mine', 'Mine', 'nucla', ('x', 'y', 'z'), 1, 3,
        {'by_subject': {'train': {'subject': [3]}, 'test': {'subject': [2]}}}, expected={'sequences': 13},
    )
    found = wrongs(archives.examine_archive(path, other))
    assert 'no sequence in train' in found and 'sequences: 12 instead of 13' in found


def test_missing_archive_is_told_with_how_to_prepare_it(tmp_path: Path) -> None:
    assert 'skeleton archive not found' in wrongs(archives.examine_archive(tmp_path / 'none'))


def test_config_without_its_data_is_tried_on_synthetic_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('skelreg.doctor.config.STAND_INS', 48)
    report = examine_config(write_config(tmp_path, ''))
    said = '\n'.join(finding.what for finding in report.findings)
    assert 'skeleton archive not found' in wrongs(report) and 'synthetic data' in notes(report)
    assert 'model and data fit: layout nucla' in said and 'one step of training: loss' in said
    assert 'gradient reaches every trained parameter' in said


def test_config_that_draws_for_all_ranks_together_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('skelreg.doctor.config.STAND_INS', 48)
    more = 'model["data_preprocessor"] = dict(global_draws=True)'
    report = examine_config(write_config(tmp_path, more))
    assert 'one step of training: loss' in '\n'.join(finding.what for finding in report.findings)


def write_config(folder: Path, more: str) -> Path:
    path = folder / 'mine.py'
    small = 'model = dict(backbone=dict(hidden_channels=4, out_channels=8), queue=dict(size=8))\n'
    small += 'train_dataloader = dict(batch_size=8, dataset=dict(archive="nowhere/nucla"))'
    path.write_text(f"_base_ = ['{ROOT}/configs/skeletonclr/stgcn_nucla.py']\n{small}\n{more}\n")
    return path


@pytest.mark.parametrize(
    ('more', 'said'),
    [
        ("model['backbone']['type'] = 'STGNC'", "'STGNC' is not registered.*STGCN"),
        ("model['layout'] = 'ntu_rgbd'", 'another skeleton layout than the model.*nucla'),
        ('x = (', 'config cannot be read'),
    ],
)
def test_config_that_cannot_train_is_told_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str, said: str
) -> None:
    monkeypatch.setattr('skelreg.doctor.config.STAND_INS', 48)
    report = examine_config(write_config(tmp_path, more))
    assert not report.is_healthy
    assert re.search(said, wrongs(report).replace('\n', ' '))


def test_versions_are_held_against_what_is_asked_for(site: Site, load: Load) -> None:
    site.install('skelreg_good')
    metadata = site.folder / 'skelreg_good-1.2.dist-info' / 'METADATA'
    needs = ['Requires-Dist: numpy>=99', 'Requires-Dist: no-such-package', 'Requires-Dist: pyyaml>=1']
    metadata.write_text(metadata.read_text() + '\n'.join([*needs, 'Requires-Dist: other; extra == "x"', '']))
    load()
    report = Report()
    check_requirements(report, 'skelreg_good')
    found = wrongs(report)
    assert 'skelreg_good needs >=99 -> pip install "numpy>=99"' in found
    assert 'no-such-package, which is not installed -> pip install "no-such-package"' in found
    assert 'pyyaml' not in found and 'other' not in found


def test_python_is_held_against_what_is_asked_for() -> None:
    old, new = Report(), Report()
    check_python(old, '3.9.1')
    check_python(new, '3.12.4')
    assert 'Python 3.9.1' in wrongs(old) and new.is_healthy


HEAD = """
    from skelreg.heads.base import Head
    from skelreg.registry import HEADS
    from skelreg.structures import Terms

    @HEADS.register_module()
    class Careless(Head):
        needs = frozenset({'embeddings'})

        def forward(self, step):
            return Terms({'loss': step.embeddings[0].square()})
"""


def test_plugin_is_told_which_clause_its_component_breaks(site: Site, load: Load) -> None:
    example = "\n    @hookimpl\n    def skelreg_examples():\n        return {'Carless': {}}\n"
    site.install('skelreg_good', GOOD_INIT + example, nets=HEAD)
    load()
    found = wrongs(examine_plugin('good'))
    assert 'head Careless breaks the clause "shape"' in found
    assert "skelreg_examples names 'Carless'" in found


def test_plugin_that_does_not_load_is_told_where_it_raised(site: Site, load: Load) -> None:
    site.install('skelreg_bad', 'import no_such_dependency')
    load()
    found = wrongs(examine_plugin('skelreg_bad'))
    assert "No module named 'no_such_dependency' (File" in found


def test_plugin_that_is_not_there_is_answered_with_the_closest(site: Site, load: Load) -> None:
    site.install('skelreg_good')
    load()
    assert 'Closest: good' in wrongs(examine_plugin('goood'))


def test_tool_prints_and_tells_by_its_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, sequences())
    assert run_tool('doctor', str(path)) == 0
    assert "dataset 'mine' has no card" in capsys.readouterr().out
    assert run_tool('doctor', str(tmp_path / 'none')) == 1
    assert 'WRONG  skeleton archive not found' in capsys.readouterr().out
