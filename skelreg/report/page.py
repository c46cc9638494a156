"""One HTML page that needs no other file and no network."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path

from ..engine.files import write_text

_STYLE = Path(__file__).with_name('page.css')


class Page:
    """Collects sections and writes them as one file.

    Texts are escaped; figures are embedded.

    Args:
        title: Stands above everything.
        notice: What a reader must know before any number, in a frame of its own.
    """

    def __init__(self, title: str, notice: str) -> None:
        self.title, self.notice = title, notice
        self._parts: list[str] = []
        self._scripts: dict[Path, str] = {}

    def heading(self, text: str) -> None:
        """Begin a section."""
        self._parts.append(f'<h2>{html.escape(text)}</h2>')

    def paragraph(self, text: str) -> None:
        """Plain text."""
        self._parts.append(f'<p>{html.escape(text)}</p>')

    def commands(self, lines: Sequence[str]) -> None:
        """Lines to copy into a terminal."""
        self._parts.append(f'<pre>{html.escape(chr(10).join(lines))}</pre>')

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]], numbers: bool = True) -> None:
        """A table whose first column names the row; the others are numbers, or else text."""
        head = ''.join(f'<th scope="col">{html.escape(cell)}</th>' for cell in header)
        body = ''.join(
            f'<tr><th scope="row">{html.escape(name)}</th>'
            + ''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)
            + '</tr>'
            for name, *cells in rows
        )
        kind = 'numbers' if numbers else 'text'
        self._parts.append(
            f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        )

    def figure(self, svg: str, caption: str) -> None:
        """A drawing with the sentence that explains it; an image, since ids within drawings would clash."""
        image = base64.b64encode(svg.encode()).decode()
        text = html.escape(caption)
        self._parts.append(
            f'<figure class="drawing"><img alt="{text}" src="data:image/svg+xml;base64,{image}">'
            f'<figcaption>{text}</figcaption></figure>'
        )

    def animation(self, title: str, markup: str, script: Path) -> None:
        """Trusted markup that a script brings to life; a script stands on the page once."""
        self._parts.append(f'<h3>{html.escape(title)}</h3>{markup}')
        self._scripts[script] = script.read_text(encoding='utf-8')

    def write(self, path: Path) -> None:
        """Write the page whole or not at all.

        Raises:
            DataError: If the disk is full.
        """
        title = html.escape(self.title)
        scripts = ''.join(f'<script>{text}</script>' for text in self._scripts.values())
        write_text(
            path,
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<title>{title}</title><style>{_STYLE.read_text(encoding="utf-8")}</style></head>'
            f'<body><main><h1>{title}</h1><p class="notice">{html.escape(self.notice)}</p>'
            f'{"".join(self._parts)}</main>{scripts}</body></html>\n',
        )
