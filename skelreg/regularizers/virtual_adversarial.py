"""Virtual adversarial training (VAT)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from ..functional.consistency import kl_divergence
from ..functional.precision import without_autocast
from ..functional.virtual_adversarial import adversarial_direction
from ..registry import REGULARIZERS
from ..structures import Step, Terms, View
from .base import Sequences, SequenceTerm, mean_or_zero


@REGULARIZERS.register_module()
class VirtualAdversarial(SequenceTerm):
    """The prediction is not to change under the small perturbation of the coordinates that changes it most.

    KL(p(x) || p(x + r)), p(x) taken as constant, where r has length `radius` over the whole sequence and
    the direction of the steepest divergence. All its passes see the same dropout masks, so that the
    divergence at r = 0 is zero and the direction is that of the network, not of chance; batch norm does
    not remember them. Joints of absent bodies and padded frames, all zeros, are not perturbed.

    Args:
        radius: Length of r, in units of the coordinates: metres where data are in metres.
        step: Length at which the direction is looked for, in the same units.
        iterations: Of the power iteration.
        sequences: 'unlabelled' or 'all'.
    """

    needs = frozenset({'extra_views', 'class_logits', 'unlabelled'})

    def __init__(
        self,
        radius: float = 1.0,
        step: float = 0.01,
        iterations: int = 1,
        sequences: Sequences = 'unlabelled',
    ) -> None:
        super().__init__(sequences)
        if radius <= 0 or step <= 0 or iterations < 1:
            raise ValueError(
                f'radius and step must be > 0 and iterations >= 1, got {radius}, {step} and {iterations}'
            )
        self.radius, self.step, self.iterations = radius, step, iterations

    def forward(self, step: Step) -> Terms:
        x = step.views[0].skeleton[self.rows(step)].detach()
        if not len(x):
            return Terms({'divergence': step.class_logits[0].sum() * 0})
        start = torch.randn_like(x) * (x != 0).any(dim=1, keepdim=True)
        predict = _with_same_draws(lambda skeleton: step.of(View('perturbed', skeleton)).class_logits[0], x)
        with torch.no_grad():
            reference = predict(x)
        is_mixed = torch.is_autocast_enabled(x.device.type)
        # A step of a hundredth of a metre over a whole sequence vanishes in bfloat16, and in TF32.
        with without_autocast(x), _whole_float32():
            exact = predict(x).detach() if is_mixed else reference
            direction = adversarial_direction(predict, x, exact, start, self.step, self.iterations)
        divergence = kl_divergence(reference, predict(x + self.radius * direction))
        return Terms({'divergence': mean_or_zero(divergence)})


@contextmanager
def _whole_float32() -> Iterator[None]:
    """Within the block cuDNN keeps all bits of float32, of which TF32 would leave ten behind the point."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def _with_same_draws(run: Callable[[Tensor], Tensor], x: Tensor) -> Callable[[Tensor], Tensor]:
    """``run``, drawing at every call the random numbers of its first call."""
    state = _random_state(x.device)

    def replay(skeleton: Tensor) -> Tensor:
        with _random_state_of(x.device, state):
            return run(skeleton)

    return replay


def _random_state(device: torch.device) -> Tensor:
    return torch.cuda.get_rng_state(device) if device.type == 'cuda' else torch.get_rng_state()


@contextmanager
def _random_state_of(device: torch.device, state: Tensor) -> Iterator[None]:
    """Within the block torch's generator continues from ``state``; afterwards from where it stood before."""
    with torch.random.fork_rng(devices=[device] if device.type == 'cuda' else []):
        if device.type == 'cuda':
            torch.cuda.set_rng_state(state, device)
        else:
            torch.set_rng_state(state)
        yield
