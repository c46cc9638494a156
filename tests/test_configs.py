"""Every leaf config of the repository builds, trains a little and evaluates, without its data."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from skelreg import tasks
from skelreg.explain import explain
from tests.runs import ROOT, small

LEAVES = sorted(
    str(path.relative_to(ROOT)) for path in ROOT.glob('configs/**/*.py') if '_base_' not in path.parts
)


def checkpoint_for(cfg: Config, folder: Path) -> Path:
    """What a short pretraining of this very encoder leaves behind."""
    pretraining = small('configs/hiclr/stgcn_nucla.py')
    pretraining.model.layout, pretraining.model.backbone = cfg.model.layout, cfg.model.backbone
    data = dict(pretraining.train_dataloader.dataset)
    pretraining.train_dataloader.dataset = {**data, **cfg.train_dataloader.dataset}
    return tasks.train(pretraining, folder / 'pretraining')


@pytest.mark.parametrize('leaf', LEAVES)
def test_leaf_runs_on_synthetic_data(leaf: str, tmp_path: Path) -> None:
    cfg = small(leaf)
    if cfg.get('train_cfg') is not None:
        assert tasks.train(cfg, tmp_path).is_file()
        return
    has_weights = cfg.model.backbone.type != 'RawCoordinates'
    results = tasks.test(cfg, checkpoint_for(cfg, tmp_path) if has_weights else None, tmp_path)
    assert all(result['synthetic'] for result in results.values())


@pytest.mark.parametrize('leaf', LEAVES)
def test_leaf_can_be_explained_at_full_size(leaf: str) -> None:
    cfg = Config.fromfile(ROOT / leaf)
    page = explain(cfg)
    assert f'{cfg.model.backbone.type} (skelreg/backbones/' in page and 'GFLOP' in page


@pytest.mark.parametrize('leaf', LEAVES)
def test_leaf_is_short(leaf: str) -> None:
    assert len((ROOT / leaf).read_text().splitlines()) <= 40
