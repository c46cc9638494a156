"""The READMEs name only what exists, and the plain loop that they show is the one that is tested."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from skelreg.runner import build_runner, load_config

ROOT = Path(__file__).parent.parent
READMES = [
    ROOT / 'README.md',
    ROOT / 'configs/assl/README.md',
    ROOT / 'configs/hiclr/README.md',
    *sorted(ROOT.glob('plugins/**/README.md')),
    *sorted(ROOT.glob('docs/*.md')),
]


def commands() -> list[list[str]]:
    """Every `python tools/...` line of the READMEs, split as a shell splits it."""
    lines = [line for path in READMES for line in re.findall(r'^python (tools/.+)$', path.read_text(), re.M)]
    return [shlex.split(line, comments=True) for line in lines]


@pytest.mark.parametrize('words', commands(), ids=' '.join)
def test_commands_name_tools_configs_and_options_that_exist(words: list[str]) -> None:
    assert (ROOT / words[0]).is_file()
    for word in words:
        if word.startswith(('configs/', 'plugins/')):
            assert (ROOT / word).is_file()
    options = {word for word in words if word.startswith('--')}
    command = [sys.executable, ROOT / words[0], '--help']
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not {option for option in options if option not in shown.stdout}


@pytest.mark.parametrize('path', READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(path: Path) -> None:
    links = [link for link in re.findall(r'\]\(([^)#]+)', path.read_text()) if '://' not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_plain_loop_is_the_tested_one() -> None:
    tested = (ROOT / 'tests/test_plain_pytorch.py').read_text()
    loop = tested[tested.index('    policy = ') : tested.index('    return encoder, policy')]
    assert textwrap.dedent(loop).rstrip() in (ROOT / 'README.md').read_text()


def test_the_joined_sets_of_the_page_are_a_training_set(tmp_path: Path) -> None:
    (block,) = re.findall(r'```python\n(# joined.py\n.*?)```', (ROOT / 'docs/datasets.md').read_text(), re.S)
    (tmp_path / 'joined.py').write_text(block)
    (tmp_path / 'configs').symlink_to(ROOT / 'configs')
    options = {'train_dataloader.batch_size': 4, 'model.queue.size': 8}
    cfg = load_config(tmp_path / 'joined.py', options, synthetic=24)
    train = build_runner(cfg, tmp_path / 'run')._train_dataloader['dataset']
    assert [part.card.name for part in train.parts] == ['ntu60', 'pku_mmd']
    known, first = train.labels >= 0, len(train.parts[0])
    assert known[:first].all() and not known[first:].any()
