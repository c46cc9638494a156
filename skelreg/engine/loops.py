"""Loops that train and evaluate on features of a frozen encoder instead of running it every epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import torch
from mmengine.evaluator import Evaluator
from mmengine.runner import EpochBasedTrainLoop, Runner, TestLoop, ValLoop
from mmengine.runner.amp import autocast
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..compat.run_state import bare_model
from ..errors import ConfigError
from ..functional.neighbors import Vote, nearest, neighbor_votes
from ..registry import DATASETS, LOOPS
from .features import Bank, FeatureBank
from .metrics import ClassificationMetric, Predictions


class FeatureLoader:
    """Batches of a bank in the very order in which a dataloader would give the sequences.

    Args:
        bank: Row i belongs to sequence i of the dataloader's dataset.
        dataloader: Its batch sampler is followed: batch size, shuffling and drop_last are its own.
    """

    def __init__(self, bank: Bank, dataloader: DataLoader) -> None:
        self.bank = bank
        self.dataset = dataloader.dataset
        self.sampler = dataloader.sampler
        self.batch_sampler: Any = dataloader.batch_sampler

    def __len__(self) -> int:
        return len(self.batch_sampler)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        for indices in self.batch_sampler:
            rows = torch.as_tensor(indices, device=self.bank.features.device)
            yield {
                'pooled': self.bank.features[rows],
                'labels': self.bank.labels[rows],
                'index': self.bank.index[rows],
            }


@LOOPS.register_module()
class FrozenFeatureTrainLoop(EpochBasedTrainLoop):
    """Encode the training set once, then train on the features with the Runner's optimizer and hooks.

    The weights come out as if the frozen encoder had run in every epoch, which is why the encoder must
    be frozen and the views must not be augmented.

    Args:
        runner, dataloader, max_epochs, val_begin, val_interval, dynamic_intervals: As MMEngine's
            EpochBasedTrainLoop takes them.
        batch_size: How many sequences are encoded at a time.
        cache_dir: Where features are kept; None is `features` in the work dir.
    """

    dataloader: Any

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        max_epochs: int,
        val_begin: int = 1,
        val_interval: int = 1,
        dynamic_intervals: list[tuple[int, int]] | None = None,
        batch_size: int = 256,
        cache_dir: str | None = None,
    ) -> None:
        super().__init__(runner, dataloader, max_epochs, val_begin, val_interval, dynamic_intervals)
        self._store = _store(runner, cache_dir, batch_size)

    def run(self) -> nn.Module:
        """Extract or load the features, then train."""
        if not isinstance(self.dataloader, FeatureLoader):
            model = _frozen(self.runner)
            _refuse_augmentation(model, self.dataloader.dataset)
            with self.runner.optim_wrapper.optim_context(self.runner.model):
                bank = self._store.get(model, self.dataloader.dataset)
            self.dataloader = FeatureLoader(bank.to(model.data_preprocessor.device), self.dataloader)
        return super().run()


class _FrozenFeatureEvaluation:
    """An evaluation loop of MMEngine on features that are extracted once and kept.

    Args:
        runner, dataloader, evaluator, fp16: As MMEngine's loop takes them.
        batch_size: How many sequences are encoded at a time.
        cache_dir: Where features are kept; None is `features` in the work dir.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Evaluator | dict | list,
        fp16: bool = False,
        batch_size: int = 256,
        cache_dir: str | None = None,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, fp16)  # type: ignore[call-arg]
        self._store = _store(runner, cache_dir, batch_size)

    def run(self) -> dict:
        """Classify the features."""
        _serve_features(self, self._store)
        metrics: dict = super().run()  # type: ignore[misc]
        return metrics


@LOOPS.register_module()
class FrozenFeatureValLoop(_FrozenFeatureEvaluation, ValLoop):
    """MMEngine's ValLoop on the features of a frozen encoder; arguments as `FrozenFeatureTestLoop`."""


@LOOPS.register_module()
class FrozenFeatureTestLoop(_FrozenFeatureEvaluation, TestLoop):
    """MMEngine's TestLoop on features that are kept, so that testing again does not run the encoder.

    Args:
        runner, dataloader, evaluator, fp16: As MMEngine's TestLoop takes them.
        batch_size: How many sequences are encoded at a time.
        cache_dir: Where features are kept; None is `features` in the work dir.
    """


@LOOPS.register_module()
class KNNTestLoop(TestLoop):
    """Classify the test set by its nearest neighbours in the training set: cosine, exact.

    Attributes:
        reports: After a run, the metric's full report for every k, under 'knn1', 'knn5', ...

    Args:
        runner, dataloader, evaluator, fp16: As MMEngine's TestLoop takes them; the dataloader holds the
            queries.
        train_dataset: The dataset to search; None takes that of the config's train_dataloader. Its
            unlabelled sequences cannot vote and are left out.
        k: How many neighbours vote, one result for each.
        vote: 'majority' or 'distance', see `skelreg.functional.neighbors.neighbor_votes`.
        chunk: How many queries are compared at a time.
        batch_size: How many sequences are encoded at a time.
        cache_dir: Where features are kept; None is `features` in the work dir.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Evaluator | dict | list,
        train_dataset: Any = None,
        k: Sequence[int] = (1, 5, 20),
        vote: Vote = 'majority',
        chunk: int = 1024,
        fp16: bool = False,
        batch_size: int = 256,
        cache_dir: str | None = None,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, fp16)
        if not isinstance(k, Sequence) or not k or not all(isinstance(n, int) and n >= 1 for n in k):
            raise ValueError(f'k must be a list of whole numbers >= 1, got {k!r}; the usual is (1, 5, 20)')
        if vote not in get_args(Vote):
            raise ValueError(f'vote must be one of {", ".join(get_args(Vote))}, got {vote!r}')
        self.k, self.vote, self.chunk = tuple(k), vote, chunk
        self.train_dataset = _train_dataset(runner, train_dataset)
        self.reports: dict[str, dict[str, Any]] = {}
        self._store = _store(runner, cache_dir, batch_size)

    def run(self) -> dict:
        """Search once for the largest k, then let every k vote."""
        self.runner.call_hook('before_test')
        self.runner.call_hook('before_test_epoch')
        model: Any = bare_model(self.runner)
        with autocast(enabled=self.fp16):
            keys = self._store.get(model, self.train_dataset).to(model.data_preprocessor.device)
            queries = self._store.get(model, self.dataloader.dataset).to(model.data_preprocessor.device)
        metrics = self._classify(queries, _labelled(keys, max(self.k)))
        self.runner.call_hook('after_test_epoch', metrics=metrics)
        self.runner.call_hook('after_test')
        return metrics

    def _classify(self, queries: Bank, keys: Bank) -> dict[str, float]:
        cosines, neighbors = nearest(queries.features, keys.features, max(self.k), self.chunk)
        neighbor_labels = keys.labels[neighbors]
        num_classes = len(self.dataloader.dataset.class_names)
        metrics = {}
        for k in self.k:
            votes = neighbor_votes(neighbor_labels[:, :k], num_classes, cosines[:, :k], self.vote)
            sample = {'scores': votes, 'labels': queries.labels, 'index': queries.index}
            self.evaluator.process(data_samples=[sample])
            values = self.evaluator.evaluate(len(queries))
            metrics.update({f'knn{k}/{name.rpartition("/")[2]}': value for name, value in values.items()})
            self.reports.update({f'knn{k}': r for r in reports_of(self.evaluator)})
        return metrics


def reports_of(evaluator: Evaluator) -> list[dict[str, Any]]:
    """The full reports of an evaluator's classification metrics, as of their last evaluation."""
    return [m.last_result for m in evaluator.metrics if isinstance(m, ClassificationMetric) and m.last_result]


def predictions_of(evaluator: Evaluator) -> list[Predictions]:
    """The predictions of an evaluator's classification metrics, as of their last evaluation."""
    metrics = [metric for metric in evaluator.metrics if isinstance(metric, ClassificationMetric)]
    return [metric.last_predictions for metric in metrics if metric.last_predictions is not None]


def _store(runner: Runner, cache_dir: str | None, batch_size: int) -> FeatureBank:
    return FeatureBank(cache_dir or Path(runner.work_dir) / 'features', batch_size)


def _serve_features(loop: Any, store: FeatureBank) -> None:
    """Put features in the place of the loop's sequences; the cache answers when nothing has changed."""
    model = _frozen(loop.runner)
    if isinstance(loop.dataloader, FeatureLoader):
        return
    with autocast(enabled=loop.fp16):
        bank = store.get(model, loop.dataloader.dataset)
    loop.dataloader = FeatureLoader(bank.to(model.data_preprocessor.device), loop.dataloader)


def _frozen(runner: Runner) -> Any:
    """The learner, whose backbone must not change while its features are used."""
    learner: Any = bare_model(runner)
    if 'backbone' not in learner.frozen:
        raise ConfigError(
            'features can only be extracted once from a frozen backbone',
            got=f'model.frozen={tuple(learner.frozen)}', where='model.frozen',
            fix="set model.frozen=('backbone', 'neck'), or use MMEngine's own loops",
        )
    return learner


def _refuse_augmentation(model: Any, dataset: Any) -> None:
    """Training on kept features would silently skip the augmentation that a config asks for."""
    batch = dataset.__getitems__(list(range(min(16, len(dataset)))))
    told = getattr(model.data_preprocessor, 'set_step_seed', None)
    if callable(told):
        told(0)  # outside a step nobody has, and global draws need one
    train, plain = (model.data_preprocessor(batch, training)['multi_view'] for training in (True, False))
    same = len(train.views) == 1 and torch.equal(train.views[0].skeleton, plain.views[0].skeleton)
    if not same:
        raise ConfigError(
            'features that are extracted once cannot be augmented',
            got='a policy whose training view differs from the evaluation view',
            where='model.data_preprocessor.policy',
            fix='remove the policy, or set train_cfg.by_epoch=True in place of the FrozenFeatureTrainLoop',
        )


def _train_dataset(runner: Runner, dataset: Any) -> Any:
    """The dataset to search, built from its config where it is one."""
    if dataset is None:
        loader = runner.cfg.get('train_dataloader') or {}
        dataset = loader.get('dataset')
    if dataset is None:
        raise ConfigError(
            'kNN has no dataset to search', where='test_cfg.train_dataset',
            fix='set test_cfg.train_dataset, or keep train_dataloader in the config',
        )
    return DATASETS.build(dataset, where='test_cfg.train_dataset')


def _labelled(keys: Bank, largest_k: int) -> Bank:
    rows = keys.labels >= 0
    if int(rows.sum()) < largest_k:
        raise ConfigError(
            f'kNN with k = {largest_k} needs at least as many labelled training sequences',
            got=int(rows.sum()), where='test_cfg.k',
        )
    return Bank(keys.features[rows], keys.labels[rows], keys.index[rows])
