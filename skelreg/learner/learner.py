"""The one model class: it composes components and sums what their terms return."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self, cast

import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor, nn

from ..errors import ConfigError, PluginError
from ..functional.schedules import ramp
from ..graphs import SkeletonLayout, get_layout
from ..provenance import title_of
from ..registry import HEADS, MODELS, NECKS, REGULARIZERS, config_path, current_path
from ..structures import Features, MultiView, Step, Terms, TrainingSet, View
from .alternation import alternating_step
from .fit import check_branches, check_terms
from .initialization import independent_initialization, release_initialization
from .needs import SOURCES
from .passing_statistics import with_passing_statistics
from .stream_encoder import Branch, StreamEncoder, build_part
from .teacher import Teacher


class WeightedTerm(nn.Module):
    """A head or regularizer with its weight in the objective and, optionally, a ramp over epochs.

    Args:
        component: The head or regularizer.
        weight: Factor of all its losses.
        ramp: Epochs over which the weight grows linearly from zero; 0 is full weight at once.
    """

    def __init__(self, component: nn.Module, weight: float = 1.0, ramp: int = 0) -> None:
        super().__init__()
        if not math.isfinite(weight) or ramp < 0:
            raise ValueError(f'weight must be finite and ramp >= 0 epochs, got weight={weight}, ramp={ramp}')
        self.component, self.weight, self.ramp = component, weight, ramp
        self._factor = weight if ramp == 0 else 0.0

    def set_epoch(self, epoch: int) -> None:
        """Follow the ramp; epoch counts from 0."""
        self._factor = self.weight * ramp(epoch, self.ramp)

    @property
    def factor(self) -> float:
        """What the losses are multiplied by in this epoch."""
        return self._factor

    def forward(self, step: Step) -> Terms:
        terms: Terms = self.component(step)
        if not isinstance(terms, Terms):
            raise PluginError(
                f'{title_of(self.component)} returns something else than it should',
                got=type(terms).__name__, accepted='Terms', fix='return Terms({name: loss})',
            )
        return Terms({k: v * self._factor for k, v in terms.losses.items()}, terms.diagnostics)


@MODELS.register_module()
class Learner(StreamEncoder, BaseModel):
    """Composes an encoder, what follows it and what moves after it, under heads and regularizers.

    HiCLR, SkeletonCLR, supervised training and what comes later are this class with other entries.

    Args:
        backbone: Config of the encoder.
        layout: Skeleton layout of the data; handed to every component that takes one.
        in_channels: C of the data.
        neck: Config of the map from pooled features to the space that classifier and regularizers
            share; None leaves them as they are.
        projector: Config of the map to the contrasted space.
        key_encoder: Arguments of `KeyEncoder`, or None.
        queue: Arguments of `FeatureQueue`, or None.
        branches: Further streams, 'bone' or 'motion', that get an encoder of their own (backbone, neck,
            projector, key encoder, queue, built from the same configs), for heads that need 'branches'. The
            learner's own stream is 'joint' then, and all streams are made of the same views.
        classifier: Config of a neck whose output is a logit per class, or None.
        teacher: Arguments of `Teacher`, or None.
        heads: Name -> config; beside the component's own arguments `weight` (default 1) and `ramp`
            (epochs, default 0).
        regularizers: Likewise.
        frozen: Names of parts that are kept in eval mode without gradient.
        initialization: 'torch', or 'release' for the HiCLR release's normal distribution.
        data_preprocessor: Config of the preprocessor.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        layout: str | SkeletonLayout = 'ntu_rgbd',
        in_channels: int = 3,
        neck: dict[str, Any] | None = None,
        projector: dict[str, Any] | None = None,
        key_encoder: dict[str, Any] | None = None,
        queue: dict[str, Any] | None = None,
        branches: Sequence[str] = (),
        classifier: dict[str, Any] | None = None,
        teacher: dict[str, Any] | None = None,
        heads: Mapping[str, dict[str, Any]] | None = None,
        regularizers: Mapping[str, dict[str, Any]] | None = None,
        frozen: tuple[str, ...] = (),
        initialization: Literal['torch', 'release'] = 'torch',
        data_preprocessor: dict[str, Any] | None = None,
    ) -> None:
        layout = get_layout(layout)
        preprocessor = MODELS.build(
            data_preprocessor or {'type': 'SkeletonPreprocessor'}, where='data_preprocessor', layout=layout
        )
        super().__init__(data_preprocessor=preprocessor)
        if initialization not in ('torch', 'release'):
            raise ValueError(f"initialization must be 'torch' or 'release', got {initialization!r}")
        self.layout, self.initialization = layout, initialization
        encoder: dict[str, Any] = {
            'backbone': backbone, 'layout': layout, 'in_channels': in_channels, 'neck': neck,
            'projector': projector, 'key_encoder': key_encoder, 'queue': queue,
        }
        self.build_encoder(**encoder)
        check_branches(self.data_preprocessor.stream, branches)
        self.branches = nn.ModuleDict({stream: Branch(stream, encoder) for stream in branches})
        width = self.embedding_channels
        self.classifier = (
            None if classifier is None else NECKS.build(classifier, where='classifier', in_channels=width)
        )
        if teacher is not None and self.classifier is None:
            raise ConfigError(
                'a teacher predicts classes, and this config has no classifier',
                where=current_path('teacher'), fix='configure model.classifier, or remove model.teacher',
            )
        self.teacher = build_part('teacher', Teacher, teacher, student=self.predictor())
        sizes = {
            'layout': layout, 'in_channels': in_channels, 'feature_channels': self.backbone.out_channels,
            'embedding_channels': width,
        }
        if self.classifier is not None:
            sizes['num_classes'] = self.classifier.out_channels
        if self.projector is not None:
            sizes['projection_channels'] = self.projector.out_channels
        self.heads = _build_terms(HEADS, heads or {}, 'heads', sizes)
        self.regularizers = _build_terms(REGULARIZERS, regularizers or {}, 'regularizers', sizes)
        self.last_keys: Tensor | None = None
        self.last_queries: tuple[Tensor, ...] = ()
        if self.queue is not None and 'keys' not in self.supplies:
            raise ConfigError(
                'a queue holds keys, and this config makes none',
                where=current_path('queue'),
                fix=f'configure {SOURCES["keys"]}, or remove model.queue',
            )
        self.frozen = tuple(frozen)
        self._freeze()
        check_terms(self)

    def predictor(self) -> nn.ModuleDict:
        """Backbone, neck and classifier in the order in which they run."""
        return self._parts('backbone', 'neck', 'classifier')

    def prepare(self, data: TrainingSet) -> None:
        """Tell every regularizer what the training set is, before any weight is loaded.

        Raises:
            ConfigError: If one cannot work with it.
        """
        for term in self.regularizers.values():
            component: Any = term.component
            component.prepare(data)

    def init_weights(self) -> None:
        """Draw the weights, then let key encoder and teacher start as what they follow."""
        if self.initialization == 'release':
            release_initialization(self)
        else:
            keys = [part.key_encoder for part in (self, *self._branches())]
            independent_initialization(
                nn.ModuleList(key for key in keys if key is not None and key.start == 'independent')
            )
        self.after_pretrained()

    def after_pretrained(self) -> None:
        """Copy into key encoder and teacher what they start from; called after loading an encoder too."""
        for part in (self, *self._branches()):
            part.start_key_encoder()
        if self.teacher is not None:
            self.teacher.copy_from(self.predictor())

    def apply(self, fn: Callable[[nn.Module], None]) -> Self:
        """As `nn.Module.apply`, which would call the `apply` of augmentations inside by mistake."""
        for module in reversed(list(self.modules())):
            fn(module)
        return self

    def train(self, mode: bool = True) -> Learner:
        super().train(mode)
        for name in self.frozen:
            part = getattr(self, name)
            if part is not None:
                part.eval()
        return self

    def forward(
        self,
        mode: str = 'loss',
        multi_view: MultiView | None = None,
        pooled: Tensor | None = None,
        labels: Tensor | None = None,
        index: Tensor | None = None,
        lengths: Tensor | None = None,
        bodies: Tensor | None = None,
    ) -> Any:
        """Run one batch.

        Args:
            mode: 'loss' returns {'losses': ..., 'diagnostics': ...}; 'predict' a list with one dict of
                scores (N, classes), labels (N,) and index (N,); 'tensor' the pooled features.
            multi_view: The views to encode.
            pooled: (N, D) features that stand in for the views of a frozen backbone.
            labels: (N,) class indices, -1 where unknown.
            index: (N,) positions in the dataset.
            lengths: (N,) frames that were recorded; the preprocessor has read them, the model does not.
            bodies: (N,) persons that were recorded; in every batch, and read by nothing here.
        """
        step = self.make_step(multi_view, pooled, labels, index)
        if mode == 'loss':
            return self.compute_losses(step)
        if mode == 'predict':
            if self.classifier is None:
                raise ConfigError(
                    'this model has no classifier',
                    where='model.classifier',
                    fix="add classifier=dict(type='LinearClassifier', num_classes=...) or evaluate with kNN",
                )
            by_teacher = self.teacher is not None and self.teacher.predicts
            scores = step.teacher_logits if by_teacher else step.class_logits[0]
            return [{'scores': scores, 'labels': labels, 'index': index}]
        return step.features[0].pooled

    @torch.no_grad()
    def extract(self, multi_view: MultiView) -> Tensor:
        """(N, D) pooled features of the weakest view, in the mode that the modules are in."""
        return self.backbone.encode(multi_view.views[0]).pooled.float()

    def make_step(
        self,
        multi_view: MultiView | None,
        pooled: Tensor | None = None,
        labels: Tensor | None = None,
        index: Tensor | None = None,
    ) -> Step:
        """A step over given views, or over features that were extracted before."""
        if multi_view is None:
            if pooled is None:
                raise ValueError('a batch must hold `multi_view` or `pooled`')
            multi_view, stored = MultiView((View('stored', pooled),)), Features(pooled)
        else:
            stored = None
        return Step(
            multi_view,
            labels=labels,
            encode=self.backbone.encode if stored is None else (lambda _: stored),
            embed=self.neck,
            project=self.projector,
            encode_key=self.key_encoder,
            classify=self.classifier,
            negatives=self.negatives(),
            index=index,
            teach=self.teacher if stored is None else None,
            extra=self._extra_step if stored is None else None,
            branch_steps={branch.stream: branch.make_step(multi_view) for branch in self._branches()},
        )

    def _branches(self) -> list[Branch]:
        return [cast(Branch, branch) for branch in self.branches.values()]

    def _extra_step(self, view: View) -> Step:
        """A step over a view that some term made; batch norm does not remember it."""
        embed, classify = (
            None if part is None else with_passing_statistics(part, part)
            for part in (self.neck, self.classifier)
        )
        return Step(
            MultiView((view,)),
            encode=with_passing_statistics(self.backbone.encode, self.backbone),
            embed=embed,
            classify=classify,
            extra=self._extra_step,
        )

    def compute_losses(self, step: Step) -> dict[str, dict[str, Tensor]]:
        """Move key encoder and teacher, run every term, queue the keys: one iteration, its gradient aside."""
        for part in (self, *self._branches()):
            part.move_key_encoder()
        if self.teacher is not None:
            self.teacher.update(self.predictor())
        losses: dict[str, Tensor] = {}
        diagnostics: dict[str, Tensor] = {}
        for name, term in (*self.heads.items(), *self.regularizers.items()):
            terms = term(step)
            losses.update({f'{name}/{key}': value for key, value in terms.losses.items()})
            diagnostics.update({f'{name}/{key}': value for key, value in terms.diagnostics.items()})
        if self.queue is not None:
            self.queue.enqueue(step.keys)
            self.last_keys = step.keys.detach()
        for branch in self._branches():
            if branch.queue is not None:
                branch.queue.enqueue(step.branches[branch.stream].keys)
        if self.projector is not None:
            self.last_queries = tuple(query.detach() for query in step.queries)
        return {'losses': losses, 'diagnostics': diagnostics}

    def train_step(
        self, data: dict[str, Any], optim_wrapper: OptimWrapper | OptimWrapperDict
    ) -> dict[str, Tensor]:
        """One iteration, by one optimizer or, with an alternating regularizer, by two that take turns."""
        if isinstance(optim_wrapper, OptimWrapperDict):
            return alternating_step(self, data, optim_wrapper)
        logged: dict[str, Tensor] = super().train_step(data, optim_wrapper)
        return logged

    def parse_losses(self, losses: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """The sum of all terms, and what is logged; MMEngine's own sums only keys with 'loss' in them."""
        terms = losses['losses']
        if not terms:
            raise ConfigError(
                'the model has nothing to learn from',
                got='no head and no regularizer',
                where='model.heads',
                fix="add heads=dict(name=dict(type='...'))",
            )
        total = torch.stack([term.mean() for term in terms.values()]).sum()
        logged = {'loss': total, **terms, **losses['diagnostics']}
        return total, {name: value.detach() for name, value in logged.items()}

    @property
    def supplies(self) -> frozenset[str]:
        """Which properties of a `Step` this learner can compute."""
        policy = self.data_preprocessor.policy
        has_keys = self.projector is not None and self.key_encoder is not None and policy is not None
        has_keys = has_keys and policy.has_key
        always = ('features', 'embeddings', 'labels', 'unlabelled', 'positions', 'extra_views')
        there = dict.fromkeys(always, True)
        there['projections'] = there['queries'] = self.projector is not None
        there['view_keys'] = self.projector is not None and self.key_encoder is not None
        there['keys'] = has_keys
        there['similarities'] = has_keys and self.queue is not None
        there['class_logits'] = self.classifier is not None
        there['teacher_logits'] = self.teacher is not None
        there['branches'] = len(self.branches) > 0
        return frozenset(name for name, is_there in there.items() if is_there)

    def _freeze(self) -> None:
        for name in self.frozen:
            if not hasattr(self, name):
                raise ValueError(
                    f"frozen names '{name}', which the learner does not have; accepted: backbone, neck, "
                    'projector, classifier'
                )
            part = getattr(self, name)
            if part is not None:
                part.requires_grad_(False).eval()


def _build_terms(
    registry: Any, cfgs: Mapping[str, Any], where: str, sizes: Mapping[str, Any]
) -> nn.ModuleDict:
    """Build every named term, taking `weight` and `ramp` off its config.

    Args:
        registry: Of heads or of regularizers.
        cfgs: Name -> config.
        where: 'heads' or 'regularizers'.
        sizes: What the learner knows; a term gets what its constructor has arguments for.
    """
    terms = nn.ModuleDict()
    for name, cfg in cfgs.items():
        if cfg is None:  # a leaf config takes an inherited term away by setting it to None
            continue
        arguments = dict(cfg) if isinstance(cfg, Mapping) else cfg
        options = {key: arguments.pop(key) for key in ('weight', 'ramp') if key in arguments}
        with config_path(where):
            component = registry.build(arguments, where=name, **sizes)
            try:
                terms[name] = WeightedTerm(component, **options)
            except (KeyError, TypeError, ValueError) as error:  # KeyError: a name that no module can have
                raise ConfigError(str(error.args[0]), where=current_path(name)) from error
    return terms
