from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from skelreg.report.page import Page
from skelreg.report.skeletons import SCRIPT


@pytest.fixture
def text(tmp_path: Path) -> str:
    page = Page('A < title', 'SYNTHETIC data')
    page.heading('Results')
    page.paragraph('one & two')
    page.table(('', 'linear'), [('HiCLR', '50.0 %')])
    page.commands(['python tools/train.py <config>'])
    page.figure('<svg xmlns="http://www.w3.org/2000/svg"></svg>', 'what "it" shows')
    page.animation('wave', '<div class="strip"></div>', SCRIPT)
    page.animation('walk', '<div class="strip"></div>', SCRIPT)
    page.write(tmp_path / 'new' / 'report.html')
    return (tmp_path / 'new' / 'report.html').read_text('utf-8')


class Balance(HTMLParser):
    """Fails on a tag that closes another one than the last opened."""

    VOID = ('meta', 'img')

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_tag_is_closed(text: str) -> None:
    parser = Balance()
    parser.feed(text)
    assert parser.open == []


def test_texts_are_escaped(text: str) -> None:
    assert 'A &lt; title' in text and 'one &amp; two' in text and '&lt;config&gt;' in text
    assert 'alt="what &quot;it&quot; shows"' in text


def test_needs_no_other_file(text: str) -> None:
    assert re.findall(r'(?:src|href)="(?!data:)', text) == []
    assert 'import' not in re.sub(r'base64,[^"]*', '', text) and 'url(' not in text


def test_a_script_stands_on_the_page_once(text: str) -> None:
    assert text.count(SCRIPT.read_text('utf-8').splitlines()[0]) == 1
