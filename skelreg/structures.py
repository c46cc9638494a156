"""The small dataclasses that travel from the preprocessor through the learner to its terms.

Axes are always in the order N batch, C channels (x, y, z), T frames, V joints, M persons.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar('T')

#: Graphs (B, K, V, V), adjacencies or attention maps, to perturbed ones; every call draws anew, for each of
#: the B graphs. `STGCN` hands in one a sequence, for all its bodies; `Transformer` one a body, B = N * M, and
#: with temporal attention maps between frames (B, K, T, T), too.
EdgePerturbation = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class View:
    """One augmented rendering of a batch.

    Attributes:
        name: What made it, for logs and pictures: 'key', 'stage_0', 'stage_1', ...
        skeleton: (N, C, T, V, M), already in the stream (joint, bone or motion) to be encoded.
        edges: What perturbs the backbone's graph in every block while this view is encoded, or None.
        sources: (N, N), row i the share of every sequence of the batch in sequence i of this view, so that
            labels can be mixed as the skeletons were; None where each is made of itself alone.
    """

    name: str
    skeleton: Tensor
    edges: EdgePerturbation | None = None
    sources: Tensor | None = None


@dataclass(frozen=True)
class MultiView:
    """The views of one batch: ``views`` ordered weak to strong, and the key encoder's own view."""

    views: tuple[View, ...]
    key: View | None = None


@dataclass(frozen=True)
class Features:
    """What a backbone returns.

    Attributes:
        pooled: (N, D), one vector per sequence.
        map: (N, D, T', V', M), or None where the backbone keeps no map.
    """

    pooled: Tensor
    map: Tensor | None = None


@dataclass(frozen=True)
class Terms:
    """What a head or regularizer returns for one step.

    Attributes:
        losses: Scalar tensors that are summed into the objective.
        diagnostics: Scalars that are only logged.
    """

    losses: Mapping[str, Tensor]
    diagnostics: Mapping[str, Tensor] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class TrainingSet:
    """What regularizers are told of the training set before training starts.

    Attributes:
        labels: (S,) class of every sequence, -1 where unknown.
        fingerprint: Changes with anything that can change the tensors or the labels.
        sources: (S,) which of several joined sets a sequence is from, counted from 0; None for one set.
    """

    labels: Tensor
    fingerprint: str
    sources: Tensor | None = None

    @property
    def unlabelled(self) -> Tensor:
        """(S,) booleans, true where the class is not known."""
        return self.labels < 0


@dataclass(frozen=True)
class Step:
    """All that one iteration computes, each piece once and only when a term reads it.

    A term reads the properties and never calls the modules behind them, so that two terms which
    both need the queries cost one forward pass. What only one term needs, the prediction of a view
    of its own making, comes from `of`, and the class of a vector of its own making from `classified`.

    Args:
        multi_view: The views of this batch.
        labels: (N,) class indices, -1 where unknown; None for a batch without labels.
        encode: View -> Features of the query encoder.
        embed: (N, D) pooled features -> (N, D') the space shared by classifier and regularizers.
        project: (N, D') -> (N, d) before normalisation.
        encode_key: View -> (N, d) projection by the key encoder, without gradient.
        classify: (N, D') -> (N, classes) logits.
        negatives: (K, d) the queue's rows, of unit length, as they stood before this step.
        index: (N,) positions in the training set.
        teach: View -> (N, classes) logits of the teacher, without gradient.
        extra: View -> a step over that one view, which leaves batch norm's running statistics alone.
        branch_steps: Stream -> a step over the same views in that stream, by an encoder of its own.
    """

    multi_view: MultiView
    labels: Tensor | None = None
    encode: Callable[[View], Features] | None = None
    embed: Callable[[Tensor], Tensor] | None = None
    project: Callable[[Tensor], Tensor] | None = None
    encode_key: Callable[[View], Tensor] | None = None
    classify: Callable[[Tensor], Tensor] | None = None
    negatives: Tensor | None = None
    index: Tensor | None = None
    teach: Callable[[View], Tensor] | None = None
    extra: Callable[[View], Step] | None = None
    branch_steps: Mapping[str, Step] | None = None

    @property
    def views(self) -> tuple[View, ...]:
        """The ordered views, weak to strong."""
        return self.multi_view.views

    @cached_property
    def features(self) -> tuple[Features, ...]:
        """Features of every ordered view, encoded one after the other (batch norm sees each alone)."""
        encode = _supplied(self.encode, 'features')
        return tuple(encode(view) for view in self.views)

    @cached_property
    def embeddings(self) -> tuple[Tensor, ...]:
        """(N, D') of every ordered view, behind the neck."""
        pooled = [features.pooled.float() for features in self.features]
        return tuple(pooled if self.embed is None else map(self.embed, pooled))

    @cached_property
    def projections(self) -> tuple[Tensor, ...]:
        """(N, d) of every ordered view, as the projector leaves them."""
        project = _supplied(self.project, 'projections')
        return tuple(project(z).float() for z in self.embeddings)

    @cached_property
    def queries(self) -> tuple[Tensor, ...]:
        """(N, d) of every ordered view: projected and scaled to unit length."""
        return tuple(map(_unit, self.projections))

    @cached_property
    def keys(self) -> Tensor:
        """(N, d) unit vectors of the key view from the key encoder, without gradient."""
        encode_key = _supplied(self.encode_key, 'keys')
        key_view = _supplied(self.multi_view.key, 'keys')
        with torch.no_grad():
            return _unit(encode_key(key_view))

    @cached_property
    def view_keys(self) -> tuple[Tensor, ...]:
        """(N, d) unit vectors of every ordered view from the key encoder, without gradient."""
        encode_key = _supplied(self.encode_key, 'view_keys')
        with torch.no_grad():
            return tuple(_unit(encode_key(view)) for view in self.views)

    @cached_property
    def similarities(self) -> tuple[Tensor, ...]:
        """(N, 1 + K) cosines of every view's queries with [own key, queue], not divided by anything."""
        return tuple(map(self._compared, self.queries))

    @cached_property
    def class_logits(self) -> tuple[Tensor, ...]:
        """(N, classes) of every ordered view."""
        classify = _supplied(self.classify, 'class_logits')
        return tuple(classify(z) for z in self.embeddings)

    @cached_property
    def teacher_logits(self) -> Tensor:
        """(N, classes) of the weakest view from the teacher, without gradient."""
        with torch.no_grad():
            return _supplied(self.teach, 'teacher_logits')(self.views[0])

    @cached_property
    def labelled(self) -> Tensor:
        """(N,) booleans, true where the class is known."""
        return _supplied(self.labels, 'labels') >= 0

    @cached_property
    def unlabelled(self) -> Tensor:
        """(N,) booleans, true where the class is not known."""
        return _supplied(self.labels, 'unlabelled') < 0

    @property
    def branches(self) -> Mapping[str, Step]:
        """Stream -> step of every further stream; this step's own stream is joint."""
        return _supplied(self.branch_steps, 'branches')

    @property
    def positions(self) -> Tensor:
        """(N,) positions in the training set."""
        return _supplied(self.index, 'positions')

    def classified(self, embeddings: Tensor) -> Tensor:
        """(n, classes) logits of vectors (n, D') of the shared space; needs 'class_logits'."""
        return _supplied(self.classify, 'class_logits')(embeddings)

    def compared(self, pooled: Tensor) -> Tensor:
        """(N, 1 + K) cosines of [own key, queue] with features (N, D) that a term made of this batch's.

        Behind neck and projector, like the rows of `similarities`; needs 'similarities'.
        """
        project = _supplied(self.project, 'similarities')
        pooled = pooled.float()
        return self._compared(_unit(project(pooled if self.embed is None else self.embed(pooled))))

    def _compared(self, queries: Tensor) -> Tensor:
        """(N, 1 + K) cosines of queries (N, d) with [own key, queue]."""
        negatives, keys = _supplied(self.negatives, 'similarities'), self.keys
        # Divided by a temperature of 0.07, a cosine in bf16 would be off by up to 0.06.
        with torch.autocast(keys.device.type, enabled=False):
            return torch.cat([(queries * keys).sum(dim=1, keepdim=True), queries @ negatives.T], dim=1)

    def of(self, view: View) -> Step:
        """A step over one more view, of these or of fewer sequences; needs 'extra_views'.

        It supplies features, embeddings and class logits. Batch norm normalises the view by its own
        statistics, as always in training, but does not remember them: it is none that the encoder
        meets in a test.
        """
        return _supplied(self.extra, 'extra_views')(view)


def _unit(x: Tensor) -> Tensor:
    return torch.nn.functional.normalize(x.float(), dim=1)


def _supplied(value: T | None, name: str) -> T:
    """``value``, or a plain sentence for whoever built a Step without what a term reads."""
    if value is None:
        raise ValueError(
            f"this step supplies no '{name}'; a term that reads it must name it in `needs`, "
            'so that build_runner can refuse the config'
        )
    return value
