from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from skelreg.engine.fusion import as_json, as_table, fuse, weights_from_held_out
from skelreg.engine.scores import FORMAT, INFO, Scores, read_scores, write_scores
from skelreg.errors import ConfigError, DataError
from tests.runs import run_tool

CLASSES = 6


def make(stream: str = 'joint', n: int = 40, noise: float = 1.0, first: int = 0, **info: Any) -> Scores:
    """A run whose scores are the truth and noise; `first` numbers the sequences."""
    generator = torch.Generator().manual_seed(hash((first, n)) % 2**31)
    labels = torch.randint(CLASSES, (n,), generator=generator)
    draws = torch.Generator().manual_seed(len(stream) + first)
    scores = torch.nn.functional.one_hot(labels, CLASSES) + noise * torch.randn(n, CLASSES, generator=draws)
    facts: dict[str, Any] = dict.fromkeys(INFO) | {
        'format': FORMAT, 'protocol': 'linear', 'dataset': 'nucla', 'split': '464', 'subset': 'test',
        'train_split': '464', 'checksum': 'c', 'synthetic': False, 'stream': stream,
    }
    names = tuple(f's{first + i:03d}' for i in range(n))
    digests = tuple(f'd{name}' for name in names)
    return Scores(names, digests, labels, scores, {**facts, **info}, stream)


def held(stream: str = 'joint', **options: Any) -> Scores:
    return make(stream, **{'first': 500, 'split': 'held_out', 'train_split': 'held_out', **options})


def shuffled(scores: Scores) -> Scores:
    order = torch.randperm(len(scores.names), generator=torch.Generator().manual_seed(1)).tolist()
    return replace(
        scores, names=tuple(scores.names[i] for i in order), digests=tuple(scores.digests[i] for i in order),
        labels=scores.labels[order], scores=scores.scores[order],
    )


def by_hand(runs: list[Scores], weights: list[float]) -> float:
    """Top-1 of the fusion, one sequence after another."""
    right = 0
    for name, label in zip(runs[0].names, runs[0].labels.tolist(), strict=True):
        rows = [run.scores[run.names.index(name)].tolist() for run in runs]
        fused = [sum(w * row[k] for w, row in zip(weights, rows, strict=True)) for k in range(CLASSES)]
        right += fused.index(max(fused)) == label
    return right / len(runs[0].names)


def test_sequences_are_matched_by_name() -> None:
    runs = [make('joint'), shuffled(make('bone')), shuffled(make('motion'))]
    fusion = fuse(runs, [0.6, 0.6, 0.4])
    assert fusion.fused['top1'] == by_hand(runs, [0.6, 0.6, 0.4])
    assert [report['top1'] for report in fusion.runs] == [by_hand([run], [1.0]) for run in runs]


def test_equal_weights_are_the_default() -> None:
    runs = [make('joint'), make('bone')]
    assert fuse(runs).fused == fuse(runs, [0.5, 0.5]).fused and fuse(runs).weights == (0.5, 0.5)


def test_probabilities_are_softmax() -> None:
    loud, quiet = replace(make('joint'), scores=50 * make('joint').scores), make('bone')
    as_probabilities = [replace(run, scores=run.scores.softmax(dim=1)) for run in (loud, quiet)]
    fused = fuse([loud, quiet], kind='probabilities').fused
    assert fused == fuse(as_probabilities).fused != fuse([loud, quiet]).fused


def test_weights_are_chosen_on_the_held_out_part() -> None:
    runs = [make('joint', noise=5), make('bone')]
    held_out = [held('joint', noise=5), held('bone', noise=0.2)]
    joint, bone = weights_from_held_out(held_out, runs)
    assert joint + bone == pytest.approx(1) and bone > joint
    assert weights_from_held_out(held_out, [make('joint', noise=0), make('bone', noise=9)]) == (joint, bone)


@pytest.mark.parametrize(
    ('held_out', 'message'),
    [
        (make(), 'may not be chosen on test(?s:.*)40 names and 40 recordings'),
        (make(first=500), 'may not be chosen on test(?s:.*)subset test'),
        (held(first=39), '1 names and 1 recordings'),
        (held(subset='train', first=20), '20 names and 20 recordings'),
        (replace(held(), digests=make().digests), '0 names and 40 recordings'),
        (held(train_split='464'), 'may have been trained on(?s:.*)train_dataloader.dataset.split=held_out'),
        (held('bone'), 'another stream'),
        (held(checksum='other'), 'another checksum'),
        (held(dataset='ntu60'), 'another dataset'),
    ],
)
def test_a_choice_that_could_have_seen_the_test_is_refused(held_out: Scores, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        weights_from_held_out([held_out], [make()])


def test_one_held_out_file_for_each_run() -> None:
    with pytest.raises(ConfigError, match='one held-out file for each run'):
        weights_from_held_out([held()], [make(), make('bone')])


@pytest.mark.parametrize(
    ('other', 'message'),
    [
        (make(n=38), r'different sequences(?s:.*)2 only in the first \(s038, s039\), 0 only in the second'),
        (make(first=1), r'1 only in the first \(s000\), 1 only in the second \(s040\)'),
        (make(split='464-clean'), "another split(?s:.*)'464-clean'"),
        (make(subset='train'), 'another subset'),
        (make(synthetic=True), 'another synthetic'),
        (replace(make(), labels=make().labels.roll(1)), 'disagree about labels'),
        (replace(make(), scores=torch.zeros(40, 7)), 'different numbers of classes'),
    ],
)
def test_scores_of_other_sequences_are_not_fused(other: Scores, message: str) -> None:
    with pytest.raises(DataError, match=message):
        fuse([make(), other])


@pytest.mark.parametrize('weights', [[1.0], [1.0, -0.5], [0.0, 0.0], [1.0, float('nan')]])
def test_odd_weights_are_refused(weights: list[float]) -> None:
    with pytest.raises(ConfigError, match='one weight for each run'):
        fuse([make(), make('bone')], weights)


def test_scores_come_back_from_a_file(tmp_path: Path) -> None:
    path = write_scores(tmp_path / 'a.scores.npz', make())
    back = read_scores(path)
    assert (back.names, back.digests, dict(back.info)) == (make().names, make().digests, dict(make().info))
    assert back.scores.equal(make().scores) and back.labels.equal(make().labels)


def spoiled(**changes: Any) -> dict[str, np.ndarray]:
    scores = make()
    arrays = {
        'names': np.array(scores.names), 'digests': np.array(scores.digests), 'labels': scores.labels.numpy(),
        'scores': scores.scores.numpy(), 'info': np.array(json.dumps(scores.info)),
    }
    return {key: value for key, value in {**arrays, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(names=None), 'no score file'),
        (dict(names=np.array([Path('x')] * 40, dtype=object)), 'no score file(?s:.*)allow_pickle'),
        (dict(info=np.array('{"format": "1"}')), 'another format'),
        (dict(names=np.array(['same'] * 40)), 'contradicts itself'),
        (dict(labels=np.zeros(39, dtype=np.int64)), 'contradicts itself'),
        (dict(scores=np.full((40, CLASSES), np.nan, dtype=np.float32)), 'contradicts itself'),
        (dict(labels=np.full(40, CLASSES)), 'is no class'),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / 'bad.npz', **spoiled(**changes))
    with pytest.raises(DataError, match=message):
        read_scores(tmp_path / 'bad.npz')


@pytest.mark.parametrize('content', [b'', b'text', b'PK\x03\x04 cut off'])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / 'bad.npz').write_bytes(content)
    with pytest.raises(DataError, match='no score file'):
        read_scores(tmp_path / 'bad.npz')


def files(folder: Path, *runs: Scores) -> list[str]:
    return [str(write_scores(folder / f'{i}.scores.npz', run)) for i, run in enumerate(runs)]


def test_the_tool_prints_and_writes_what_it_fused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [make('joint'), make('bone')]
    assert run_tool('fuse_scores', *files(tmp_path, *runs), '--weights', '.6', '.4') == 0
    written = json.loads((tmp_path / 'fused.json').read_text())
    assert written == json.loads(json.dumps(as_json(fuse(runs, [0.6, 0.4]), [
        replace(run, where=str(tmp_path / f'{i}.scores.npz')) for i, run in enumerate(runs)
    ])))
    assert 'fused logits' in capsys.readouterr().out


def test_the_tool_chooses_on_held_out_scores(tmp_path: Path) -> None:
    test = files(tmp_path / 'test', make('joint', noise=5), make('bone'))
    held_out = files(tmp_path / 'held', held('joint', noise=5), held('bone', noise=0.2))
    out = tmp_path / 'chosen.json'
    assert run_tool('fuse_scores', *test, '--choose-on', *held_out, '--out', str(out)) == 0
    written = json.loads(out.read_text())
    assert written['weights'][1] > written['weights'][0]
    assert [origin['file'] for origin in written['weights_chosen_on']] == held_out


def test_the_tool_refuses_to_choose_on_the_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    test = files(tmp_path, make('joint'), make('bone'))
    assert run_tool('fuse_scores', *test, '--choose-on', *test) == 2
    assert 'may not be chosen on test sequences' in capsys.readouterr().err
    assert not (tmp_path / 'fused.json').exists()


def test_brackets_in_the_folder_of_a_run_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [replace(make(), where=f'{folder}/e.scores.npz', info={**make().info, 'dataset': '[own]'})
            for folder in ('a[1]', '[red]x', '[b]')]
    Console().print(as_table(fuse(runs), runs))
    shown = capsys.readouterr().out
    assert all(f' {folder}/e ' in shown for folder in ('a[1]', '[red]x', '[b]')) and '[own] 464 test' in shown
