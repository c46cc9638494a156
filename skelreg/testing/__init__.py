"""The contracts of components as checks, for this project's tests and for those of plugin authors.

Each check builds a component from its config, as a config file would, and raises a `ContractError` that
names the clause that is broken:

    from skelreg.testing import check_backbone

    def test_it_keeps_the_contract_of_backbones():
        check_backbone(dict(type='MyNet', width=8), layout='ntu_rgbd')

`registered()` lists every component with a contract, plugins' included, each with its `check()`.
"""

from .augmentations import check_augmentation, check_policy
from .contract import ContractError
from .encoders import check_backbone, check_neck
from .readers import check_reader
from .registered import registered
from .terms import check_head, check_regularizer, example_step

__all__ = [
    'ContractError', 'check_augmentation', 'check_backbone', 'check_head', 'check_neck', 'check_policy',
    'check_reader', 'check_regularizer', 'example_step', 'registered',
]
