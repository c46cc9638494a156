#!/usr/bin/env python
"""HiCLR on SYNTHETIC skeletons in a few minutes: pretraining, linear evaluation, kNN, baselines, a report."""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmengine.config import Config


CONFIGS = Path(__file__).parents[1] / 'configs' / 'demo'
SUMMARY, REPORT, LOG = 'summary.json', 'report.html', 'log.txt'
#: Says that a folder is the demo's own, from which a new run may remove what an earlier one left.
MARKER = '.skelreg-demo'
#: Everything else that a run leaves in its folder, and all that a new run removes from it.
LEFT_BEHIND = (SUMMARY, REPORT, LOG, 'hiclr', 'random', 'raw_coordinates', 'features')
#: Loops that keep features; the demo gives them one cache.
FEATURE_LOOPS = ('FrozenFeatureTrainLoop', 'FrozenFeatureTestLoop', 'KNNTestLoop')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--work-dir', type=Path, default=Path('work_dirs/demo'),
        help="where all results go: a new or empty folder, or an earlier demo's (default: %(default)s)",
    )
    parser.add_argument('--sequences', type=int, metavar='N', help='generate so many (default: see configs)')
    parser.add_argument('--epochs', type=int, metavar='N', help='pretrain so long (default: see configs)')
    return parser.parse_args()


@dataclass
class Demo:
    """One run: its folder, and the configs with what the command line changes."""

    folder: Path
    sequences: int | None = None
    epochs: int | None = None

    def config(self, name: str) -> Config:
        """A config of the demo, its features in one cache and its notes in the log."""
        from skelreg.runner import load_config

        cfg = load_config(CONFIGS / f'{name}.py', {'log_level': 'WARNING'}, synthetic=self.sequences)
        for loop in (cfg.get('train_cfg'), cfg.get('test_cfg')):
            if loop is not None and loop.get('type') in FEATURE_LOOPS:
                loop.cache_dir = str(self.folder / 'features')
        return cfg

    def datasets(self) -> tuple[Any, Any]:
        """Training and test set, which share the generated sequences.

        Raises:
            ConfigError: If there are too few to train on.
        """
        from skelreg.errors import ConfigError
        from skelreg.registry import DATASETS

        cfg = self.config('hiclr')
        train_set, test_set = (
            DATASETS.build(loader.dataset) for loader in (cfg.train_dataloader, cfg.test_dataloader)
        )
        if len(train_set) < cfg.train_dataloader.batch_size:
            raise ConfigError(
                '--sequences gives less than one batch to train on', got=f'{len(train_set)} for training',
                accepted=f'{cfg.train_dataloader.batch_size} or more; about half of all are for training',
            )
        return train_set, test_set

    def pretrain(self) -> tuple[Config, Path]:
        """Train HiCLR; its lines are the progress that the user watches."""
        from skelreg.tasks import train

        cfg = self.config('hiclr')
        if self.epochs is not None:
            cfg.train_cfg.max_epochs = self.epochs
        return cfg, train(cfg, self.folder / 'hiclr')

    def random_encoder(self) -> Path:
        """An encoder that learnt nothing."""
        from skelreg.tasks import train

        with self.quietly():
            return train(self.config('random'), self.folder / 'random')

    def evaluate(self, name: str, checkpoint: Path | None, knn_config: str = 'knn') -> Evaluation:
        """Nearest neighbours and, if there is a checkpoint, the linear probe."""
        from skelreg.engine.features import FeatureBank
        from skelreg.engine.results import result_path
        from skelreg.runner import build_runner
        from skelreg.tasks import evaluate, load_for_testing, train

        with self.quietly():
            runner = build_runner(self.config(knn_config), self.folder / name / 'knn')
            if checkpoint is not None:
                load_for_testing(runner, checkpoint)
            neighbours = evaluate(runner, checkpoint)['knn1']
            if checkpoint is None:
                return Evaluation(neighbours)
            features = FeatureBank(self.folder / 'features')
            bank = features.get(runner.model, runner.test_loop.dataloader.dataset)
            probe = train(self.config('linear'), self.folder / name / 'linear', pretrained=checkpoint)
        linear = json.loads(result_path(probe, 'linear').read_text('utf-8'))
        return Evaluation(neighbours, linear, bank)

    @contextlib.contextmanager
    def quietly(self) -> Iterator[None]:
        """Send what the tools print to the log; errors and warnings still reach the terminal."""
        with open(self.folder / LOG, 'a', encoding='utf-8') as log, contextlib.redirect_stdout(log):
            yield


@dataclass
class Evaluation:
    """What one encoder reached: results as `skelreg.engine.results` writes them, and its test features."""

    knn1: dict[str, Any]
    linear: dict[str, Any] | None = None
    bank: Any = None

    @property
    def accuracies(self) -> dict[str, float]:
        """Protocol -> top-1 accuracy, a fraction of one."""
        linear = {} if self.linear is None else {'linear': self.linear['top1']}
        return {**linear, 'knn1': self.knn1['top1']}


def check(folder: Path, sequences: int | None, epochs: int | None) -> None:
    """Refuse numbers that no run can have, and a folder that is not the demo's own."""
    from skelreg.durable import check_writable
    from skelreg.errors import ConfigError

    for name, value in (('sequences', sequences), ('epochs', epochs)):
        if value is not None and value < 1:
            raise ConfigError(f'--{name} must be at least 1', got=value)
    check_writable(folder / MARKER)
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).is_file():
        raise ConfigError(
            f'the folder holds files, and no {MARKER} that says that a demo wrote them', where=str(folder),
            accepted="a new or empty folder, or an earlier demo's",
            fix='choose another --work-dir; if a demo of an earlier version wrote this one, remove it',
        )


def clear(folder: Path) -> None:
    """Remove what an earlier run left, and nothing else."""
    earlier = [folder / name for name in LEFT_BEHIND if (folder / name).exists()]
    if earlier:
        print(f'{folder} holds an earlier run, which this one replaces')
    for path in earlier:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()


def summarize(results: dict[str, Evaluation], chance: float) -> dict[str, Any]:
    """Accuracies as fractions of one, for `summary.json`."""
    return {
        **{name: evaluation.accuracies for name, evaluation in results.items()},
        'chance': chance,
        'dataset': 'synthetic',
    }


def table_rows(summary: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Header and rows of the final table."""
    hiclr, random = summary['hiclr'], summary['random']
    chance, raw = _percent(summary['chance']), _percent(summary['raw_coordinates']['knn1'])
    linear, knn1 = (
        f'{100 * (hiclr[protocol] - random[protocol]):+.1f} points' for protocol in ('linear', 'knn1')
    )
    return [
        ('', 'linear', '1-NN'),
        ('HiCLR', _percent(hiclr['linear']), _percent(hiclr['knn1'])),
        ('random encoder', _percent(random['linear']), _percent(random['knn1'])),
        ('HiCLR above random', linear, knn1),
        ('raw coordinates', '–', raw),
        ('chance', chance, chance),
    ]


def _percent(fraction: float) -> str:
    return f'{100 * fraction:.1f} %'


def print_table(rows: list[tuple[str, str, str]], sequences: int) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f'SYNTHETIC data, {sequences} test sequences')
    header, *body = rows
    for i, column in enumerate(header):
        table.add_column(column, justify='right' if i else 'left')
    for row in body:
        table.add_row(*row)
    Console().print(table)


def commands(epochs: int) -> list[str]:
    """What to type to do every step by hand; the tools' own work directories lie under work_dirs/demo."""
    hiclr, random = f'work_dirs/demo/hiclr/epoch_{epochs}.pth', 'work_dirs/demo/random/epoch_1.pth'
    evaluations = [
        command
        for checkpoint in (hiclr, random)
        for command in (
            f'python tools/train.py configs/demo/linear.py --pretrained {checkpoint}',
            f'python tools/test.py configs/demo/knn.py {checkpoint}',
        )
    ]
    return [
        'python tools/train.py configs/demo/hiclr.py',
        'python tools/train.py configs/demo/random.py',
        *evaluations,
        'python tools/test.py configs/demo/raw_knn.py',
    ]


def main() -> None:
    args = parse_args()
    from skelreg.plugin_manager import load_plugins

    start = time.monotonic()
    print('skelreg demo: HiCLR on SYNTHETIC skeletons (generated motion, nothing recorded)')
    check(args.work_dir, args.sequences, args.epochs)
    load_plugins()
    demo = Demo(args.work_dir, args.sequences, args.epochs)
    print('[1/6] generating sequences', flush=True)
    train_set, test_set = demo.datasets()
    clear(demo.folder)
    run(demo, train_set, test_set)
    print(f'done in {time.monotonic() - start:.0f} s')


def run(demo: Demo, train_set: Any, test_set: Any) -> None:
    """Train, evaluate, report; each step says what it does before it starts."""
    from skelreg.engine.files import write_json

    print(f'      {len(train_set)} for training, {len(test_set)} for testing, {test_set.num_classes} actions')
    print('[2/6] pretraining HiCLR without labels', flush=True)
    pretraining, checkpoint = demo.pretrain()
    results = {}
    print('[3/6] linear evaluation and kNN of HiCLR', flush=True)
    results['hiclr'] = demo.evaluate('hiclr', checkpoint)
    print('[4/6] the same for a random encoder', flush=True)
    results['random'] = demo.evaluate('random', demo.random_encoder())
    print('[5/6] kNN on raw coordinates', flush=True)
    results['raw_coordinates'] = demo.evaluate('raw_coordinates', None, knn_config='raw_knn')
    print('[6/6] report', flush=True)
    summary = summarize(results, chance=1 / test_set.num_classes)
    rows = table_rows(summary)
    write_report(demo.folder, rows, pretraining, train_set, results)
    write_json(demo.folder / SUMMARY, summary)
    print_table(rows, len(test_set))
    print(f'report: {demo.folder / REPORT}\nnumbers: {demo.folder / SUMMARY}')


def write_report(
    folder: Path,
    rows: list[tuple[str, str, str]],
    pretraining: Config,
    train_set: Any,
    results: dict[str, Evaluation],
) -> None:
    from skelreg.engine.scalars import ScalarLog
    from skelreg.report.demo_page import Material, demo_page

    hiclr, random = results['hiclr'], results['random']
    material = Material(
        rows=rows,
        pretraining=pretraining,
        dataset=train_set,
        scalars=ScalarLog(folder / 'hiclr' / 'scalars.jsonl').read(),
        features={'HiCLR': hiclr.bank.features, 'random encoder': random.bank.features},
        labels=hiclr.bank.labels,
        linear=hiclr.linear or {},
        commands=commands(pretraining.train_cfg.max_epochs),
    )
    demo_page(material).write(folder / REPORT)


if __name__ == '__main__':
    from skelreg.cli import run_tool

    sys.exit(run_tool(main))
