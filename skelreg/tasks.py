"""What the command-line tools do with a config: train it, test a checkpoint with it."""

from __future__ import annotations

import copy
import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import barrier, broadcast, is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import IterBasedTrainLoop
from rich.console import Console
from rich.table import Table

from .compat.checkpoint import DurableCheckpointHook, latest_checkpoint
from .compat.distributed import start_distributed
from .compat.files import load_file
from .compat.run_state import bare_model
from .compat.runner import SkelregRunner
from .compat.weights import load_weights
from .datasets.joined import part_configs
from .durable import unwritable_is_data_error
from .engine.loops import KNNTestLoop, predictions_of, reports_of
from .engine.results import make_result, other_result, result_path, write_result
from .engine.scores import make_scores, score_path, write_scores
from .errors import CheckpointError, ConfigError, SkelregError
from .runner import build_runner, default_work_dir


def train(
    cfg: Config,
    work_dir: str | Path | None = None,
    launcher: str = 'none',
    resume: bool = False,
    pretrained: str | Path | None = None,
) -> Path:
    """Train; if the config has a test protocol, evaluate the last checkpoint once.

    Returns:
        The last checkpoint: it, and not the best one, is the result.
    Raises:
        SkelregError: If the config trains nothing, its test cannot be built, its end would not be saved, or
            another training is at work in the folder; and as `build_runner` does.
    """
    if cfg.get('train_cfg') is None:
        raise ConfigError(
            'this config trains nothing',
            where=str(cfg.filename),
            fix='evaluate it with tools/test.py CONFIG CHECKPOINT',
        )
    folder = Path(work_dir or default_work_dir(cfg))
    start_distributed(launcher)  # from here on the processes know which of them is the main one
    with _alone_in(folder) if is_main_process() else nullcontext():
        return _train(build_runner(cfg, folder, launcher, resume, pretrained), resume, pretrained)


@contextmanager
def _alone_in(work_dir: Path) -> Iterator[None]:
    """Keep a second training out of a work directory; the system frees the lock of one that is killed.

    A file system without locks lets both in.
    """
    path = work_dir / '.lock'
    with unwritable_is_data_error(path):
        work_dir.mkdir(parents=True, exist_ok=True)
        path.touch()
    with open(path, 'w') as lock:
        try:
            # Not flock, whose lock outlives a kill until the last DataLoader worker has noticed it.
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise ConfigError(
                'another training is at work in this folder', where=str(work_dir),
                fix='wait for it to end, or choose another --work-dir',
            ) from None
        except OSError:
            pass
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            with suppress(OSError):
                work_dir.rmdir()  # of a training that was refused before it wrote anything


def _train(runner: SkelregRunner, resume: bool, pretrained: str | Path | None) -> Path:
    cfg = runner.cfg
    _look_ahead(runner)
    if 'backbone' in cfg.model.get('frozen', ()) and pretrained is None and not resume:
        runner.logger.warning(
            'the encoder is frozen and untrained, so that this measures random features; give a checkpoint '
            'with --pretrained, if it is the baseline that of configs/random/*.py'
        )
    runner.train()
    barrier()  # rank 0 writes the last checkpoint while the others are already here
    _share_statistics(runner)
    checkpoint = latest_checkpoint(runner.work_dir)
    if checkpoint is None:
        raise CheckpointError(
            'training left no checkpoint',
            where=runner.work_dir,
            fix='keep default_hooks.checkpoint in the config',
        )
    if is_main_process():
        print(f'checkpoint: {checkpoint}')
    if cfg.get('test_cfg') is not None:
        evaluate(runner, checkpoint)
    return checkpoint


def _look_ahead(runner: SkelregRunner) -> None:
    """Refuse what would otherwise end a run after its training: a test that cannot be built, a lost end."""
    if runner.cfg.get('test_cfg') is not None:
        _build_test_loop(runner)
    hooks = [hook for hook in runner.hooks if isinstance(hook, DurableCheckpointHook | CheckpointHook)]
    if not any(_saves_the_end(hook, runner.train_loop) for hook in hooks):
        settings = ('interval', 'by_epoch', 'save_last')
        found = [', '.join(f'{name}={getattr(hook, name)}' for name in settings) for hook in hooks]
        raise ConfigError(
            'the end of this training would not be saved', where='default_hooks.checkpoint',
            got='; '.join(found) or 'no checkpoint hook',
            accepted="dict(type='DurableCheckpointHook', save_last=True), by_epoch as in train_cfg",
        )


def _saves_the_end(hook: Any, loop: Any) -> bool:
    if hook.by_epoch and isinstance(loop, IterBasedTrainLoop):
        return False
    length = loop.max_epochs if hook.by_epoch else loop.max_iters
    return hook.save_last or (hook.interval > 0 and length % hook.interval == 0)


def _build_test_loop(runner: SkelregRunner) -> None:
    """Build the loop that `runner.test()` runs, so that a mistake in its settings is told with its place."""
    try:
        runner._test_loop = runner.build_test_loop(runner._test_loop)
    except SkelregError:
        raise
    except (TypeError, ValueError, KeyError) as error:
        raise ConfigError(
            'the test cannot be built', got=f'{type(error).__name__}: {error}',
            where='test_cfg, test_dataloader and test_evaluator',
        ) from error


def _share_statistics(runner: SkelregRunner) -> None:
    """Give all ranks the main process's batch norm statistics, which are those of the checkpoint."""
    if runner.distributed:
        for buffer in bare_model(runner).buffers():
            if buffer.is_floating_point():
                broadcast(buffer)


def test(
    cfg: Config,
    checkpoint: str | Path | None,
    work_dir: str | Path | None = None,
    copies: int | None = None,
) -> dict[str, dict[str, Any]]:
    """Evaluate a checkpoint by the config's test protocol.

    Args:
        cfg: What `load_config` returned.
        checkpoint: The weights; None only for an encoder that has none.
        work_dir: Where features and logs go; by default `eval` beside the checkpoint.
        copies: Average the scores of so many augmented copies of every sequence; the protocol is then named
            `<protocol>_copies<copies>`.

    Returns:
        As `evaluate`.
    """
    if cfg.get('test_cfg') is None:
        raise ConfigError(
            'this config has no test protocol',
            where=str(cfg.filename),
            fix='test it with a _linear or _knn config of its backbone and data (configs/hiclr)',
        )
    if checkpoint is not None:
        beside = folder_beside(checkpoint)
        work_dir = work_dir or beside
    if copies is not None:
        cfg = with_copies(cfg, copies)
    runner = build_runner(cfg, work_dir)
    if checkpoint is not None:
        load_for_testing(runner, checkpoint)
    elif any(True for _ in runner.model.parameters()):
        raise CheckpointError(
            'this model has weights to load, and no checkpoint was given',
            where=str(cfg.filename),
            fix='name the checkpoint: tools/test.py CONFIG CHECKPOINT',
        )
    return evaluate(runner, checkpoint)


def with_copies(cfg: Config, copies: int) -> Config:
    """The config with a test of augmented copies in the place of its own.

    Raises:
        ConfigError: If the model has no classifier to score them, or copies is below 1.
    """
    if cfg.model.get('classifier') is None:
        raise ConfigError(
            'augmented copies are scored by a classifier, and this config has none', where=str(cfg.filename),
            fix='test a _linear, _finetune or _semi config',
        )
    if copies < 1:
        raise ConfigError('--copies must be at least 1', got=copies)
    cfg = copy.deepcopy(cfg)
    cfg.test_cfg = {'type': 'AugmentedTestLoop', 'copies': copies}
    cfg.protocol = f'{cfg.get("protocol", "test")}_copies{copies}'
    return cfg


def folder_beside(checkpoint: str | Path) -> Path:
    """Where an evaluation of a checkpoint works; nothing is made beside one that is not there.

    Raises:
        CheckpointError: If there is no such file.
    """
    if not Path(checkpoint).is_file():
        raise CheckpointError('there is no such checkpoint', got=str(checkpoint), fix='check the path')
    return Path(checkpoint).parent / 'eval'


def load_for_testing(runner: SkelregRunner, checkpoint: str | Path) -> None:
    """Load all that the evaluation runs: encoder, and classifier where there is one.

    Raises:
        CheckpointError: If the file is unreadable, belongs to another model, or lacks a part.
    """
    model = runner.model
    parts = [name for name in ('backbone', 'neck', 'classifier') if getattr(model, name) is not None]
    if model.teacher is not None and model.teacher.predicts:
        parts.append('teacher')
    prefixes = tuple(f'{name}.' for name in parts)
    report = load_weights(model, load_file(checkpoint), where=str(checkpoint), prefixes=prefixes)
    if report.missing:
        raise CheckpointError(
            'the checkpoint lacks weights that this evaluation runs',
            got=f'missing: {", ".join(report.missing[:6])}',
            where=str(checkpoint),
            fix='test a classifier with a checkpoint that has one (train the _linear config first), '
            'or an encoder with a _knn config',
        )


def evaluate(runner: SkelregRunner, checkpoint: str | Path | None) -> dict[str, dict[str, Any]]:
    """Run the config's test loop, write one result file for each protocol and print a table.

    A classifier's scores of every sequence are written too, for tools/fuse_scores.py.

    Args:
        runner: Its model holds the weights already.
        checkpoint: The file that they came from; results go beside it, or into the work directory.

    Returns:
        Protocol -> result, see `skelreg.engine.results.make_result`.
    """
    _build_test_loop(runner)
    runner.test()
    loop = runner.test_loop
    reports = (
        loop.reports
        if isinstance(loop, KNNTestLoop)
        else {runner.cfg.get('protocol', 'test'): reports_of(loop.evaluator)[0]}
    )
    results = {
        protocol: make_result(
            report,
            protocol=protocol,
            dataset=loop.dataloader.dataset,
            checkpoint=checkpoint,
            config=runner.cfg.filename,
            seed=runner.seed,
            label_budget=_label_budget(runner.cfg),
        )
        for protocol, report in reports.items()
    }
    stem = Path(runner.work_dir, 'untrained') if checkpoint is None else Path(checkpoint)
    if is_main_process():
        for protocol, result in results.items():
            _keep_other(stem, protocol, result)
            write_result(result_path(stem, protocol), result)
        if not isinstance(loop, KNNTestLoop):
            _write_scores(runner, stem, *results.values())
        Console(markup=False).print(result_table(results), f'written to {result_path(stem, "*")}')
    return results


def _keep_other(stem: Path, protocol: str, result: dict[str, Any]) -> None:
    """Move a result of other data, or of another config, and its scores aside before a new one is written."""
    other = other_result(result_path(stem, protocol), result)
    if other is None:
        return
    dated = f'{protocol}.{other["date"][:19].replace(":", "")}'
    for path in (result_path, score_path):
        if path(stem, protocol).is_file():
            path(stem, protocol).replace(path(stem, dated))
    name, kept = (result_path(stem, which).name for which in (protocol, dated))
    print(f'{name} was of other data or of another config; it is kept as {kept}')


def _write_scores(runner: SkelregRunner, stem: Path, result: dict[str, Any]) -> None:
    """Keep a classifier's scores beside its result."""
    learner: Any = bare_model(runner)
    scores = make_scores(
        predictions_of(runner.test_loop.evaluator)[0],
        result,
        runner.test_loop.dataloader.dataset,
        stream=learner.data_preprocessor.stream,
        train_split=_train_split(runner.cfg),
    )
    write_scores(score_path(stem, result['protocol']), scores)


def _trained_on(cfg: Config) -> Sequence[Any]:
    """The configs of the sets that are trained on; none if the config has no training set."""
    dataset = (cfg.get('train_dataloader') or {}).get('dataset')
    return [] if dataset is None else part_configs(dataset)


def _train_split(cfg: Config) -> str | None:
    """That of the training set, or of joined sets all, 'a+b'."""
    splits = dict.fromkeys(str(part.split) for part in _trained_on(cfg) if part.get('split') is not None)
    return '+'.join(splits) or None


def _label_budget(cfg: Config) -> Any:
    """That of the training set; of joined sets that of the first, or of each where all keep their labels."""
    budgets = [part.get('label_budget') for part in _trained_on(cfg)]
    if not budgets or cfg.train_dataloader.dataset.get('labels') != 'all':
        return budgets[0] if budgets else None
    return budgets


def result_table(results: dict[str, dict[str, Any]]) -> Table:
    """Accuracies of one checkpoint, a row for each protocol."""
    first = next(iter(results.values()))
    stand_in = first['synthetic'] and first['dataset'] != 'synthetic'
    kind = 'SYNTHETIC data in the place of ' if stand_in else ''
    table = Table(title=f'{kind}{first["dataset"]} {first["split"]}, {first["num_samples"]} test sequences')
    for column in ('protocol', 'top-1', 'top-5', 'mean class'):
        table.add_column(column, justify='left' if column == 'protocol' else 'right')
    for protocol, result in results.items():
        values = (result['top1'], result['top5'], result['mean_class'])
        table.add_row(protocol, *('' if value is None else f'{100 * value:.1f} %' for value in values))
    return table
