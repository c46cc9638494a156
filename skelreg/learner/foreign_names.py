"""What other projects call the parts that this project has, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from ..errors import CheckpointError, some

#: Pairs (theirs, ours); {n} and {m} stand for numbers, {rest} for the end of a name.
Rules = tuple[tuple[str, str], ...]

_ENCODERS = {'encoder_q.': '', 'encoder_k.': 'key_encoder.encoder.'}
_WHOLE_MODEL = {
    'mask_param': 'data_preprocessor.policy.stages.2.0.fill',
    'queue_ptr': 'queue.pointer',
    'queue': 'queue.features',
}
_PROJECTION_AND_CLASSIFIER: Rules = (
    ('fc.0.{rest}', 'projector.layers.0.{rest}'),
    ('fc.2.{rest}', 'projector.layers.2.{rest}'),
    ('fc.weight', 'classifier.linear.weight'),
    ('fc.bias', 'classifier.linear.bias'),
)


@dataclass(frozen=True)
class HiCLRNames:
    """The names in one encoder of HiCLR's release and its kin, and around it.

    Attributes:
        title: The encoder, for messages.
        rules: Of the encoder.
        left_out: Pattern of their names that have no counterpart because the architecture gives them.
    """

    title: str
    rules: Rules
    left_out: str

    def ours(self, names: Iterable[str]) -> dict[str, str]:
        """Their name -> our name; a bare encoder is taken as the query encoder.

        Raises:
            CheckpointError: If a name fits none of the known ones; the first such names are listed.
        """
        names = [name.removeprefix('module.') for name in names]
        bare = not any(name.startswith(tuple(_ENCODERS)) for name in names)
        renamed: dict[str, str] = {}
        unknown: list[str] = []
        for name in names:
            prefix, rest = _split_encoder(name, bare)
            ours = None if prefix is None else translate(_counted_from_0(rest), self.rules)
            if name in _WHOLE_MODEL:
                renamed[name] = _WHOLE_MODEL[name]
            elif prefix is not None and ours is not None:
                renamed[name] = _ENCODERS[prefix] + ours
            elif not re.fullmatch(self.left_out, rest):
                unknown.append(name)
        if unknown or not renamed:
            raise CheckpointError(
                f'this is no {self.title} state dict of the HiCLR family',
                got=f'unknown names: {some(unknown)}',
                accepted='encoder_q.*, encoder_k.*, queue, queue_ptr, mask_param, or a bare encoder',
                fix='choose the layout that the file has with --from',
            )
        return renamed

    def theirs(self, names: Iterable[str]) -> dict[str, str]:
        """Our name -> their name, as HiCLR's release has it.

        Raises:
            CheckpointError: If a part of ours has no counterpart, or two parts share one.
        """
        whole = {ours: theirs for theirs, ours in _WHOLE_MODEL.items()}
        renamed: dict[str, str] = {}
        unknown: list[str] = []
        for name in names:
            key = name.startswith(_ENCODERS['encoder_k.'])
            prefix = 'encoder_k.' if key else 'encoder_q.'
            rest = name.removeprefix(_ENCODERS['encoder_k.'])
            theirs = translate(rest, tuple((ours, theirs) for theirs, ours in self.rules))
            if name in whole:
                renamed[name] = whole[name]
            elif theirs is not None:
                renamed[name] = prefix + _counted_from_1(theirs)
            else:
                unknown.append(name)
        if unknown or not renamed:
            raise CheckpointError(
                f'the checkpoint has parts that the {self.title} of HiCLR has no place for',
                got=some(unknown),
                accepted='backbone, projector or classifier, key encoder, queue, fill of the joint mask',
                fix='export a checkpoint of such a model, or choose the layout it has with --to',
            )
        if {'encoder_q.fc.0.weight', 'encoder_q.fc.weight'} <= set(renamed.values()):
            raise CheckpointError(
                'HiCLR has one place for projector and classifier, and the checkpoint has both',
                fix='remove one of them from the config and train again, or from the state dict',
            )
        return renamed


def translate(name: str, rules: Rules) -> str | None:
    """The name on the other side of the first rule that fits; None if none does."""
    for source, target in rules:
        match = _pattern(source).fullmatch(name)
        if match:
            return target.format(**match.groupdict())
    return None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    fields = {r'\{n\}': r'(?P<n>\d+)', r'\{m\}': r'(?P<m>\d+)', r'\{rest\}': r'(?P<rest>.+)'}
    pattern = re.escape(template)
    for field, group in fields.items():
        pattern = pattern.replace(field, group)
    return re.compile(pattern)


def _split_encoder(name: str, bare: bool) -> tuple[str | None, str]:
    for prefix in _ENCODERS:
        if name.startswith(prefix):
            return prefix, name.removeprefix(prefix)
    return ('encoder_q.' if bare else None), name


def _counted_from_0(name: str) -> str:
    """HiCLR has edge_importance1..10 where AimCLR has edge_importance.0..9."""
    counted = re.fullmatch(r'edge_importance(\d+)', name)
    return f'edge_importance.{int(counted[1]) - 1}' if counted else name


def _counted_from_1(name: str) -> str:
    counted = re.fullmatch(r'edge_importance\.(\d+)', name)
    return f'edge_importance{int(counted[1]) + 1}' if counted else name


def _halves() -> Iterator[tuple[str, str]]:
    """A block of DSTA-Net attends over joints (s) and, as an option, over frames (t)."""
    for half, letter in (('spatial', 's'), ('temporal', 't')):
        for theirs, ours in (
            (f'alpha{letter}', 'strength'),
            (f'attention0{letter}', 'shared'),
            (f'in_net{letter}.{{rest}}', 'query_key.{rest}'),
            (f'out_net{letter}.{{rest}}', 'mix.{rest}'),
            (f'down{letter}1.{{rest}}', 'inner_skip.{rest}'),
            (f'ff_net{letter}.{{rest}}', 'feed.{rest}'),
            (f'down{letter}2.{{rest}}', 'skip.{rest}'),
        ):
            yield f'graph_layers.{{n}}.{theirs}', f'backbone.blocks.{{n}}.{half}.{ours}'


#: ST-GCN in the releases of HiCLR, AimCLR and SkeletonCLR; the adjacency follows from the graph.
HICLR_STGCN = HiCLRNames(
    'ST-GCN',
    (
        *_PROJECTION_AND_CLASSIFIER,
        ('data_bn.{rest}', 'backbone.input_norm.{rest}'),
        ('st_gcn_networks.{n}.gcn.conv.{rest}', 'backbone.blocks.{n}.graph_conv.{rest}'),
        ('st_gcn_networks.{n}.tcn.0.{rest}', 'backbone.blocks.{n}.norm1.{rest}'),
        ('st_gcn_networks.{n}.tcn.2.{rest}', 'backbone.blocks.{n}.temporal_conv.{rest}'),
        ('st_gcn_networks.{n}.tcn.3.{rest}', 'backbone.blocks.{n}.norm2.{rest}'),
        ('st_gcn_networks.{n}.residual.{m}.{rest}', 'backbone.blocks.{n}.residual.{m}.{rest}'),
        ('edge_importance.{n}', 'backbone.blocks.{n}.edge_importance'),
    ),
    left_out='A',
)
#: HiCLR's transformer; position tables, and attention buffers that are always zero, are left out.
HICLR_DSTA = HiCLRNames(
    'DSTA-Net',
    (
        *_PROJECTION_AND_CLASSIFIER,
        ('proj.{rest}', 'backbone.stem.0.{rest}'),
        ('input_map.0.{rest}', 'backbone.stem.1.{rest}'),
        *_halves(),
    ),
    left_out=r'graph_layers\.\d+\.(pe[st]\.pe|att[st])',
)
#: ST-GCN of PYSKL and MMAction2 with a multiplicative weight for each edge; both classifiers' names.
PYSKL_STGCN: Rules = (
    ('backbone.data_bn.{rest}', 'backbone.input_norm.{rest}'),
    ('backbone.gcn.{n}.gcn.PA', 'backbone.blocks.{n}.edge_importance'),
    ('backbone.gcn.{n}.gcn.conv.{rest}', 'backbone.blocks.{n}.graph_conv.{rest}'),
    ('backbone.gcn.{n}.gcn.bn.{rest}', 'backbone.blocks.{n}.norm1.{rest}'),
    ('backbone.gcn.{n}.tcn.conv.{rest}', 'backbone.blocks.{n}.temporal_conv.{rest}'),
    ('backbone.gcn.{n}.tcn.bn.{rest}', 'backbone.blocks.{n}.norm2.{rest}'),
    ('backbone.gcn.{n}.residual.conv.{rest}', 'backbone.blocks.{n}.residual.0.{rest}'),
    ('backbone.gcn.{n}.residual.bn.{rest}', 'backbone.blocks.{n}.residual.1.{rest}'),
    ('cls_head.fc_cls.{rest}', 'classifier.linear.{rest}'),
    ('cls_head.fc.{rest}', 'classifier.linear.{rest}'),
)
_PYSKL_ADJACENCY = re.compile(r'backbone\.gcn\.\d+\.gcn\.A')


def pyskl_stgcn_names(names: Iterable[str]) -> dict[str, str]:
    """Their name -> our name, see `skelreg.learner.foreign.rename_pyskl_stgcn`."""
    renamed: dict[str, str] = {}
    unknown: list[str] = []
    for name in names:
        ours = translate(name.removeprefix('module.'), PYSKL_STGCN)
        if ours is not None:
            renamed[name.removeprefix('module.')] = ours
        elif not _PYSKL_ADJACENCY.fullmatch(name.removeprefix('module.')):
            unknown.append(name)
    if unknown or not any(name.endswith('.gcn.PA') for name in renamed):
        raise CheckpointError(
            'this is no plain ST-GCN of PYSKL or MMAction2',
            got=f'unknown names: {some(unknown)}' if unknown else 'no weights PA of the edges',
            accepted='backbone.data_bn, backbone.gcn.<i>.{gcn,tcn,residual}, cls_head',
            fix='choose the layout that the file has with --from; ST-GCN++ and learnt graphs have none here',
        )
    return renamed
