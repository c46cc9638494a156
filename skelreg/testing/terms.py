"""The contracts of heads and regularizers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ..learner.needs import SOURCES
from ..registry import HEADS, REGULARIZERS, ComponentRegistry
from ..regularizers.base import Regularizer
from ..structures import Features, MultiView, Step, Terms, TrainingSet, View
from .contract import Contract, ContractError, build, check_saving, seeded

BATCH, CHANNELS, PROJECTED, QUEUE, CLASSES, SEQUENCES = 6, 8, 5, 12, 4, 36
BRANCHES = ('motion', 'bone')
#: What the learner would hand down to a term that takes it.
_SIZES = {
    'layout': 'ntu_rgbd', 'in_channels': 3, 'feature_channels': CHANNELS, 'embedding_channels': CHANNELS,
    'num_classes': CLASSES, 'projection_channels': PROJECTED,
}
#: What a step must hold for each need; 'similarities' needs all of queries, keys and queue.
_PARTS = {
    'features': ('encode',),
    'embeddings': ('encode',),
    'projections': ('encode', 'project'),
    'queries': ('encode', 'project'),
    'keys': ('encode_key',),
    'view_keys': ('encode_key',),
    'similarities': ('encode', 'project', 'encode_key', 'negatives'),
    'class_logits': ('encode', 'classify'),
    'labels': ('labels',),
    'teacher_logits': ('teach',),
    'extra_views': ('encode', 'extra'),
    'unlabelled': ('labels', 'some_unlabelled'),
    'positions': ('index',),
    'branches': ('branch_steps',),
}


def check_head(cfg: Mapping[str, Any], **context: Any) -> None:
    """Check what a learner relies on in a head.

    Args:
        cfg: Its config; `type` may be a name or a class.
        context: What the learner hands down in place of `layout='ntu_rgbd'` and the sizes of the example.

    Raises:
        ContractError: With the first broken clause: builds, needs, min_views, runs, output, shape,
            finite, device, input is not modified, gradient, deterministic, unknown labels, save and load.
    """
    _check_term(HEADS, cfg, context)


def check_regularizer(cfg: Mapping[str, Any], **context: Any) -> None:
    """Check what a learner relies on in a regularizer; the clauses are those of `check_head`."""
    _check_term(REGULARIZERS, cfg, context)


def example_step(
    needs: frozenset[str] = frozenset(SOURCES), num_views: int = 2, device: torch.device | str = 'cpu'
) -> Step:
    """A step of noise that supplies what is needed and nothing else.

    Pooled features (`step.features[i].pooled`) are leaves that require gradient.

    Args:
        needs: Properties of `Step`.
        num_views: How many ordered views it has.
        device: Where its tensors live.
    """
    return _noise_step(needs, num_views, device, seed=3)


def _noise_step(needs: frozenset[str], num_views: int, device: torch.device | str, seed: int) -> Step:
    generator = torch.Generator().manual_seed(seed)

    def noise(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(device)

    wanted = {part for need in needs for part in _PARTS.get(need, ())}
    views = tuple(View(f'stage_{i}', noise(BATCH, 3, 4, 25, 2)) for i in range(num_views))
    features = {
        view.name: Features(
            noise(BATCH, CHANNELS).requires_grad_(), noise(BATCH, CHANNELS, 2, 5, 2).requires_grad_()
        )
        for view in views
    }
    keys = torch.nn.functional.normalize(noise(BATCH, PROJECTED), dim=1)
    labels = torch.arange(BATCH).remainder(CLASSES)
    if 'some_unlabelled' in wanted:
        labels = torch.where(torch.arange(BATCH) < BATCH // 2, labels, -1)
    classify = seeded(lambda: nn.Linear(CHANNELS, CLASSES)).to(device)
    pixels = seeded(lambda: nn.Linear(3, CHANNELS)).to(device)
    taught = noise(BATCH, CLASSES)
    anchor = features['stage_0'].pooled

    def extra(view: View) -> Step:
        """Encodes any view; gradient reaches the first view's features, as through shared weights."""
        cells = pixels(view.skeleton[:, :, ::2].movedim(1, -1)) + anchor.mean(dim=0)  # (n, T', V, M, D)
        found = Features(cells.mean(dim=(1, 2, 3)), map=cells.movedim(-1, 1))
        return Step(MultiView((view,)), encode=lambda _: found, classify=classify, extra=extra)

    parts: dict[str, Any] = {
        'encode': lambda view: features[view.name],
        'project': seeded(lambda: nn.Linear(CHANNELS, PROJECTED)).to(device),
        'encode_key': lambda _: keys,
        'classify': classify,
        'negatives': torch.nn.functional.normalize(noise(QUEUE, PROJECTED), dim=1),
        'labels': labels.to(device),
        'teach': lambda _: taught,
        'extra': extra,
        'index': torch.arange(BATCH, device=device) * 5,
    }
    if 'branch_steps' in wanted:
        own = needs - {'branches'}
        parts['branch_steps'] = {
            stream: _noise_step(own, num_views, device, seed + i) for i, stream in enumerate(BRANCHES, 1)
        }
    key = View('key', noise(BATCH, 3, 4, 25, 2)) if 'encode_key' in wanted else None
    return Step(MultiView(views, key), **{name: part for name, part in parts.items() if name in wanted})


def _check_term(registry: ComponentRegistry, cfg: Mapping[str, Any], context: Mapping[str, Any]) -> None:
    def make() -> Any:
        term = seeded(lambda: build(registry, cfg, **{**_SIZES, **context}))
        return _prepared(term) if isinstance(term, Regularizer) else term

    term = make()
    contract = Contract(type(term).__name__)
    unknown = sorted(set(term.needs) - set(SOURCES))
    known = ', '.join(SOURCES)
    contract.require(not unknown, 'needs', f'{unknown} is nothing that a step supplies; known: {known}')
    contract.require(term.min_views >= 1, 'min_views', f'must be at least 1, is {term.min_views}')
    for num_views in (term.min_views, term.min_views + 1):
        step = example_step(term.needs, num_views)
        with contract.unchanged(_inputs(step)):
            terms = _run(contract, term, step)
        _check_terms(contract, terms)
    _check_gradient(contract, make())
    contract.device(lambda device: _on_device(make(), device))
    first, second = (seeded(lambda: _total(_run(contract, term.eval(), _step(term)))) for _ in range(2))
    contract.same(first, second, 'deterministic', 'two runs from one seed differ')
    if 'labels' in term.needs:
        _check_unknown_labels(contract, make())
    if callable(getattr(term, 'set_epoch', None)):
        with contract.runs('set_epoch(3)'):
            term.set_epoch(3)
            _check_terms(contract, _run(contract, term, _step(term)))
    trained = make().train()
    for _ in range(2):
        _run(contract, trained, _step(trained))
    check_saving(contract, trained, make(), lambda saved: seeded(lambda: _total(saved(_step(saved)))))


def _prepared(term: Regularizer) -> Regularizer:
    """Told of a training set and shown all of it, as a learner's regularizers are before training."""
    labels = torch.where(torch.arange(SEQUENCES) % 2 == 0, -1, 0)
    term.prepare(TrainingSet(labels, fingerprint='example'))
    for first in range(0, SEQUENCES, BATCH) if term.collects else ():
        index = torch.arange(first, first + BATCH)
        with torch.no_grad():
            term.collect(replace(example_step(term.needs, term.min_views), index=index, labels=labels[index]))
    return term


def _step(term: Any, device: torch.device | str = 'cpu') -> Step:
    return example_step(term.needs, term.min_views, device)


def _run(contract: Contract, term: Any, step: Step) -> Terms:
    try:
        terms: Terms = term(step)
    except ValueError as error:
        if 'this step supplies no' in str(error):
            detail = f'it reads more than it names in needs = {sorted(term.needs)}: {error}'
            raise ContractError(contract.component, 'needs', detail) from error
        raise ContractError(contract.component, 'runs', f'{type(error).__name__}: {error}') from error
    except Exception as error:
        raise ContractError(contract.component, 'runs', f'{type(error).__name__}: {error}') from error
    contract.require(isinstance(terms, Terms), 'output', f'forward returns {type(terms).__name__}, not Terms')
    return terms


def _check_terms(contract: Contract, terms: Terms) -> None:
    contract.require(bool(terms.losses), 'output', 'it returns no loss')
    both = sorted(set(terms.losses) & set(terms.diagnostics))
    contract.require(not both, 'output', f'{both} names both a loss and a diagnostic')
    for name, value in (*terms.losses.items(), *terms.diagnostics.items()):
        is_tensor = isinstance(value, Tensor)
        contract.require(is_tensor, 'output', f"'{name}' is {type(value).__name__}, not a tensor")
        contract.require(value.ndim == 0, 'shape', f"'{name}' is {tuple(value.shape)}, not a scalar")
        contract.finite(value, f"'{name}' is {value}")
    for name, value in terms.diagnostics.items():
        detail = f"diagnostic '{name}' keeps the graph alive; detach it"
        contract.require(not value.requires_grad, 'gradient', detail)


def _check_gradient(contract: Contract, term: Any) -> None:
    """Clause 'gradient': to the encoder and to the term's own parameters, never to keys and queue."""
    _run(contract, term, _step(term))  # a term with a memory learns from the second visit on
    step = _step(term)
    total = _total(_run(contract, term, step))
    contract.require(total.requires_grad, 'gradient', 'the losses are cut off from the features')
    total.backward()
    leaves = [leaf for features in step.features for leaf in (features.pooled, features.map)]
    reached = [leaf.grad for leaf in leaves if leaf is not None and leaf.grad is not None]
    is_reached = any(bool(grad.any()) for grad in reached)
    contract.require(is_reached, 'gradient', 'none reaches the features of a view')
    for grad in reached:
        contract.require(bool(torch.isfinite(grad).all()), 'gradient', 'that of the features is not finite')
    contract.gradients(term.named_parameters(), 'gradient')


def _check_unknown_labels(contract: Contract, term: Any) -> None:
    """Clause 'unknown labels': -1 is left out, and a batch without one label is no accident."""
    for known in (BATCH // 2, 0):
        step = _step(term)
        labels = torch.arange(BATCH).remainder(CLASSES).where(torch.arange(BATCH) < known, torch.tensor(-1))
        try:
            total = _total(_run(contract, term, replace(step, labels=labels)))
        except ContractError as error:
            contract.broken('unknown labels', f'{known} of {BATCH} labels known: {error.detail}')
        is_finite = bool(torch.isfinite(total))
        detail = f'with {known} of {BATCH} labels known the loss is {total}'
        contract.require(is_finite, 'unknown labels', detail)


def _on_device(term: Any, device: torch.device) -> list[Tensor]:
    term = term.to(device)
    return list(term(_step(term, device)).losses.values())


def _inputs(step: Step) -> dict[str, Tensor]:
    tensors = {f'view {view.name}': view.skeleton for view in step.views}
    more = {'labels': step.labels, 'the queue': step.negatives}
    if step.encode is not None:
        more |= {f'features of {view.name}': step.encode(view).pooled for view in step.views}
    return tensors | {name: value for name, value in more.items() if value is not None}


def _total(terms: Terms) -> Tensor:
    return torch.stack(list(terms.losses.values())).sum()
