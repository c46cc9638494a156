"""Random numbers that depend on (seed, rank, step) alone, so that a resumed run is the uninterrupted one.

Saving and restoring generator states is not enough: every DataLoader iterator draws from torch's
global generator, and a resumed run skips the validation that followed the saved epoch.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from .run_state import bare_model

#: What the numbers are drawn for; each purpose has a stream of its own.
PURPOSES = ('init', 'step', 'epoch', 'evaluation', 'global batch')


def derive_seed(seed: int, rank: int = 0, step: int = 0, purpose: str = 'step') -> int:
    """A 64-bit seed from four things, well mixed and the same on every machine."""
    if seed < 0:
        raise ValueError(f'seed must be at least 0, got {seed}')
    sequence = np.random.SeedSequence((seed, rank, step, PURPOSES.index(purpose)))
    return int(sequence.generate_state(1, np.uint64)[0])


def seed_everything(seed: int, rank: int = 0, step: int = 0, purpose: str = 'init') -> None:
    """Seed Python's, NumPy's and torch's global generators, those of every CUDA device included."""
    derived = derive_seed(seed, rank, step, purpose)
    random.seed(derived)
    np.random.seed(derived % 2**32)
    torch.manual_seed(derived)


def keep_worker_seed(worker_id: int) -> None:
    """A worker_init_fn that does nothing, on purpose.

    torch has seeded the worker's generators from the main process by then, differently in every
    epoch; MMEngine's own function would seed them alike in all epochs.
    """


class StepSeedHook(Hook):
    """Seeds all generators before every epoch, every training step and every evaluation.

    The steps of a resumed run then draw what those of the uninterrupted run draw. Workers of a
    DataLoader are seeded at the start of an epoch; with `persistent_workers=True` only in the first.

    A data preprocessor with a method `set_step_seed(seed)` is told a seed that all ranks share.
    """

    priority = 'LOWEST'  # after all other hooks, so that none of them draws in between

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed what the DataLoader's iterator is about to draw."""
        seed_everything(runner.seed, runner.rank, runner.epoch, 'epoch')

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Seed augmentation, dropout and whatever else draws in the step."""
        seed_everything(runner.seed, runner.rank, runner.iter, 'step')
        told = getattr(getattr(bare_model(runner), 'data_preprocessor', None), 'set_step_seed', None)
        if callable(told):
            told(derive_seed(runner.seed, step=runner.iter, purpose='global batch'))

    def before_val_epoch(self, runner: Runner) -> None:
        """Seed the validation."""
        seed_everything(runner.seed, runner.rank, 0, 'evaluation')

    def before_test_epoch(self, runner: Runner) -> None:
        """Seed the test."""
        seed_everything(runner.seed, runner.rank, 0, 'evaluation')
