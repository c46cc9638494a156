"""Plain data: what a checkpoint may hold, so that reading one never has to run code."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer, MessageHub
from torch import Tensor

from ..errors import CheckpointError

_SCALARS = (str, int, float, bool, bytes, type(None), torch.dtype, torch.device)


def plain(value: Any, where: str = 'checkpoint') -> Any:
    """Copy a nested structure into dicts, lists, tuples, tensors, numbers and strings only.

    Tensors move to the CPU, NumPy scalars and arrays become numbers and tensors, sets become lists.
    `torch.load(..., weights_only=True)` reads the result without an allow-list.

    Args:
        value: Anything that a checkpoint may hold.
        where: Name of `value`, for the error message.
    Raises:
        CheckpointError: If something has no plain form (a function, a module, ...), with its place.
    """
    if isinstance(value, Tensor):
        return _plain_tensor(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy()) if value.dtype.kind in 'biuf' else plain(value.tolist(), where)
    if type(value) in _SCALARS:
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {plain(key, where): plain(item, f'{where}.{key}') for key, item in value.items()}
    if isinstance(value, (list, set, frozenset)):
        return [plain(item, f'{where}[{i}]') for i, item in enumerate(value)]
    if isinstance(value, tuple):
        return tuple(plain(item, f'{where}[{i}]') for i, item in enumerate(value))
    for base in (str, bool, int, float):  # subclasses: an IntEnum, NumPy's float64 is caught above
        if isinstance(value, base):
            return base(value)
    raise CheckpointError(
        'only plain data can be saved', got=type(value).__name__, where=where,
        accepted='tensors, numbers, strings, and dicts, lists and tuples of them',
        fix='convert it before it reaches the checkpoint (a hook or a state_dict puts it there)',
    )


def _plain_tensor(tensor: Tensor) -> Tensor:
    """Detached, on the CPU, and without the rest of a larger storage that it is a view of."""
    tensor = tensor.detach().cpu()
    whole = tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()
    return tensor if whole else tensor.clone()


def message_hub_to_plain(hub: MessageHub) -> dict[str, Any]:
    """MMEngine's log history and runtime information as plain data.

    What has no plain form (handles that a hook parked there) is left out: it serves the display
    of a running training only.
    """
    state = hub.state_dict()
    information = {}
    for key, value in state['runtime_info'].items():
        try:
            information[key] = plain(value, key)
        except CheckpointError:
            continue
    scalars = {
        key: {'values': torch.from_numpy(buffer.data[0].astype(np.float64)),
              'counts': torch.from_numpy(buffer.data[1].astype(np.float64))}
        for key, buffer in state['log_scalars'].items()
    }
    return {'log_scalars': scalars, 'runtime_info': information}


def restore_message_hub(hub: MessageHub, state: Mapping[str, Any]) -> None:
    """Put back what `message_hub_to_plain` wrote."""
    hub.load_state_dict({
        'log_scalars': {
            key: HistoryBuffer(saved['values'].numpy(), saved['counts'].numpy())
            for key, saved in state.get('log_scalars', {}).items()
        },
        'runtime_info': dict(state.get('runtime_info', {})),
        'resumed_keys': {},
    })


def differences(
    saved: Mapping[str, Any], now: Mapping[str, Any], prefix: str = ''
) -> Iterator[tuple[str, Any, Any]]:
    """Dotted key, value then and value now of all facts that both tell, and differently.

    Lists and tuples are alike. Dropout is a matter of training like its rate, and may change on the way.
    Generated frames are rounded as the machine does it, and a run may go on on another one.

    Args:
        saved: Plain facts of a checkpoint.
        now: Those of the model or run that takes it.
        prefix: Of the keys.
    """
    for key in (key for key in now if key in saved and 'dropout' not in key):
        if key == 'checksum' and now.get('synthetic'):
            continue
        then, here = (json.loads(json.dumps(value, default=str)) for value in (saved[key], now[key]))
        if isinstance(then, dict) and isinstance(here, dict):
            yield from differences(then, here, f'{prefix}{key}.')
        elif then != here:
            yield f'{prefix}{key}', then, here
