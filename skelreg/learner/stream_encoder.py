"""What encodes one stream: backbone, neck and projector, the key encoder that follows them, the queue."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from ..errors import ConfigError
from ..functional.streams import to_stream
from ..graphs import SkeletonLayout
from ..registry import BACKBONES, NECKS, check_arguments, config_path, current_path
from ..structures import MultiView, Step, View
from .feature_queue import FeatureQueue
from .key_encoder import KeyEncoder

Cfg = dict[str, Any]


class StreamEncoder:
    """The parts that a learner and each of its branches have; for classes that are modules as well."""

    backbone: Any
    neck: Any
    projector: Any
    key_encoder: KeyEncoder | None
    queue: FeatureQueue | None

    def build_encoder(
        self,
        backbone: Cfg,
        layout: SkeletonLayout,
        in_channels: int,
        neck: Cfg | None,
        projector: Cfg | None,
        key_encoder: Cfg | None,
        queue: Cfg | None,
    ) -> None:
        """Build the parts from their configs; see `skelreg.learner.learner.Learner` for what they are."""
        self.backbone = BACKBONES.build(backbone, where='backbone', layout=layout, in_channels=in_channels)
        self.encoder_settings = _settings(self.backbone, backbone)
        width = self.backbone.out_channels
        self.neck = None if neck is None else NECKS.build(neck, where='neck', in_channels=width)
        width = self.embedding_channels
        self.projector = (
            None if projector is None else NECKS.build(projector, where='projector', in_channels=width)
        )
        self.key_encoder = build_part('key_encoder', KeyEncoder, key_encoder, query=self.query_encoder())
        channels = width if self.projector is None else self.projector.out_channels
        self.queue = build_part('queue', FeatureQueue, queue, channels=channels)

    @property
    def embedding_channels(self) -> int:
        """D' behind the neck."""
        channels: int = (self.backbone if self.neck is None else self.neck).out_channels
        return channels

    def query_encoder(self) -> nn.ModuleDict:
        """Backbone, neck and projector in the order in which they run."""
        return self._parts('backbone', 'neck', 'projector')

    def _parts(self, *names: str) -> nn.ModuleDict:
        named = {name: getattr(self, name) for name in names}
        return nn.ModuleDict({name: part for name, part in named.items() if part is not None})

    def start_key_encoder(self) -> None:
        """Copy into the key encoder what it starts from."""
        if self.key_encoder is not None and self.key_encoder.start == 'query':
            self.key_encoder.copy_from(self.query_encoder())

    def move_key_encoder(self) -> None:
        """One step of its moving average."""
        if self.key_encoder is not None:
            self.key_encoder.update(self.query_encoder())

    def negatives(self) -> Tensor | None:
        """(K, d) the queue's rows as they stand now."""
        return None if self.queue is None else self.queue.features.clone()


class Branch(StreamEncoder, nn.Module):
    """The encoder of one more stream beside a learner's own, with a key encoder and a queue of its own.

    Args:
        stream: 'bone' or 'motion', made of the views of the joint stream.
        encoder: The arguments of `build_encoder`, those of the learner's own encoder.
    """

    def __init__(self, stream: str, encoder: Mapping[str, Any]) -> None:
        super().__init__()
        self.stream, self.layout = stream, encoder['layout']
        self.build_encoder(**encoder)

    def make_step(self, multi_view: MultiView) -> Step:
        """A step over the same views in this branch's stream."""
        views = tuple(map(self._in_stream, multi_view.views))
        key = None if multi_view.key is None else self._in_stream(multi_view.key)
        return Step(
            MultiView(views, key),
            encode=self.backbone.encode,
            embed=self.neck,
            project=self.projector,
            encode_key=self.key_encoder,
            negatives=self.negatives(),
        )

    def _in_stream(self, view: View) -> View:
        return replace(view, skeleton=to_stream(view.skeleton, self.stream, self.layout))


def _settings(backbone: nn.Module, cfg: Cfg | nn.Module) -> dict[str, Any]:
    """The arguments that a backbone was built with, as far as they are plain; defaults are among them.

    Weights do not tell a graph or a way of pooling apart, hence checkpoints record these.
    """
    if isinstance(cfg, nn.Module):  # one that was built by hand
        return {'type': type(backbone).__name__}
    arguments = inspect.signature(type(backbone)).parameters
    given = {name: argument.default for name, argument in arguments.items()} | dict(cfg)
    return {k: v for k, v in given.items() if k not in ('layout', 'in_channels') and _is_plain(v)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return isinstance(value, (str, int, float, bool, type(None)))


def build_part(name: str, cls: type, cfg: Cfg | None, **context: Any) -> Any:
    """Build a part that has one class only, so that its config is just arguments; None for None.

    Raises:
        ConfigError: If it does not take them.
    """
    if cfg is None:
        return None
    with config_path(name):
        signature = inspect.signature(cls)
        own = [p for name, p in signature.parameters.items() if name not in context]
        check_arguments(signature.replace(parameters=own), cfg, name=cls.__name__)
        try:
            return cls(**context, **cfg)
        except ValueError as error:
            raise ConfigError(str(error), where=current_path()) from error
