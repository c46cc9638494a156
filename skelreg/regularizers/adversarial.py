"""Adversarial alignment of two domains."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ..errors import ConfigError
from ..functional.adversarial import domain_loss, reverse_gradient
from ..registry import REGULARIZERS
from ..structures import Step, Terms, TrainingSet
from .base import Adversary

Mode = Literal['simultaneous', 'reversal', 'alternating']
_NEEDS: dict[str, frozenset[str]] = {
    'labelled': frozenset({'labels', 'unlabelled'}), 'unlabelled': frozenset({'labels', 'unlabelled'}),
    'view': frozenset(), 'dataset': frozenset({'positions'}),
}
_MODES = ('simultaneous', 'reversal', 'alternating')


@REGULARIZERS.register_module()
class AdversarialAlignment(Adversary):
    """A discriminator learns to tell two domains apart by their features, the encoder to prevent it.

    In mode 'simultaneous' the discriminator's loss sees features without their graph and the encoder's
    loss a discriminator with constant weights, so that one backward pass and one optimizer serve both;
    no gradient crosses. The encoder's loss is the discriminator's with the domains exchanged (the
    non-saturating form). The discriminator's own learning rate or betas are a line of the config:
    `optim_wrapper.paramwise_cfg=dict(custom_keys={'discriminator': dict(betas=(0.5, 0.999))})`. The
    term's weight scales both losses, which Adam's step for the discriminator does not depend on.

    Mode 'reversal' has one loss whose gradient is turned round between discriminator and encoder, the
    plain minimax game. Mode 'alternating' is the paper's: with
    `optim_wrapper.constructor='AlternatingConstructor'` the discriminator takes its step
    first, by an optimizer of its own, and the encoder's loss sees the new weights.

    Args:
        domains: The two domains: 'labelled' and 'unlabelled'; 'view_0', 'view_1', ... for the ordered views,
            weak to strong; 'dataset_0', 'dataset_1', ... for the parts of a `JoinedDataset`.
        mode: See above.
        encoder_moves: 'both' wants both domains mistaken; 'second' only the second for the first.
        hidden_channels: Widths of the discriminator's hidden layers.
        feature_channels: D of the pooled features; the learner supplies it.
    """

    def __init__(
        self,
        feature_channels: int,
        domains: tuple[str, str] = ('labelled', 'unlabelled'),
        mode: Mode = 'simultaneous',
        encoder_moves: Literal['both', 'second'] = 'both',
        hidden_channels: tuple[int, ...] = (512, 256, 128),
    ) -> None:
        super().__init__()
        if mode not in _MODES:
            raise ValueError(f'mode must be one of {", ".join(_MODES)}, got {mode!r}')
        if encoder_moves not in ('both', 'second'):
            raise ValueError(f"encoder_moves must be 'both' or 'second', got {encoder_moves!r}")
        if encoder_moves == 'second' and mode == 'reversal':
            raise ValueError("encoder_moves='second' has no meaning with mode='reversal', which has one loss")
        if len(domains) != 2 or domains[0] == domains[1]:
            raise ValueError(f'domains must be two different names, got {domains}')
        self.domains, self.mode, self.encoder_moves = tuple(domains), mode, encoder_moves
        self.alternates = mode == 'alternating'
        kinds = [_kind(name) for name in domains]
        self.min_views = 1 + max((number for kind, number in kinds if kind == 'view'), default=0)
        self.needs = frozenset({'features'}).union(*(_NEEDS[kind] for kind, _ in kinds))
        self.sources: Tensor | None
        self.register_buffer('sources', None, persistent=False)
        widths = (feature_channels, *hidden_channels)
        layers: list[nn.Module] = []
        for width, following in pairwise(widths):
            layers += [nn.Linear(width, following), nn.LeakyReLU(0.2)]
        self.discriminator = nn.Sequential(*layers, nn.Linear(widths[-1], 1))

    def prepare(self, data: TrainingSet) -> None:
        """Refuse a training set that lacks one of the domains.

        Raises:
            ConfigError: If no sequence is labelled, or none unlabelled, where that is a domain.
        """
        self.sources = data.sources
        parts = 1 if data.sources is None else int(data.sources.max()) + 1
        there = {'labelled': bool((~data.unlabelled).any()), 'unlabelled': bool(data.unlabelled.any())}
        for name in self.domains:
            kind, number = _kind(name)
            if not there.get(name, True):
                raise ConfigError(
                    f"the domain '{name}' has no sequence", where='AdversarialAlignment.domains',
                    got=f'{len(data.labels)} training sequences, none of them {name}',
                    fix="set train_dataloader.dataset.label_budget and unlabelled='keep', or other domains",
                )
            if kind == 'dataset' and number >= parts:
                raise ConfigError(
                    f"the domain '{name}' has no sequence", where='AdversarialAlignment.domains',
                    got=f'{parts} joined set(s)', accepted=f'dataset_0 to dataset_{parts - 1}',
                    fix="set train_dataloader.dataset=dict(type='JoinedDataset', datasets=[...])",
                )

    def forward(self, step: Step) -> Terms:
        first, second = self._features(step)
        if self.mode == 'reversal':
            logits = [self._logits(reverse_gradient(domain)) for domain in (first, second)]
            return Terms({'domain': domain_loss(*logits)}, {'accuracy': _accuracy(*logits)})
        weights = {name: value.detach() for name, value in self.discriminator.named_parameters()}
        seen = [
            functional_call(self.discriminator, weights, (domain,)).squeeze(1) for domain in (first, second)
        ]
        anchored = seen[0] if self.encoder_moves == 'both' else seen[0][:0]
        losses = {'encoder': domain_loss(seen[1], anchored)}
        if self.mode == 'simultaneous':
            losses |= self.discriminate(step)
        return Terms(losses, {'accuracy': _accuracy(*seen)})

    @property
    def opponent(self) -> nn.Module:
        """The discriminator."""
        return self.discriminator

    def discriminate(self, step: Step) -> dict[str, Tensor]:
        """The discriminator's loss on features without their graph, under the name 'discriminator'."""
        logits = [self._logits(domain.detach()) for domain in self._features(step)]
        return {'discriminator': domain_loss(*logits)}

    def _logits(self, features: Tensor) -> Tensor:
        logits: Tensor = self.discriminator(features)
        return logits.squeeze(1)

    def _features(self, step: Step) -> tuple[Tensor, Tensor]:
        first, second = (self._domain(step, name) for name in self.domains)
        return first, second

    def _domain(self, step: Step, name: str) -> Tensor:
        """(n, D) pooled features of one domain."""
        kind, number = _kind(name)
        if kind == 'view':
            return step.features[number].pooled
        if kind == 'dataset':
            if self.sources is None:
                raise ValueError(f"the domain '{name}' is known only after prepare() with joined sets")
            rows = self.sources[step.positions] == number
        else:
            rows = step.labelled if name == 'labelled' else step.unlabelled
        return step.features[0].pooled[rows]


def _kind(name: str) -> tuple[str, int]:
    """('view', 1) for 'view_1', ('dataset', 0) for 'dataset_0', (name, -1) for the others.

    Raises:
        ValueError: If there is no such domain.
    """
    if name in ('labelled', 'unlabelled'):
        return name, -1
    found = re.fullmatch(r'(view|dataset)_(\d+)', name)
    if found is None:
        raise ValueError(
            "a domain is 'labelled', 'unlabelled', 'view_0', 'view_1', ... or 'dataset_0', 'dataset_1', ..., "
            f'got {name!r}'
        )
    return found[1], int(found[2])


def _accuracy(first: Tensor, second: Tensor) -> Tensor:
    """Share of sequences that the discriminator puts into their own domain."""
    right = torch.cat([first.detach() > 0, second.detach() <= 0])
    return right.float().sum() / max(len(right), 1)
