"""Two optimizers that take turns: an adversary's own, and that of all the rest."""

from __future__ import annotations

import copy
from typing import Any

import torch
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapperDict
from torch import Tensor, nn

from ..errors import ConfigError
from ..registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS, OPTIMIZERS
from ..regularizers.base import Adversary

ENCODER, OPPONENT = 'encoder', 'opponent'


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class AlternatingConstructor(DefaultOptimWrapperConstructor):
    """Builds two optimizers of one config: for the opponents of alternating regularizers, and for the rest.

    Args:
        optim_wrapper_cfg: As for MMEngine's constructor.
        paramwise_cfg: Likewise; the opponent's learning rate or betas are a line of its `custom_keys`.
    """

    def __call__(self, model: nn.Module) -> OptimWrapperDict:
        opponents = {id(p) for term in alternating(model).values() for p in term.opponent.parameters()}
        if not opponents:
            raise ConfigError(
                'nothing alternates', where='optim_wrapper.constructor',
                fix="remove the constructor, or set mode='alternating' in an adversarial regularizer",
            )
        groups: list[dict[str, Any]] = []
        self.add_params(groups, model)
        own = [group for group in groups if id(group['params'][0]) in opponents]
        rest = [group for group in groups if id(group['params'][0]) not in opponents]
        return OptimWrapperDict(**{ENCODER: self._wrapper(rest), OPPONENT: self._wrapper(own)})

    def _wrapper(self, groups: list[dict[str, Any]]) -> Any:
        optimizer = OPTIMIZERS.build({**self.optimizer_cfg, 'params': groups})
        # Each wrapper takes its own copy: MMEngine empties the settings of clip_grad as it reads them.
        cfg = {'type': 'OptimWrapper', **copy.deepcopy(self.optim_wrapper_cfg), 'optimizer': optimizer}
        return OPTIM_WRAPPERS.build(cfg)


def alternating(model: Any) -> dict[str, Adversary]:
    """Name -> regularizer whose opponent takes steps of its own."""
    terms = {name: term.component for name, term in model.regularizers.items()}
    return {name: term for name, term in terms.items() if isinstance(term, Adversary) and term.alternates}


def alternating_step(learner: Any, data: Any, optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
    """One iteration: the opponents' step, then the encoder's against the new opponents.

    The batch is encoded once; the losses of the opponents are not weighted.
    """
    encoder, opponent = optim_wrapper[ENCODER], optim_wrapper[OPPONENT]
    with encoder.optim_context(learner):
        batch = learner.data_preprocessor(data, True)
        step = learner.make_step(*(batch.get(key) for key in ('multi_view', 'pooled', 'labels', 'index')))
        opposing = {
            f'{name}/{key}': loss
            for name, term in alternating(learner).items()
            for key, loss in term.discriminate(step).items()
        }
    opponent.update_params(torch.stack(list(opposing.values())).sum())
    with encoder.optim_context(learner):
        output = learner.compute_losses(step)
    total, logged = learner.parse_losses(output)
    encoder.update_params(total)
    return {**logged, **{name: loss.detach() for name, loss in opposing.items()}}
