"""Features of a frozen encoder: extracted once, kept on the disk under a key of all that can change them."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import barrier, is_main_process
from torch import Tensor

from .. import __version__
from ..durable import full_disk_is_data_error
from ..errors import ConfigError
from ..provenance import distribution_of
from .files import write_json
from .metrics import check_finite
from .terminal import Heartbeat, duration, say

_COLUMNS = ('features', 'labels', 'index')


@dataclass(frozen=True)
class Bank:
    """Pooled features of a whole dataset, row i for its i-th sequence.

    Attributes:
        features: (B, D) float32.
        labels: (B,) int64, -1 where unknown.
        index: (B,) int64, what the dataset calls its sequences.
    """

    features: Tensor
    labels: Tensor
    index: Tensor

    def __len__(self) -> int:
        return len(self.features)

    def to(self, device: torch.device | str) -> Bank:
        """The same bank on another device."""
        return Bank(*(getattr(self, name).to(device) for name in _COLUMNS))


@torch.no_grad()
def extract_features(model: Any, dataset: Any, batch_size: int = 256) -> Bank:
    """Encode a dataset in its own order with the model in eval mode; the bank is on the CPU.

    Args:
        model: A Learner, see `skelreg.learner.learner`.
        dataset: Its `__getitems__` returns a dict of batched tensors.
        batch_size: How many sequences are encoded at a time; the features do not depend on it.

    Raises:
        ConfigError: If the dataset is empty.
        DataError: If features are not finite; a distance to them would look like any other.
    """
    was_training, heartbeat, start = model.training, Heartbeat(), time.monotonic()
    model.eval()
    parts: list[tuple[Tensor, ...]] = []
    try:
        for first in range(0, len(dataset), batch_size):
            rows = list(range(first, min(first + batch_size, len(dataset))))
            batch = model.data_preprocessor(dataset.__getitems__(rows), False)
            pooled = model.extract(batch['multi_view'])
            parts.append((pooled.float().cpu(), batch['labels'].cpu(), batch['index'].cpu()))
            if heartbeat.due():
                say(f'features: {rows[-1] + 1:,} of {len(dataset):,} sequences encoded')
    finally:
        model.train(was_training)
    if not parts:
        raise ConfigError('the dataset to extract features from is empty', where=type(dataset).__name__)
    say(f'features: {len(dataset):,} sequences encoded in {duration(time.monotonic() - start)}')
    bank = Bank(*(torch.cat(column) for column in zip(*parts, strict=True)))
    check_finite(bank.features, 'features')
    return bank


def feature_key(model: Any, dataset: Any) -> str:
    """SHA-256 over all that can change the features.

    These are the encoder (its structure, settings, weights and buffers), the dataset's fingerprint, the
    stream, the layout, the precision in force when this is called (device, parameters, autocast, float32
    products), the version of skelreg and that of the plugin which brings the backbone.
    """
    digest = hashlib.sha256()
    settings = {
        'skelreg': __version__,
        'dataset': dataset.fingerprint,
        'sequences': len(dataset),
        'stream': str(model.data_preprocessor.stream),
        'frames': model.data_preprocessor.num_frames,
        'layout': repr(model.layout),
        'encoder': model.encoder_settings,
        'origin': distribution_of(type(model.backbone).__module__),
        'precision': _precision(model),
    }
    digest.update(json.dumps(settings, sort_keys=True).encode())
    for part in ('backbone', 'neck'):
        module = getattr(model, part)
        digest.update(f'{part}:{module!r}'.encode())
        if module is None:
            continue
        # The graph is among the buffers that no checkpoint holds.
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            digest.update(f'{name}:{tensor.dtype}:{tuple(tensor.shape)}'.encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _precision(model: Any) -> str:
    dtypes = sorted({str(parameter.dtype) for parameter in model.backbone.parameters()})
    device = model.data_preprocessor.device.type
    autocast = str(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else 'off'
    products = torch.get_float32_matmul_precision()
    tf32 = device == 'cuda' and torch.backends.cudnn.allow_tf32
    return f'{device}, parameters {dtypes}, autocast {autocast}, products {products}, TF32 {tf32}'


class FeatureBank:
    """Banks kept in a folder, one subfolder a key, each whole or absent.

    Args:
        directory: Where the banks are kept.
        batch_size: How many sequences are encoded at a time.
    """

    def __init__(self, directory: str | Path, batch_size: int = 256) -> None:
        if batch_size < 1:
            raise ValueError(f'batch_size must be >= 1, got {batch_size}')
        self.directory, self.batch_size = Path(directory), batch_size

    def get(self, model: Any, dataset: Any) -> Bank:
        """The bank from the disk, or a new one that is kept; with several ranks the main one encodes."""
        folder = self.directory / feature_key(model, dataset)
        bank = None
        if is_main_process():
            bank = _load(folder)
            if bank is not None:
                say(f'features: {len(bank):,} sequences from the cache, the encoder is not run')
            else:
                bank = extract_features(model, dataset, self.batch_size)
                _save(folder, bank)
        barrier()
        bank = bank or _load(folder)
        if bank is None:
            raise ConfigError(
                'the main process left no features where this one looks', got=folder,
                fix='give all ranks one cache_dir on a shared disk',
            )
        return bank


def _load(folder: Path) -> Bank | None:
    """A bank whose files are whole and agree with what was noted of them; anything else counts as absent."""
    try:
        noted = json.loads((folder / 'meta.json').read_text(encoding='utf-8'))
        arrays = [np.load(folder / f'{name}.npy', allow_pickle=False) for name in _COLUMNS]
    except (OSError, ValueError, EOFError):
        return None
    if noted != _meta(arrays):
        return None
    return Bank(*(torch.from_numpy(array) for array in arrays))


def _save(folder: Path, bank: Bank) -> None:
    """Write beside the final name and rename; of two processes that save the same bank, one wins."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix='.writing-'))
    try:
        arrays = [getattr(bank, name).numpy() for name in _COLUMNS]
        with full_disk_is_data_error(folder):
            for name, array in zip(_COLUMNS, arrays, strict=True):
                np.save(temporary / f'{name}.npy', array)
        write_json(temporary / 'meta.json', _meta(arrays))
        if _load(folder) is None:
            shutil.rmtree(folder, ignore_errors=True)
            try:
                temporary.rename(folder)
            except OSError:  # a folder with files in it: another process was faster
                if _load(folder) is None:
                    raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _meta(arrays: list[np.ndarray]) -> dict[str, Any]:
    return {
        name: {'shape': list(array.shape), 'dtype': str(array.dtype), 'sha256': _digest(array)}
        for name, array in zip(_COLUMNS, arrays, strict=True)
    }


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
