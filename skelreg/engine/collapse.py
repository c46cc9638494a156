"""Watches contrastive training for collapse, and says so in plain words."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from ..compat.run_state import bare_model
from ..functional.spread import effective_rank, mean_cosine, spread
from ..registry import HOOKS

_LOGGED = {'key_cosine', 'query_spread', 'query_rank', 'chance_ratio'}
_ADVICE = (
    '\n  What helps: a lower learning rate; the default initialisation (model.initialization="torch", not '
    '"release"); a key encoder that starts as a copy of the query encoder; more varied batches. Stop the '
    'run if the numbers do not recover within a few epochs: from here it seldom does by itself.'
)
_CAUSES = {
    'loss': (
        'The contrastive loss "{term}" stays at {loss:.3f}, which is ln(K + 1) for the {negatives} vectors '
        'in the queue: what the model would score if it picked the matching sequence blindly. It is '
        'learning nothing (the loss of all terms together, {total:.3f}, is {multiple:.2f} times that).'
    ),
    'keys': (
        'All sequences of a batch get nearly the same key: their mean cosine is {key_cosine:.4f}, where 1 '
        'means identical. Vectors that are all alike cannot tell actions apart; this is called collapse.'
    ),
    'spread': (
        'The feature vectors of a batch hardly differ: their spread is {query_spread:.4f}, where about 1 is '
        'healthy and 0 means that every sequence gets the same vector. This is called collapse.'
    ),
    'rank': (
        'The feature vectors of a batch differ along a single direction only: {query_rank:.2f} of '
        '{dimensions} dimensions are in use (their effective rank). This is called dimensional collapse.'
    ),
}


@HOOKS.register_module()
class CollapseMonitor(Hook):
    """Warns once per cause when training degenerates; says nothing while it is healthy.

    It looks at the contrastive loss (at ln(K + 1) the model guesses), the mean cosine between the keys of a
    batch, and the spread and effective rank of the queries, and leaves the numbers in the message hub
    under 'train/collapse/', from where they go to the scalars' file.

    Args:
        interval: Look every so many iterations; at the end of an epoch in any case.
        patience: A cause must hold in so many looks in a row, since the first iterations of a healthy
            run can look bad; the loss in twice as many.
        loss_tolerance: How near to ln(K + 1) the loss counts as being there, relative.
        max_key_cosine: A mean key cosine above this is a collapse.
        min_spread: A spread below this is a collapse.
        min_rank: An effective rank below this is a collapse.
    """

    priority = 'NORMAL'

    def __init__(
        self,
        interval: int = 100,
        patience: int = 3,
        loss_tolerance: float = 0.005,
        max_key_cosine: float = 0.995,
        min_spread: float = 0.07,
        min_rank: float = 2.0,
    ) -> None:
        if interval < 1 or patience < 1:
            raise ValueError(f'interval and patience must be >= 1, got {interval} and {patience}')
        self.interval, self.patience, self.loss_tolerance = interval, patience, loss_tolerance
        self.max_key_cosine, self.min_spread, self.min_rank = max_key_cosine, min_spread, min_rank
        self._held = dict.fromkeys(_CAUSES, 0)
        self._warned: set[str] = set()
        self._sums: dict[str, Tensor] = {}
        self._count = 0

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Add up the losses; look if it is time."""
        for name, value in (outputs or {}).items():  # tensors: reading a GPU's number waits for it
            own = torch.as_tensor(value).detach().float()
            self._sums[name] = self._sums[name] + own if name in self._sums else own
        self._count += 1
        if (runner.iter + 1) % self.interval == 0 or batch_idx + 1 == len(runner.train_loop.dataloader):
            self._look(runner)

    def _look(self, runner: Runner) -> None:
        model = bare_model(runner)
        losses = {name: float(total) / self._count for name, total in self._sums.items()}
        self._sums, self._count = {}, 0
        numbers = {**batch_numbers(model), **loss_numbers(model, losses, self.loss_tolerance)}
        for name in _LOGGED & numbers.keys():
            runner.message_hub.update_scalar(f'train/collapse/{name}', numbers[name])
        for cause, holds in self._judge(numbers).items():
            self._held[cause] = self._held[cause] + 1 if holds else 0
            patience = 2 * self.patience if cause == 'loss' else self.patience
            if self._held[cause] >= patience and cause not in self._warned:
                advice = _ADVICE if not self._warned else ''
                self._warned.add(cause)
                warn(cause, numbers, runner.epoch + 1, runner.iter + 1, advice)

    def _judge(self, numbers: Mapping[str, Any]) -> dict[str, bool]:
        """Which causes hold; what could not be measured does not hold, not-a-number does."""
        return {
            'loss': 'term' in numbers,
            'keys': not numbers.get('key_cosine', -1.0) <= self.max_key_cosine,
            'spread': not numbers.get('query_spread', 1.0) >= self.min_spread,
            'rank': not numbers.get('query_rank', math.inf) >= self.min_rank,
        }


def batch_numbers(model: Any) -> dict[str, Any]:
    """Key cosine, query spread and query rank of the latest step; empty where the step left no vectors."""
    numbers: dict[str, Any] = {}
    if model.last_keys is not None and len(model.last_keys) > 1:
        numbers['key_cosine'] = float(mean_cosine(model.last_keys.float()))
    queries = model.last_queries[0] if model.last_queries else None
    if queries is not None and len(queries) > 2:  # two vectors lie on one line whatever they are
        numbers['query_spread'] = float(spread(queries.float()))
        numbers['query_rank'] = _rank(queries)
        numbers['dimensions'] = queries.shape[1]
    return numbers


def _rank(x: Tensor) -> float:
    """The effective rank, or nan for vectors that are not finite, which the decomposition refuses."""
    return float(effective_rank(x)) if torch.isfinite(x).all() else math.nan


def loss_numbers(model: Any, losses: Mapping[str, float], tolerance: float) -> dict[str, Any]:
    """How the losses compare with blind guessing.

    Args:
        model: A Learner; a head that reads 'similarities' is contrastive, and its first term is the one
            that must beat ln(K + 1), K the rows of the queue.
        losses: Mean losses by the names they are logged under, `<head>/<term>`; 'loss' is their sum.
        tolerance: Relative distance at which a loss counts as being at ln(K + 1).
    Returns:
        `chance_ratio`, the contrastive loss in units of ln(K + 1), and, if it is at 1 within the tolerance,
        the words for a warning. Empty without a queue.
    """
    numbers: dict[str, Any] = {}
    if model.queue is None:
        return numbers
    chance = math.log(model.queue.size + 1)
    for head, term in model.heads.items():
        name = next((key for key in losses if key.startswith(f'{head}/')), None)
        if name is None or 'similarities' not in term.component.needs or not term.factor:
            continue
        loss = losses[name] / term.factor  # what is logged carries the weight, and a ramp's part of it
        ratio = loss / chance
        numbers['chance_ratio'] = min(numbers.get('chance_ratio', math.inf), ratio)
        if abs(ratio - 1) <= tolerance:
            total = losses['loss']
            numbers.update(
                term=name, loss=loss, total=total, multiple=total / chance, negatives=model.queue.size
            )
    return numbers


def warn(cause: str, numbers: Mapping[str, Any], epoch: int, iteration: int, advice: str) -> None:
    """Say what is wrong, where training stands and, the first time, what to do."""
    if not is_main_process():
        return
    logging.getLogger('skelreg').warning(
        'training looks collapsed (epoch %d, iteration %d). %s%s',
        epoch, iteration, _CAUSES[cause].format(**numbers), advice,
    )
