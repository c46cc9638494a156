"""Training and test steps of configs on a device that is no CPU, on machines that have none.

`python -m tests.other_device CONFIG ...` prints, as JSON, for every config the devices that its outputs lie
on and where in skelreg the host would wait for the device; CONFIG+amp runs it under mixed precision. torch's
fake tensors know their shape, type and device and hold no numbers; an operation on tensors of two devices, or
of two types, fails as it would on a GPU.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from skelreg.engine.hooks import CollectHook
from skelreg.functional import recurrence
from skelreg.runner import build_runner
from tests.runs import ROOT, small

NAME = 'elsewhere'
AUTOCAST = 'AutocastPrivateUse1'
#: What autocast computes in bfloat16 and in float32 on a GPU, as far as our steps use it.
IN_BFLOAT16 = ('mm', 'matmul', 'bmm', 'addmm', 'baddbmm', 'linear', 'conv2d')
IN_FLOAT32 = (
    'sum', 'sum.dim_IntList', 'log_softmax.int', 'softmax.int', 'exp', 'pow.Tensor_Scalar', 'cumsum',
)
#: What refuses floats of two types.
OF_ONE_TYPE = [
    getattr(torch.ops.aten, name)
    for name in (
        'mm', 'bmm', 'addmm', 'addmm_', 'baddbmm', 'convolution', 'convolution_backward',
        'index_add', 'index_add_', 'index_copy', 'index_copy_',
    )
]


class NumbersUnknown(TorchFunctionMode):
    """Stands in where numbers decide what happens next, and notes the place: there a GPU is waited for.

    Half of every mask is taken to be true, every condition holds, every number is a great one.
    """

    def __init__(self, fake: FakeTensorMode) -> None:
        super().__init__()
        self.fake, self.places = fake, Counter[str]()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs, name = kwargs or {}, getattr(func, '__name__', '')
        if name == 'to' and not isinstance(args[0], FakeTensor):
            args = (self.fake.from_tensor(args[0]), *args[1:])
        if func is torch.tensor and NAME in str(kwargs.get('device')):
            self._note('copy')
            return torch.empty_like(torch.tensor(*args, **{**kwargs, 'device': 'cpu'}), device=NAME)
        if not (args and isinstance(args[0], Tensor) and args[0].device.type == NAME):
            return func(*args, **kwargs)
        x = args[0]
        if name in ('__getitem__', '__setitem__'):
            return func(x, self._index(args[1]), *args[2:])
        if name in ('nonzero', 'bincount', '__bool__', 'equal', 'item', 'tolist', '__int__', '__float__'):
            self._note(name)
        if name == 'bincount':
            return x.new_zeros(kwargs['minlength'])
        if name == 'nonzero' and kwargs.get('as_tuple'):
            return self._half(x)
        if name == 'tolist':
            return [100] * x.numel()
        stand_ins = {'__bool__': True, 'equal': True, 'item': 100, '__int__': 100, '__float__': 100.0}
        return stand_ins[name] if name in stand_ins else func(*args, **kwargs)

    def _index(self, index: Any) -> Any:
        parts = index if isinstance(index, tuple) else (index,)
        known: list[Any] = []
        for part in parts:
            masks = isinstance(part, Tensor) and part.dtype == torch.bool
            if masks:
                self._note('mask')
            known += self._half(part) if masks else [part]
        return tuple(known)

    def _half(self, mask: Tensor) -> tuple[Tensor, ...]:
        """The indices of half of a mask."""
        count = max(1, mask.numel() // 2)
        return tuple(mask.new_zeros(count, dtype=torch.int64) for _ in range(mask.ndim))

    def _note(self, what: str) -> None:
        frames = [f for f in traceback.extract_stack() if f'{ROOT / "skelreg"}/' in f.filename]
        if frames:
            self.places[f'{Path(frames[-1].filename).relative_to(ROOT)}: {what}'] += 1


class SameTypes(TorchDispatchMode):
    """Refuses operands of two floating-point types where kernels do; fake ones let them pass."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        tensors = [value for value in tree_leaves((args, kwargs)) if isinstance(value, Tensor)]
        found = {value.dtype for value in tensors if value.is_floating_point()}
        if len(found) > 1 and func.overloadpacket in OF_ONE_TYPE:
            raise TypeError(f'{func} got operands of {found}')
        return func(*args, **(kwargs or {}))


class _Backend:
    """What torch asks of a device's module, mixed precision besides."""

    is_initialized = is_available = staticmethod(lambda: True)
    current_device = staticmethod(lambda: 0)
    _is_in_bad_fork = staticmethod(lambda: False)
    device_count = staticmethod(lambda: 1)
    get_amp_supported_dtype = staticmethod(lambda: [torch.bfloat16])
    manual_seed_all = staticmethod(lambda seed: None)


def _teach_autocast() -> list[torch.library.Library]:
    """Autocast on the device, for as long as what is returned lives."""
    others, known = torch.library.Library('_', 'IMPL'), torch.library.Library('aten', 'IMPL')
    others.fallback(torch.library.fallthrough_kernel, AUTOCAST)
    for names, dtype in ((IN_BFLOAT16, torch.bfloat16), (IN_FLOAT32, torch.float32)):
        for name in names:
            known.impl(name, _computed_in(name, dtype), AUTOCAST)
    return [others, known]


def _computed_in(name: str, dtype: torch.dtype) -> Callable[..., Any]:
    """An operation that casts its floats on the device to a type first, but for float64."""
    packet, _, overload = name.partition('.')
    operation = getattr(getattr(torch.ops.aten, packet), overload or 'default')

    def cast(value: Any) -> Any:
        floats = isinstance(value, Tensor) and value.is_floating_point() and value.dtype != torch.float64
        return value.to(dtype) if floats and value.device.type == NAME else value

    def compute(*args: Any, **kwargs: Any) -> Any:
        keys = torch._C.DispatchKeySet(getattr(torch._C.DispatchKey, AUTOCAST))
        with torch._C._ExcludeDispatchKeyGuard(keys):
            args, kwargs = tree_map(cast, (args, kwargs))
            return operation(*args, **kwargs)

    return compute


def _run_layer(layer: nn.GRU, x: Tensor) -> Tensor:
    """Shapes and parameters of a GRU's layer, since its kernel is not one that can be faked."""
    for parameter in layer.parameters():
        x = x + 0 * parameter.sum()
    width = layer.hidden_size * (2 if layer.bidirectional else 1)
    return x.mean(dim=2, keepdim=True).expand(-1, -1, width)


@contextlib.contextmanager
def _faked_layers() -> Iterator[None]:
    original = recurrence.run_layer
    with contextlib.ExitStack() as stack:
        for module in list(sys.modules.values()):
            if getattr(module, 'run_layer', None) is original:
                stack.enter_context(mock.patch.object(module, 'run_layer', _run_layer))
        yield


def move(model: nn.Module) -> None:
    """Put parameters and buffers on the device, without their numbers; call within the fake mode."""
    moved: dict[int, Tensor] = {}

    def to_device(tensor: Tensor | None) -> Tensor | None:
        if tensor is not None and id(tensor) not in moved:
            there = torch.empty(tensor.shape, dtype=tensor.dtype, device=NAME)
            if isinstance(tensor, nn.Parameter):
                there = nn.Parameter(there, tensor.requires_grad)
            moved[id(tensor)] = there
        return None if tensor is None else moved[id(tensor)]

    for module in model.modules():
        own: tuple[dict[str, Any], ...] = (module._parameters, module._buffers)
        for tensors in own:
            tensors.update({name: to_device(tensor) for name, tensor in tensors.items()})
        if isinstance(module, BaseDataPreprocessor):
            module._device = torch.device(NAME)


def steps(run: str) -> dict[str, Any]:
    """Collect, train twice, test; devices of the outputs, and where the host waits in the second step.

    Args:
        run: CONFIG, or CONFIG+amp for mixed precision.
    """
    config, _, amp = run.partition('+')
    with tempfile.TemporaryDirectory() as folder:
        cfg = small(config, amp=bool(amp))
        runner = build_runner(cfg, Path(folder))
        loader = runner.build_dataloader(runner._train_dataloader, seed=0)
        model, batch = runner.model, next(iter(loader))
        runner._init_model_weights()
        fake = FakeTensorMode(allow_non_fake_inputs=True)
        numbers = NumbersUnknown(fake)
        outputs: list[Any] = []
        with fake, numbers, SameTypes(), _faked_layers():
            move(model)
            optimizer = runner.build_optim_wrapper(cfg.optim_wrapper)
            loop = SimpleNamespace(dataloader=loader)
            CollectHook().before_train(SimpleNamespace(model=model, train_loop=loop))
            model.train().train_step(batch, optimizer)
            numbers.places.clear()  # what is made once and kept may be waited for once
            outputs += model.train_step(batch, optimizer).values()
            if cfg.get('test_evaluator'):
                outputs += model.eval().test_step(batch)[0].values()
    devices = sorted({value.device.type for value in outputs if isinstance(value, Tensor)})
    return {'devices': devices, 'waits': dict(numbers.places)}


def main() -> None:
    _setup_privateuseone_for_python_backend(NAME, backend_module=_Backend())
    logging.disable(logging.WARNING)
    taught = _teach_autocast()  # until the list goes
    print(json.dumps({run: steps(run) for run in sys.argv[1:]}))
    del taught


if __name__ == '__main__':
    main()
