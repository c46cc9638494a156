"""Every registered component of the project keeps its contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from skelreg import testing
from skelreg.registry import (
    AUGMENTATIONS,
    BACKBONES,
    CORE,
    HEADS,
    NECKS,
    POLICIES,
    READERS,
    REGULARIZERS,
    ComponentRegistry,
)
from tests.contracts.raw_files import (
    write_folder,
    write_hiclr,
    write_ntu,
    write_nucla,
    write_pku,
    write_pyskl,
)

#: What a component cannot be built without, or what makes its check quick.
ARGUMENTS: dict[str, dict[str, Any]] = {
    'STGCN': dict(hidden_channels=4, out_channels=8),
    'Transformer': dict(stem_channels=4, blocks=[(4, 2, 1), (8, 2, 2)]),
    'GRU': dict(hidden_channels=4),
    'LinearClassifier': dict(num_classes=5),
    'MLPClassifier': dict(num_classes=5),
    'PseudoLabels': dict(threshold=0.1),
    'SkeletonInpainting': dict(max_bodies=2, decoder_channels=4),
    'GrowingPolicy': dict(
        stages=[[dict(type='Shear')], [dict(type='Rotate')], [dict(type='JointMask')]],
        key=[dict(type='Shear')],
    ),
    'SingleViewPolicy': dict(augmentations=[dict(type='Shear'), dict(type='JointMask')]),
}
#: Augmentations that mix the sequences of a batch: alike sequences stay alike.
MIXING = {'SkeleAdaIN'}
#: Reader -> what writes two small sound files of its format, and the dataset that has it.
RAW_FILES = {
    'FolderReader': write_folder,
    'HiCLRReader': write_hiclr,
    'NTUReader': write_ntu,
    'NUCLAReader': write_nucla,
    'PKUMMDReader': write_pku,
    'PYSKLReader': write_pyskl,
}
DATASETS = {
    'FolderReader': 'nucla',
    'HiCLRReader': 'ntu60_hiclr',
    'NTUReader': 'ntu60',
    'NUCLAReader': 'nucla',
    'PKUMMDReader': 'pku_mmd',
    'PYSKLReader': 'ntu60_pyskl',
}


def own(registry: ComponentRegistry) -> list[str]:
    return [name for name in registry.names() if registry.origin(name).distribution == CORE]


def config(name: str) -> dict[str, Any]:
    return dict(type=name, **ARGUMENTS.get(name, {}))


@pytest.mark.parametrize('layout', ['ntu_rgbd', 'nucla'])
@pytest.mark.parametrize('name', [name for name in own(BACKBONES) if name != 'RawCoordinates'])
def test_backbone_keeps_its_contract(name: str, layout: str) -> None:
    testing.check_backbone(config(name), layout=layout)


def test_raw_coordinates_keep_the_contract_for_the_one_shape_they_take() -> None:
    cfg = dict(type='RawCoordinates', num_frames=6, max_bodies=2)
    testing.check_backbone(cfg, num_frames=(6,), bodies=(2,))


@pytest.mark.parametrize('name', own(NECKS))
def test_neck_keeps_its_contract(name: str) -> None:
    testing.check_neck(config(name))


@pytest.mark.parametrize('name', own(HEADS))
def test_head_keeps_its_contract(name: str) -> None:
    testing.check_head(config(name))


@pytest.mark.parametrize('name', own(REGULARIZERS))
def test_regularizer_keeps_its_contract(name: str) -> None:
    testing.check_regularizer(config(name))


@pytest.mark.parametrize('name', own(AUGMENTATIONS))
def test_augmentation_keeps_its_contract(name: str) -> None:
    testing.check_augmentation(config(name), own_draw=name not in MIXING)


@pytest.mark.parametrize('name', own(POLICIES))
def test_policy_keeps_its_contract(name: str) -> None:
    testing.check_policy(config(name))


@pytest.mark.parametrize('name', own(READERS))
def test_reader_keeps_its_contract(name: str, tmp_path: Path) -> None:
    RAW_FILES[name](tmp_path)
    testing.check_reader(config(name), tmp_path, dataset=DATASETS[name])
