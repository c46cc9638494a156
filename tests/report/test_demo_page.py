from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from skelreg.plugin_manager import load_plugins
from skelreg.registry import DATASETS
from skelreg.report.demo_page import Material, demo_page
from skelreg.runner import load_config

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def material() -> Material:
    load_plugins()
    cfg = load_config(ROOT / 'configs' / 'demo' / 'hiclr.py', synthetic=60)
    train_set = DATASETS.build(cfg.train_dataloader.dataset)
    numbers = {'loss': 9.0, 'hierarchy/info_nce': 4.0, 'hierarchy/level_1': 2.5, 'hierarchy/level_2': 2.5}
    epoch = {'mode': 'train', 'epoch': 1, 'seconds': 1.0, 'hierarchy/top1': 0.5, **numbers}
    return Material(
        rows=[('', 'linear', '1-NN'), ('HiCLR', '51.2 %', '40.1 %')],
        pretraining=cfg,
        dataset=train_set,
        scalars=[epoch, {**epoch, 'epoch': 2}],
        features={'HiCLR': torch.randn(24, 8), 'random encoder': torch.randn(24, 8)},
        labels=torch.arange(24) % 12,
        linear={
            'num_samples': 24, 'class_names': train_set.class_names, 'confusion': torch.eye(12).tolist()
        },
        commands=['python tools/train.py configs/demo/hiclr.py'],
    )


def written(material: Material, folder: Path) -> str:
    demo_page(material).write(folder / 'report.html')
    return (folder / 'report.html').read_text('utf-8')


def test_every_number_and_picture_is_there(material: Material, tmp_path: Path) -> None:
    pytest.importorskip('matplotlib')
    text = written(material, tmp_path)
    assert '51.2 %' in text and 'SYNTHETIC' in text
    assert (text.count('class="strip"'), text.count('<canvas>')) == (4, 4 * 5)
    assert text.count('<img alt=') == 3 and 'could not be drawn' not in text


def test_views_are_the_same_each_time(material: Material, tmp_path: Path) -> None:
    state = torch.get_rng_state()
    first, second = (written(material, tmp_path).partition('<h2>How')[0] for _ in range(2))
    assert first == second and torch.equal(state, torch.get_rng_state())


def test_without_matplotlib_the_page_says_how_to_get_the_figures(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, 'matplotlib', None)
    text = written(material, tmp_path)
    assert text.count('This figure could not be drawn') == 3 and 'skelreg[vis]' in text
    assert text.count('class="strip"') == 4
