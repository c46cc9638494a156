"""Figures of a run as SVG text, drawn by matplotlib."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec('P')
#: Okabe and Ito's colours, which people with any colour vision tell apart; yellow is too pale on white.
COLOURS = ('#0072B2', '#E69F00', '#009E73', '#D55E00', '#CC79A7', '#56B4E9', '#000000')
#: More classes than colours go on with another marker.
MARKERS = ('o', '^', 's', 'x', 'D', '*', 'P', 'v')
_DASHES = ('-', '--', ':', '-.')
_STYLE = {
    'font.size': 10,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.titlesize': 11,
    'axes.titlelocation': 'left',
    'legend.frameon': False,
    'svg.hashsalt': 'skelreg',  # the same numbers give the same file
}


def _drawing(draw: Callable[P, Figure]) -> Callable[P, str]:
    """Let a function draw in the house's style, and return its figure as SVG."""

    @wraps(draw)
    def as_svg(*args: P.args, **kwargs: P.kwargs) -> str:
        buffer = io.StringIO()
        with _matplotlib().rc_context(_STYLE):
            draw(*args, **kwargs).savefig(buffer, format='svg', metadata={'Date': None})
        return buffer.getvalue()

    return as_svg


@_drawing
def loss_curves(
    lines: Sequence[Mapping[str, Any]],
    terms: Mapping[str, str],
    share: tuple[str, str],
    events: Mapping[int, str] | None = None,
) -> Figure:
    """The objective and each of its terms over the epochs; beside them, a share between 0 and 1.

    Args:
        lines: Of the scalars' file; those that are not a whole training epoch are left out.
        terms: Name of a number -> what the legend calls it.
        share: Name and title of the number beside the losses.
        events: Finished epochs -> what changes there.
    Raises:
        ConfigError: If matplotlib is missing, or a number is not in the lines.
    """
    epochs = [line for line in lines if line['mode'] == 'train' and 'seconds' in line]
    x = [line['epoch'] for line in epochs]
    figure, axes = _figure(1, 2, (9.0, 3.8), width_ratios=(2, 1))
    for i, (name, label) in enumerate(terms.items()):
        axes[0].plot(x, _column(epochs, name), _DASHES[i % 4], color=COLOURS[i % len(COLOURS)], label=label)
    axes[0].set(title='Loss', xlabel='epoch', ylabel='mean over the epoch (nats)')
    axes[0].set_ylim(bottom=0)
    figure.legend(loc='outside lower center', ncols=len(terms), fontsize=9)
    axes[1].plot(x, _column(epochs, share[0]), color=COLOURS[-1])
    axes[1].set(title=share[1], xlabel='epoch', ylabel='share of sequences', ylim=(0, 1))
    for ax in axes:
        ax.locator_params(axis='x', integer=True)
        _mark(ax, events or {})
    return figure


@_drawing
def scatter_plots(
    panels: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.int64],
    class_names: Sequence[str],
    legend: str = 'action',
) -> Figure:
    """Points of each panel, coloured and marked by class, one legend for all.

    Args:
        panels: Title -> points.
        labels: Class of each point, the same in all panels.
        class_names: A name per class.
        legend: What a class is.
    Shape:
        points: (B, 2); labels: (B,).
    Raises:
        ConfigError: If matplotlib is missing.
    """
    figure, axes = _figure(1, len(panels), (1.6 + 3.7 * len(panels), 3.9))
    for ax, (title, points) in zip(axes, panels.items(), strict=True):
        for label, name in enumerate(class_names):
            chosen = points[labels == label]
            ax.scatter(
                chosen[:, 0],
                chosen[:, 1],
                s=16,
                alpha=0.8,
                linewidths=0,
                label=name,
                color=COLOURS[label % len(COLOURS)],
                marker=MARKERS[label // len(COLOURS) % len(MARKERS)],
            )
        ax.set(title=title, xticks=[], yticks=[])
    figure.legend(*axes[0].get_legend_handles_labels(), loc='outside right center', title=legend)
    return figure


@_drawing
def confusion_plot(confusion: Sequence[Sequence[int]], class_names: Sequence[str]) -> Figure:
    """Per cent of each true class (rows) that went to each predicted one (columns).

    Shape:
        confusion: (classes, classes) counts.
    Raises:
        ConfigError: If matplotlib is missing.
    """
    counts = np.asarray(confusion, dtype=np.float64)
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = 2.2 + 0.42 * len(class_names)
    figure, axes = _figure(1, 1, (size + 0.8, size))
    image = axes[0].imshow(percent, cmap='Blues', vmin=0, vmax=100)
    for (row, column), value in np.ndenumerate(percent):
        if value >= 0.5:
            colour = 'white' if value > 55 else 'black'
            axes[0].text(column, row, f'{value:.0f}', ha='center', va='center', fontsize=8, color=colour)
    ticks = range(len(class_names))
    axes[0].set_xticks(ticks, class_names, rotation=45, ha='right', rotation_mode='anchor')
    axes[0].set_yticks(ticks, class_names)
    axes[0].set(xlabel='predicted action', ylabel='true action')
    figure.colorbar(image, ax=axes[0], label='per cent of the true action', shrink=0.8)
    return figure


@_drawing
def dot_plot(
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    intervals: Mapping[str, Mapping[str, float]],
    title: str,
    xlabel: str,
    bounds: tuple[float, float],
) -> Figure:
    """A panel for each figure, a line for each row: the mean, its interval, and every value behind it.

    Args:
        panels: Title -> row -> values; a row without values keeps its line empty.
        intervals: Title -> row -> half the width of the mean's interval, where there is one.
        title: Of the whole.
        xlabel: What the values are, with their unit.
        bounds: The least and the greatest value that can be; intervals are drawn no farther.
    Raises:
        ConfigError: If matplotlib is missing.
    """
    rows = list(dict.fromkeys(row for panel in panels.values() for row in panel))
    size = (1.8 + 3.0 * len(panels), 1.4 + 0.35 * len(rows))
    figure, axes = _figure(1, len(panels), size, share_y=True)
    figure.suptitle(title, x=0.01, ha='left', fontsize=11)
    for ax, (name, panel) in zip(axes, panels.items(), strict=True):
        for place, row in enumerate(rows):
            values, half = panel.get(row, ()), intervals.get(name, {}).get(row)
            ax.plot(values, [place] * len(values), '|', color='0.55', markersize=9)
            if values:
                mean = float(np.mean(values))
                ax.errorbar(mean, place, xerr=half, fmt='o', color=COLOURS[0], markersize=6, capsize=3)
                ax.annotate(
                    f'{mean:.1f}',
                    (mean, place),
                    xytext=(0, 6),
                    textcoords='offset points',
                    ha='center',
                    fontsize=8,
                )
        low, high = ax.get_xlim()
        ax.set(title=name, xlabel=xlabel, xlim=(max(low, bounds[0]), min(high, bounds[1])))
        ax.set_yticks(range(len(rows)), rows)
        ax.grid(axis='x', color='0.9')
        ax.set_axisbelow(True)
    axes[0].set_ylim(len(rows) - 0.4, -0.6)  # the first row on top
    return figure


@_drawing
def line_plot(
    panels: Mapping[str, Mapping[str, Sequence[tuple[float, float, float | None]]]],
    title: str,
    xlabel: str,
    ylabel: str,
) -> Figure:
    """A line with markers for each row over a numeric axis; rows stand a little beside each other.

    The axis shows the means and three quarters of their range on both sides; a wider interval, which two
    runs can give, is cut at the edge instead of pressing all means together.

    Args:
        panels: Title -> row -> (x, mean, half the width of its interval or None); a row may be empty.
        title: Of the whole.
        xlabel: What x is, with its unit.
        ylabel: What the means are, with their unit.
    Raises:
        ConfigError: If matplotlib is missing.
    """
    figure, axes = _figure(1, len(panels), (2.4 + 3.6 * len(panels), 3.8), share_y=True)
    figure.suptitle(title, x=0.01, ha='left', fontsize=11, wrap=True)
    means = [y for panel in panels.values() for points in panel.values() for _, y, _ in points]
    if means and max(means) > min(means):
        margin = 0.75 * (max(means) - min(means))
        axes[0].set_ylim(min(means) - margin, max(means) + margin)
    for ax, (name, panel) in zip(axes, panels.items(), strict=True):
        ticks = sorted({x for points in panel.values() for x, _, _ in points})
        beside = 0.012 * (ticks[-1] - ticks[0]) if ticks else 0.0
        for i, (row, points) in enumerate(panel.items()):
            colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i // len(COLOURS) % len(MARKERS)]
            shift = beside * (i - (len(panel) - 1) / 2)
            x, y = [x + shift for x, _, _ in points], [y for _, y, _ in points]
            ax.plot(x, y, label=row, color=colour, marker=marker, markersize=5)
            halves = [float('nan') if half is None else half for _, _, half in points]
            ax.errorbar(x, y, yerr=halves, fmt='none', ecolor=colour, capsize=3, alpha=0.6)
        ax.set(title=name, xlabel=xlabel, xticks=ticks)
        ax.grid(axis='y', color='0.9')
        ax.set_axisbelow(True)
    axes[0].set_ylabel(ylabel)
    figure.legend(*axes[0].get_legend_handles_labels(), loc='outside right center')
    return figure


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return find_spec('matplotlib') is not None


def _figure(
    rows: int,
    columns: int,
    size: tuple[float, float],
    width_ratios: Sequence[float] | None = None,
    share_y: bool = False,
) -> tuple[Figure, list[Axes]]:
    # Without pyplot, so that no window system and no global figure are involved.
    figure: Figure = _matplotlib().figure.Figure(figsize=size, layout='constrained')
    axes = figure.subplots(rows, columns, squeeze=False, width_ratios=width_ratios, sharey=share_y)
    return figure, list(axes.flat)


def _matplotlib() -> ModuleType:
    try:
        import matplotlib
        import matplotlib.figure
    except ImportError as error:
        raise ConfigError(
            'figures are drawn by matplotlib, which is not installed',
            got=str(error),
            fix="pip install 'skelreg[vis]'",
        ) from error
    return matplotlib


def _column(epochs: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    """One number of every epoch; nan leaves a gap where it was not finite."""
    if not any(name in epoch for epoch in epochs):
        known = sorted({key for epoch in epochs for key in epoch})
        accepted = ', '.join(known) or 'nothing: no epoch has ended'
        raise ConfigError(f"there is no number '{name}' to draw", accepted=accepted)
    return [float('nan') if epoch.get(name) is None else epoch[name] for epoch in epochs]


def _mark(ax: Axes, events: Mapping[int, str]) -> None:
    for epoch, text in events.items():
        ax.axvline(epoch + 0.5, color='0.6', linewidth=0.8)
        ax.annotate(
            text,
            (epoch + 0.5, 1),
            xycoords=('data', 'axes fraction'),
            xytext=(3, -3),
            textcoords='offset points',
            va='top',
            fontsize=8,
            color='0.35',
        )
