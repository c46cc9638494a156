"""MMEngine's Runner with what breaks on today's torch, or was never safe, replaced."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import mmengine
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.model import MMDistributedDataParallel, convert_sync_batchnorm, is_model_wrapper
from mmengine.runner import Runner
from mmengine.visualization import Visualizer
from torch import nn
from torch.utils.data import DataLoader

from .. import __version__
from .checkpoint import DurableCheckpointHook, load_training_state, newest_whole
from .config_text import config_text
from .distributed import start_distributed
from .files import load_file, save_file, save_text
from .quiet import no_deprecated_ddp_argument, no_thread_warnings, quieten
from .run_state import bare_model, check_same_run, restore_progress, run_state
from .runtime_info import DeferredRuntimeInfoHook
from .seeding import StepSeedHook, keep_worker_seed, seed_everything
from .visualizer import ScalarVisualizer
from .weights import load_pretrained, load_weights

#: How many runners of this process were started in a second, by its timestamp.
_starts: dict[str, int] = {}


class SkelregRunner(Runner):
    """A Runner that resumes exactly, loads safely, saves durably and starts quietly.

    Differences to MMEngine's: there is always a seed (0 unless the config sets one); every step is
    seeded; a checkpoint is plain data and nothing in one is executed; schedules follow the config
    when a run is extended; distributed training works on CPUs.

    Args:
        model: A module, or a config of one.
        work_dir: Where checkpoints, logs and the config go.
        cfg: The whole config; it is written to `work_dir` and, as text, into every checkpoint.
        randomness: `seed`, and MMEngine's other settings.
        launcher: 'none', 'pytorch' or 'slurm'.
        pretrained: A checkpoint whose encoder is loaded before the training starts, or before an
            evaluation; a resumed run ignores it. A model with a method `after_pretrained()` is told.
        pretrained_prefixes: What of the checkpoint counts as the encoder.
        checkpoint_meta: More to record in every checkpoint, `dict(layout='ntu_rgbd')` say.
        arguments: As of MMEngine's Runner.
    """

    def __init__(
        self,
        model: nn.Module | dict[str, Any],
        work_dir: str,
        *,
        cfg: Config | dict[str, Any] | None = None,
        randomness: Mapping[str, Any] | None = None,
        launcher: str = 'none',
        pretrained: str | None = None,
        pretrained_prefixes: tuple[str, ...] = ('backbone.', 'neck.'),
        checkpoint_meta: Mapping[str, Any] | None = None,
        **arguments: Any,
    ) -> None:
        cfg = cfg if isinstance(cfg, Config) else Config(dict(cfg or {}))
        self._config_text = config_text(cfg)
        self._pretrained, self._pretrained_prefixes = pretrained, tuple(pretrained_prefixes)
        self._checkpoint_meta = dict(checkpoint_meta or {})
        chosen = dict(randomness or {})
        if chosen.get('seed') is None:
            chosen['seed'] = 0
        self._has_loaded: bool = False
        super().__init__(model, work_dir, cfg=cfg, randomness=chosen, launcher=launcher, **arguments)

    # --- starting -----------------------------------------------------------------------------

    def setup_env(self, env_cfg: dict[str, Any]) -> None:
        """Join the process group ourselves, then let MMEngine do the rest without its warnings."""
        start_distributed(self._launcher)
        with no_thread_warnings():
            super().setup_env(env_cfg)
        # Two runners of one process and one second would share their logger and message hub.
        count = _starts[self._timestamp] = _starts.get(self._timestamp, 0) + 1
        if count > 1:
            self._timestamp += f'_{count}'

    def build_logger(
        self, log_level: int | str = 'INFO', log_file: str | None = None, **kwargs: Any
    ) -> MMLogger:
        """MMEngine's logger, without its dumps on the terminal."""
        logger = super().build_logger(log_level, log_file, **kwargs)
        quieten(logger)
        return logger

    def build_visualizer(self, visualizer: Visualizer | dict[str, Any] | None = None) -> Visualizer:
        """Unless the config asks for another, one that logs scalars and draws nothing."""
        if visualizer is not None:
            return super().build_visualizer(visualizer)
        return ScalarVisualizer.get_instance(
            self.experiment_name, vis_backends=[{'type': 'LocalVisBackend'}], save_dir=self.log_dir
        )

    def _log_env(self, env_cfg: dict[str, Any]) -> None:
        """One line instead of the environment and the whole config, which lies in the work directory."""
        device = torch.cuda.get_device_name() if torch.cuda.is_available() else 'CPU'
        self.logger.info(
            f'skelreg {__version__}, torch {torch.__version__}, mmengine {mmengine.__version__}, '
            f'Python {platform.python_version()}; {device}, {self.world_size} process(es), seed {self.seed}; '
            f'work directory {self.work_dir}'
        )

    @master_only
    def dump_config(self) -> None:
        """Write the config into the work directory."""
        name = Path(self.cfg.filename).with_suffix('.py').name if self.cfg.filename else 'config.py'
        save_text(self._config_text, Path(self.work_dir) / name)

    def wrap_model(self, model_wrapper_cfg: dict[str, Any] | None, model: nn.Module) -> nn.Module:
        """Wrap for several processes, naming a device only where there is a GPU."""
        if not self.distributed or is_model_wrapper(model) or model_wrapper_cfg is not None:
            return super().wrap_model(model_wrapper_cfg, model)
        model = model.to(get_device())
        on_gpu = next(model.parameters()).is_cuda
        if self.cfg.get('sync_bn') and on_gpu:  # torch has none for CPUs
            model = convert_sync_batchnorm(model, self.cfg['sync_bn'])
        with no_deprecated_ddp_argument():
            return MMDistributedDataParallel(
                module=model,
                device_ids=[torch.cuda.current_device()] if on_gpu else None,
                broadcast_buffers=False,
                find_unused_parameters=self.cfg.get('find_unused_parameters', False),
            )

    def _init_model_weights(self) -> None:
        """Draw initial weights from the seed alone, whatever was built before."""
        seed_everything(self.seed, purpose='init')
        super()._init_model_weights()

    @staticmethod
    def build_dataloader(
        dataloader: DataLoader[Any] | dict[str, Any], seed: int | None = None, diff_rank_seed: bool = False
    ) -> DataLoader[Any]:
        """As MMEngine's, but workers keep the seed that torch gives them, another one each epoch."""
        if isinstance(dataloader, Mapping):
            dataloader = {'worker_init_fn': {'type': keep_worker_seed}, **dataloader}
        return Runner.build_dataloader(dataloader, seed=seed, diff_rank_seed=diff_rank_seed)

    def register_default_hooks(self, hooks: dict[str, Hook | dict[str, Any]] | None = None) -> None:
        """Durable checkpoints, seeded steps and few waits for the device belong to the defaults."""
        own: dict[str, Hook | dict[str, Any]] = {
            'checkpoint': DurableCheckpointHook(), 'runtime_info': DeferredRuntimeInfoHook(),
        }
        super().register_default_hooks({**own, **(hooks or {})})
        self.register_hook(StepSeedHook())

    # --- saving -------------------------------------------------------------------------------

    @master_only
    def save_checkpoint(
        self,
        out_dir: str,
        filename: str,
        file_client_args: dict[str, Any] | None = None,
        save_optimizer: bool = True,
        save_param_scheduler: bool = True,
        meta: Mapping[str, Any] | None = None,
        by_epoch: bool = True,
        backend_args: dict[str, Any] | None = None,
    ) -> None:
        """Save the training state as plain data, durably; arguments as MMEngine's.

        Raises:
            CheckpointError: If it cannot be written; a previous file of that name is untouched.
        """
        # The config is not under 'config': MMEngine executes what it finds there.
        more = {'config_text': self._config_text, **self._checkpoint_meta, **(meta or {})}
        checkpoint = run_state(
            self, more, by_epoch=by_epoch, optimizer=save_optimizer, schedulers=save_param_scheduler
        )
        self.call_hook('before_save_checkpoint', checkpoint=checkpoint)
        save_file(checkpoint, Path(out_dir) / filename)

    # --- loading ------------------------------------------------------------------------------

    def load_or_resume(self) -> None:
        """Resume, or load weights, or load a pretrained encoder; once.

        With `resume` and no `load_from`, the newest whole checkpoint of the work directory is taken.
        """
        if self._has_loaded or (self._resume and self._resume_if_possible()):
            return
        if self._load_from is not None:
            self.load_checkpoint(self._load_from)
        if self._pretrained is not None:
            self._load_pretrained(self._pretrained)
        self._has_loaded = True

    def _resume_if_possible(self) -> bool:
        if self._load_from is not None:
            self.resume(self._load_from)
            return True
        found = newest_whole(self.work_dir)
        if found is None:
            self.logger.info(f'nothing to resume in {self.work_dir}; starting from the beginning')
            return False
        self._restore(*found)
        return True

    def _load_pretrained(self, path: str) -> None:
        model = bare_model(self)
        report = load_pretrained(model, path, self._pretrained_prefixes)
        log = self.logger.warning if report.missing else self.logger.info
        log(f'pretrained weights from {path}: {report}')
        told = getattr(model, 'after_pretrained', None)
        if callable(told):
            told()

    def load_checkpoint(
        self,
        filename: str,
        map_location: str | Callable[..., Any] = 'cpu',
        strict: bool = False,
        revise_keys: list[tuple[str, str]] | None = None,
    ) -> dict[str, Any]:
        """Load weights into the model without executing anything; both sides of a partial match are logged.

        Args:
            filename: A local file.
            map_location: Ignored; weights are copied to where the model is.
            strict: Refuse a partial match.
            revise_keys: Ignored; a leading 'module.' is dropped.
        Raises:
            CheckpointError: If the file cannot be read, no key matches, or a shape differs.
        """
        checkpoint = load_file(filename)
        self._take_weights(checkpoint, filename, strict)
        return checkpoint

    def _take_weights(self, checkpoint: dict[str, Any], filename: str | Path, strict: bool) -> None:
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        report = load_weights(bare_model(self), checkpoint, where=str(filename), strict=strict)
        self._has_loaded = True
        log = self.logger.warning if report.missing else self.logger.info
        log(f'weights from {filename}: {report}')

    def resume(
        self,
        filename: str,
        resume_optimizer: bool = True,
        resume_param_scheduler: bool = True,
        map_location: str | Callable[..., Any] = 'default',
    ) -> None:
        """Continue the run that wrote a checkpoint; MMEngine's version executes text out of the file.

        Args:
            filename: A local file with a training's whole state.
            resume_optimizer: Restore the optimizer.
            resume_param_scheduler: Bring the schedules to the step reached.
            map_location: Ignored; everything is copied to where the model is.
        Raises:
            CheckpointError: If the file is not whole, or belongs to another model or seed.
        """
        self._restore(Path(filename), load_training_state(filename), resume_optimizer, resume_param_scheduler)

    def _restore(
        self, path: Path, checkpoint: dict[str, Any], optimizer: bool = True, schedulers: bool = True
    ) -> None:
        # What this runner was not told, pretrained weights that are not needed any more, it takes over.
        told = {key: value for key, value in self._checkpoint_meta.items() if value is not None}
        check_same_run(self, checkpoint['meta'], path, told, self._config_text)
        self._checkpoint_meta |= {
            key: checkpoint['meta'].get(key) for key in self._checkpoint_meta if key not in told
        }
        self._take_weights(checkpoint, path, strict=True)
        restore_progress(self, checkpoint, optimizer=optimizer, schedulers=schedulers)
        self.logger.info(f'resumed from {path}: epoch {self.epoch}, iteration {self.iter}')
