"""The Runner's scalar log, without the figure that MMEngine opens for it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from mmengine.config import Config
from mmengine.visualization import Visualizer


class ScalarVisualizer(Visualizer):
    """Hands scalars to its backends; draws nothing, so that a run starts without matplotlib."""

    def _initialize_fig(self, fig_cfg: dict[str, Any]) -> tuple[None, SimpleNamespace, None]:
        """Canvas, figure and axes, of which only the figure's resolution is ever asked for."""
        return None, SimpleNamespace(get_dpi=lambda: 100), None

    def add_config(self, config: Config, **_: Any) -> None:
        """Nothing: the config lies in the work directory, and formatting it again takes long."""
