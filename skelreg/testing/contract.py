"""What all checks share: the error that names a clause, and clauses that hold for every module."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import torch
from torch import Tensor, nn

from ..errors import SkelregError
from ..registry import ComponentRegistry

T = TypeVar('T')


class ContractError(AssertionError):
    """A component breaks a clause of its contract.

    Args:
        component: Name of its class.
        clause: The clause in a word or two: 'shape', 'eval is deterministic', ...
        detail: What was found.
    """

    def __init__(self, component: str, clause: str, detail: str) -> None:
        self.component, self.clause, self.detail = component, clause, detail
        super().__init__(f"{component} breaks the clause '{clause}': {detail}")


class Contract:
    """Raises a `ContractError` for one component.

    Args:
        component: Name of its class.
    """

    def __init__(self, component: str) -> None:
        self.component = component

    def broken(self, clause: str, detail: str) -> NoReturn:
        """Name a broken clause."""
        raise ContractError(self.component, clause, detail)

    def require(self, kept: bool, clause: str, detail: str) -> None:
        """Name the clause unless it is kept."""
        if not kept:
            self.broken(clause, detail)

    def same(self, first: Tensor, second: Tensor, clause: str, detail: str, exact: bool = True) -> None:
        """Two results must agree, to the bit or (where the order of additions may differ) closely."""
        tolerance = 0.0 if exact else 1e-4
        is_same = first.shape == second.shape and first.dtype == second.dtype
        is_same = is_same and torch.allclose(first, second, rtol=tolerance, atol=tolerance, equal_nan=True)
        self.require(is_same, clause, detail)

    def finite(self, x: Tensor, detail: str) -> None:
        """Clause 'finite'."""
        self.require(bool(torch.isfinite(x).all()), 'finite', detail)

    @contextmanager
    def runs(self, what: str) -> Iterator[None]:
        """Clause 'runs': a valid input raises nothing."""
        try:
            yield
        except ContractError:
            raise
        except Exception as error:
            raise ContractError(self.component, 'runs', f'{what} raises {_said(error)}') from error

    @contextmanager
    def unchanged(
        self, tensors: Mapping[str, Tensor], clause: str = 'input is not modified'
    ) -> Iterator[None]:
        """Clause 'input is not modified'."""
        before = {name: tensor.detach().clone() for name, tensor in tensors.items()}
        yield
        for name, tensor in tensors.items():
            is_kept = torch.equal(before[name], tensor.detach())
            self.require(is_kept, clause, f'{name} has other values afterwards')

    def gradients(self, leaves: Iterable[tuple[str, Tensor]], clause: str) -> None:
        """Every leaf must have a finite gradient after a backward pass."""
        for name, leaf in leaves:
            if leaf.requires_grad:
                if leaf.grad is None:
                    self.broken(clause, f'{name} gets none')
                is_finite = bool(torch.isfinite(leaf.grad).all())
                self.require(is_finite, clause, f'that of {name} is not finite')

    def device(self, run: Callable[[torch.device], Iterable[Tensor]]) -> None:
        """Clause 'device': nothing is made on, or moved to, a device of the component's own choice.

        Runs on torch's meta device, which has shapes but no values, so that no accelerator is needed; what
        cannot run there because it looks at values is let pass.
        """
        meta = torch.device('meta')
        try:
            results = list(run(meta))
        except NotImplementedError:
            return
        except RuntimeError as error:
            if 'same device' in str(error) or 'is not on the expected device' in str(error):
                self.broken('device', f'it mixes the input with tensors on another device: {error}')
            return
        for device in (result.device for result in results):
            self.require(device == meta, 'device', f'the result is on {device}, the input is not')


def build(registry: ComponentRegistry, cfg: Mapping[str, Any], **context: Any) -> Any:
    """Build a component as the Learner does.

    Raises:
        ContractError: Clause 'builds'.
    """
    try:
        return registry.build(dict(cfg), where=registry.name, **context)
    except SkelregError as error:
        kind = cfg.get('type')
        name = kind if isinstance(kind, str) else getattr(kind, '__name__', repr(kind))
        raise ContractError(name, 'builds', str(error)) from error


def check_saving(
    contract: Contract, module: nn.Module, again: nn.Module, result: Callable[[nn.Module], Tensor]
) -> None:
    """Clause 'save and load': a second instance with the saved weights gives the same result.

    Args:
        contract: Of the component.
        module: Has been run in train mode, so that its statistics are not those of the beginning.
        again: Built from the same config.
        result: Runs a module in eval mode.
    """
    clause, file = 'save and load', io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    try:
        again.load_state_dict(torch.load(file, weights_only=True))
    except Exception as error:
        detail = f'loading its state dict raises {_said(error)}'
        raise ContractError(contract.component, clause, detail) from error
    detail = 'another instance gives another result with its state dict; keep state in parameters and buffers'
    contract.same(result(module.eval()), result(again.eval()), clause, detail)


def seeded(run: Callable[[], T], seed: int = 0) -> T:
    """Run with a fixed state of torch's global generator, which is put back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return run()


def _said(error: Exception) -> str:
    return f'{type(error).__name__}: {error}'
