"""What the page of the demo says: results, views, losses, features, confusions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.config import Config
from torch import Tensor

from ..errors import ConfigError
from ..registry import MODELS
from .embedding import plane
from .figures import confusion_plot, loss_curves, scatter_plots
from .page import Page
from .skeletons import SCRIPT, animated_strip

NOTICE = (
    'SYNTHETIC data: every sequence is generated motion, nothing was recorded. The numbers show that the '
    'pipeline works and what pretraining adds here; they say nothing about recorded benchmarks.'
)
#: Numbers of HiCLR's head, in the words of the legend.
TERMS = {
    'loss': 'sum of the three',
    'hierarchy/info_nce': 'weakest view against its key',
    'hierarchy/level_1': 'stage_1 follows stage_0',
    'hierarchy/level_2': 'stage_2 follows stage_1',
}
FOUND = ('hierarchy/top1', 'Own key is the nearest')
STRIPS = 4
#: Points of a scatter plot; more would hide each other.
MAX_POINTS = 720


@dataclass(frozen=True)
class Material:
    """What the page is made of.

    Attributes:
        rows: Of the table of results, the first one its header.
        pretraining: The config that HiCLR was trained with.
        dataset: The training set.
        scalars: Lines of the pretraining's scalars file.
        features: Title -> features of the test set.
        labels: Their classes.
        linear: Result of HiCLR's linear evaluation.
        commands: What to type to do every step by hand.
    """

    rows: Sequence[Sequence[str]]
    pretraining: Config
    dataset: Any
    scalars: Sequence[Mapping[str, Any]]
    features: Mapping[str, Tensor]
    labels: Tensor
    linear: Mapping[str, Any]
    commands: Sequence[str]


def demo_page(material: Material) -> Page:
    """All sections; where matplotlib is missing, the drawn ones say how to get it."""
    page = Page('HiCLR on synthetic skeletons', NOTICE)
    _results(page, material)
    _views(page, material)
    for section in (_losses, _embedding, _confusion):
        try:
            section(page, material)
        except ConfigError as error:
            page.paragraph(f'This figure could not be drawn: {error.what}. To mend it: {error.fix}')
    page.heading('Every step by hand')
    page.commands(material.commands)
    return page


def _results(page: Page, material: Material) -> None:
    cfg, train = material.pretraining, material.dataset
    page.heading('Results')
    page.paragraph(
        f'HiCLR was pretrained without labels for {cfg.train_cfg.max_epochs} epochs on {len(train)} '
        f'sequences of {train.num_classes} actions. Its frozen features are then judged on '
        f'{material.linear["num_samples"]} sequences of subjects that it never saw, in two ways: by a linear '
        'classifier, and by the action of the nearest training sequence (1-NN, cosine).'
    )
    header, *rows = material.rows
    page.table(header, rows)
    page.paragraph(
        'The random encoder has the same architecture, untrained, with batch-norm statistics of the training '
        'set, and is judged by the same probes. Raw coordinates are compared as they are, without an encoder.'
    )


def _views(page: Page, material: Material) -> None:
    dataset, rows = material.dataset, _one_per_class(material.dataset.labels, STRIPS)
    batch = dataset.__getitems__(rows)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        preprocessor = MODELS.build(material.pretraining.model, where='model').data_preprocessor
        inputs = batch['inputs'].cpu()
        multi_view = preprocessor.make_views(inputs, training=True)
        plain = preprocessor.make_views(inputs, training=False).views[0]
    page.heading('What HiCLR is shown')
    page.paragraph(
        'One sequence a row: plain as the data hold it, then the views that one training step makes of it. '
        'The key encoder sees "key"; the stages grow from weak to strong, and each learns to agree with the '
        'one before it. Left limbs are blue, right limbs orange. A masked joint is not drawn; a masked axis '
        'flattens the skeleton. A click stops the motion.'
    )
    for i in range(len(rows)):
        views = {view.name: view.skeleton[i] for view in (plain, multi_view.key, *multi_view.views) if view}
        strip = animated_strip(views, dataset.layout)
        page.animation(dataset.class_names[int(batch['labels'][i])], strip, SCRIPT)
    page.paragraph('What makes each view, in the order in which it runs:')
    recipe = preprocessor.policy.recipe()
    page.table(
        ('view', 'augmentations'),
        [(name, ', '.join(type(a).__name__ for a in augmentations)) for name, augmentations in recipe],
        numbers=False,
    )


def _losses(page: Page, material: Material) -> None:
    page.heading('How pretraining went')
    events = {}
    start = material.pretraining.model.heads.hierarchy.get('mining_start_epoch')
    if start is not None and start < material.pretraining.train_cfg.max_epochs:
        events[start] = 'neighbours\nare mined'
    page.figure(
        loss_curves(material.scalars, TERMS, FOUND, events),
        'Left: the objective and its terms, cross-entropies over the own key and the queue, which do not end '
        'at zero. Right: how often the weakest view of a sequence is nearer to its own key than to any key '
        'in the queue.',
    )


def _embedding(page: Page, material: Material) -> None:
    page.heading('Where the test sequences lie')
    points = {title: plane(features[:MAX_POINTS]) for title, features in material.features.items()}
    method = next(iter(points.values()))[1]
    page.figure(
        scatter_plots({title: xy for title, (xy, _) in points.items()}, material.labels[:MAX_POINTS].numpy(),
                      material.linear['class_names']),
        f'Features of the test sequences, laid out in two dimensions by {method}, which does not look at the '
        'labels; the axes have no unit, only nearness means something. Actions that an encoder tells apart '
        'form groups of one colour and marker.',
    )


def _confusion(page: Page, material: Material) -> None:
    page.heading('What is taken for what')
    page.figure(
        confusion_plot(material.linear['confusion'], material.linear['class_names']),
        'Linear evaluation of HiCLR: of the test sequences of each action (row), the per cent that the '
        'classifier called by each name (column). The diagonal is right; an empty cell is 0.',
    )


def _one_per_class(labels: Tensor, count: int) -> list[int]:
    """The first sequence of so many classes, spread evenly over those that there are."""
    classes = labels.unique().tolist()
    chosen = classes[:: max(1, len(classes) // count)][:count]
    return [int((labels == label).nonzero()[0]) for label in chosen]
