"""ASSL's neighbourhood consistency."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..functional.consistency import kl_divergence
from ..functional.neighborhood import local_center, nearest_others
from ..registry import REGULARIZERS
from ..structures import Step, Terms, TrainingSet
from .bank import SequenceBank
from .base import Regularizer, mean_or_zero


@REGULARIZERS.register_module()
class NeighborhoodConsistency(Regularizer):
    """An unlabelled sequence is to be classified as the centre of its nearest neighbours is (ASSL).

    The neighbours are looked for among all unlabelled sequences, in a bank of their embeddings: filled
    by one pass before training, a row overwritten whenever its sequence is visited. A small MLP of the
    elementwise distances |z - z_k| weighs them, c = sum_k softmax_k(MLP(|z - z_k|)) z_k, and the loss is
    KL(classifier(c) || classifier(z)). Its gradient reaches the classifier on both sides, the encoder
    through z, and the MLP through c; the neighbours are constants.

    Args:
        num_neighbors: K.
        hidden_channels: Widths of the MLP's hidden layers.
        embedding_channels: D' of the embeddings; the learner supplies it.
    """

    needs = frozenset({'embeddings', 'class_logits', 'unlabelled', 'positions'})

    def __init__(
        self,
        embedding_channels: int,
        num_neighbors: int = 8,
        hidden_channels: tuple[int, int] = (256, 128),
    ) -> None:
        super().__init__()
        if num_neighbors < 1 or min(hidden_channels) < 1:
            raise ValueError(
                f'num_neighbors and hidden_channels must be >= 1, got {num_neighbors} and {hidden_channels}'
            )
        self.num_neighbors = num_neighbors
        first, second = hidden_channels
        self.mlp = nn.Sequential(
            nn.Linear(embedding_channels, first), nn.ReLU(), nn.Linear(first, second), nn.ReLU(),
            nn.Linear(second, 1),
        )
        self.bank = SequenceBank(embedding_channels)
        self.register_buffer('pool', torch.zeros(0, dtype=torch.bool), persistent=False)

    pool: Tensor

    def prepare(self, data: TrainingSet) -> None:
        """Size the bank.

        Raises:
            ConfigError: If there are not more than K unlabelled sequences.
        """
        pool = int(data.unlabelled.sum())
        if self.num_neighbors >= pool:
            raise ConfigError(
                'more neighbours are asked for than there are other unlabelled sequences',
                got=f'num_neighbors={self.num_neighbors}, {pool} unlabelled sequences',
                accepted=f'num_neighbors <= {pool - 1}' if pool > 1 else 'unlabelled sequences',
                where='NeighborhoodConsistency',
                fix='lower num_neighbors, or take more unlabelled sequences',
            )
        self.bank.resize(data)
        self.pool = data.unlabelled.to(self.pool.device)

    @property
    def collects(self) -> bool:
        """Until every unlabelled sequence has its row."""
        return not bool(self.bank.written[self.pool].all())

    def collect(self, step: Step) -> None:
        """Write the rows of the unlabelled sequences of a step."""
        rows = step.unlabelled
        self.bank.write(step.positions[rows], step.embeddings[0][rows])

    def forward(self, step: Step) -> Terms:
        rows = step.unlabelled
        embeddings, own = step.embeddings[0][rows], step.positions[rows]
        found = nearest_others(embeddings.detach(), self.bank.values, self.num_neighbors, own, self.pool)
        neighbors = self.bank.values[found]  # (n, K, D')
        scores = self.mlp((embeddings[:, None] - neighbors).abs()).squeeze(2)
        center, weights = local_center(neighbors, scores)
        divergence = kl_divergence(step.classified(center), step.class_logits[0][rows])
        if self.training:
            self.bank.write(own, embeddings)
        return Terms({'divergence': mean_or_zero(divergence)}, {'largest_weight': _largest(weights)})


def _largest(weights: Tensor) -> Tensor:
    """The largest weight of a sequence's neighbours, on average: 1 / K is even, 1 is one neighbour alone."""
    return mean_or_zero(weights.detach().amax(dim=1))
