"""Do the parts of a learner fit each other? Asked when it is built, before any data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ConfigError
from ..functional.streams import STREAMS
from ..registry import current_path
from .needs import SOURCES


def check_terms(learner: Any) -> None:
    """Refuse terms whose needs nothing supplies, and views that a part cannot take, naming both sides.

    Args:
        learner: A Learner with all its parts.

    Raises:
        ConfigError: With the place in the config.
    """
    policy = learner.data_preprocessor.policy
    _check_edges(learner, policy)
    _check_mixtures(learner, policy)
    views = 1 if policy is None else policy.num_views
    for name in set(learner.heads) & set(learner.regularizers):
        raise ConfigError(
            'a head and a regularizer have one name',
            got=name,
            where=current_path('regularizers', name),
            fix='rename one of the two, so that their losses can be told apart',
        )
    used: list[Any] = [term.component for term in (*learner.heads.values(), *learner.regularizers.values())]
    if learner.branches and not any('branches' in term.needs for term in used):
        raise ConfigError(
            'no head looks at the branches', got=', '.join(learner.branches), where=current_path('branches'),
            fix="add heads=dict(cross=dict(type='CrossStreamHead')), or remove model.branches",
        )
    for kind, terms in (('heads', learner.heads), ('regularizers', learner.regularizers)):
        for name, term in terms.items():
            component: Any = term.component
            title, where = type(component).__name__, current_path(kind, name)
            for need in sorted(component.needs - learner.supplies):
                raise ConfigError(
                    f"{title} needs '{need}', which this config does not supply",
                    where=where,
                    got=f'supplied: {", ".join(sorted(learner.supplies))}',
                    fix=f'configure {SOURCES.get(need, need)}, or remove {kind}.{name}',
                )
            if views < component.min_views:
                raise ConfigError(
                    f'{title} needs at least {component.min_views} ordered views',
                    where=where,
                    got=f'{views} from {type(policy).__name__ if policy is not None else "no policy"}',
                    fix='add stages to model.data_preprocessor.policy',
                )
            if component.num_views not in (None, views):
                raise ConfigError(
                    f'the arguments of {title} are for {component.num_views} ordered views',
                    where=where,
                    got=f'{views} from the policy',
                    fix='give as many as the policy has views, a level weight for each but the first',
                )


def check_branches(own: str, branches: Sequence[str]) -> None:
    """Refuse streams that no branch can have, and a learner whose own views are not joints.

    Args:
        own: The learner's own stream.
        branches: Those beside it.

    Raises:
        ConfigError: With the place in the config.
    """
    further = tuple(stream for stream in STREAMS if stream != 'joint')
    if len(set(branches)) < len(branches) or not set(branches) <= set(further):
        raise ConfigError(
            'branches must be different streams beside the joint one', got=tuple(branches),
            accepted=', '.join(further), where=current_path('branches'),
        )
    if branches and own != 'joint':
        raise ConfigError(
            "branches make their streams of joints, and the learner's own stream is another", got=own,
            where=current_path('data_preprocessor', 'stream'), fix="set it to 'joint'",
        )


def _check_edges(learner: Any, policy: Any) -> None:
    """Refuse augmentations of the graph before a backbone that has none."""
    recipe = [] if policy is None else policy.recipe()
    names = {type(a).__name__ for _, made_by in recipe for a in made_by if a.space == 'graph'}
    if names and not learner.backbone.takes_edges:
        raise ConfigError(
            f'{type(learner.backbone).__name__} cannot take augmentations of edges',
            got=', '.join(sorted(names)),
            where=current_path('data_preprocessor', 'policy'),
            fix='take a backbone with takes_edges = True, such as STGCN, or another augmentation',
        )


def _check_mixtures(learner: Any, policy: Any) -> None:
    """Refuse views that mix sequences where a term would give them the label of one."""
    recipe = [] if policy is None else policy.recipe()
    names = {type(a).__name__ for _, made_by in recipe for a in made_by if a.mixes_labels}
    for kind, terms in (('heads', learner.heads), ('regularizers', learner.regularizers)):
        for name, term in terms.items():
            component: Any = term.component
            if names and {'labels', 'unlabelled'} & component.needs and not component.takes_mixtures:
                raise ConfigError(
                    f'{type(component).__name__} reads labels and cannot mix them',
                    where=current_path(kind, name),
                    got=f'views mixed by {", ".join(sorted(names))}',
                    accepted='terms with takes_mixtures = True, such as ClassificationHead',
                    fix=f'remove {kind}.{name}, or the mixing augmentation from the policy',
                )
