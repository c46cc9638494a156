"""BVH files as sequences of joint positions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import numpy as np

from skelreg.datasets.cards import DatasetCard
from skelreg.datasets.readers.base import Reader, Sequence, Source, list_sources
from skelreg.errors import DataError, closest
from skelreg.graphs import get_layout
from skelreg.registry import READERS

from .kinematics import Placement, positions
from .parser import Joint, Recording, parse

#: What a file's name says by default: label_subject_take.
NAME_PATTERN = r'(?P<label>.+)_(?P<subject>\d+)_\d+'
_USUAL = ('subject', 'camera', 'setup')


@READERS.register_module()
class BVHReader(Reader):
    """Reads a folder or zip of .bvh files, one body and one action each.

    A BVH file says nothing about labels, so that its name must. Its joints must be those of the layout of
    the dataset card; `python -m skelreg_bvh FILE` writes layout and card for files of a new skeleton.

    Args:
        card: The dataset that is read.
        pattern: Regular expression that a whole file name matches, without its suffix. Its named groups
            become columns of the index, `subject` and `camera` say; the group `label` holds a class name of
            the card or its number.
        scale: What a length in the files is multiplied with; 0.01 makes metres of centimetres.
        frame_rate: Take so many frames a second, the nearest ones; None takes all.
        placement: Whether position channels are 'added' to a joint's offset, or 'absolute'.
    """

    def __init__(
        self,
        card: DatasetCard,
        pattern: str = NAME_PATTERN,
        scale: float = 1.0,
        frame_rate: float | None = None,
        placement: Placement = 'added',
    ) -> None:
        super().__init__(card)
        try:
            self.pattern = re.compile(pattern)
        except re.error as error:
            raise ValueError(f'pattern is no regular expression: {error}') from error
        if 'label' not in self.pattern.groupindex:
            raise ValueError(f"pattern needs a group named label, (?P<label>...), got {pattern!r}")
        if not scale > 0 or (frame_rate is not None and not frame_rate > 0):
            raise ValueError(f'scale and frame_rate must be > 0, got {scale} and {frame_rate}')
        if placement not in get_args(Placement):
            raise ValueError(f"placement must be 'added' or 'absolute', got {placement!r}")
        self.scale, self.frame_rate, self.placement = scale, frame_rate, placement

    def sources(self, path: Path) -> list[Source]:
        return list_sources(path, '.bvh')

    def read(self, source: Source) -> list[Sequence]:
        label, columns = self._name(source)
        recording = parse(source.read_bytes().decode('utf-8', 'replace'), source.name)
        kept = self._joints(recording.joints, source.name)
        frames = positions(recording, self.placement)[self._frames(recording, source.name)][:, kept]
        scaled = (self.scale * frames).astype(np.float32)[:, None]  # (T, 1, V, 3)
        return [Sequence(source.stem, label, scaled, columns)]

    def _name(self, source: Source) -> tuple[int, dict[str, int | str]]:
        """Label and columns."""
        found = self.pattern.fullmatch(source.stem)
        if found is None:
            raise DataError(
                'file name does not say what the file is', got=source.stem,
                accepted=f'a name that matches {self.pattern.pattern}', where=source.name,
                fix='give the reader another pattern, or rename the file',
            )
        groups = {name: text or '' for name, text in found.groupdict().items()}
        label, names = groups.pop('label'), self.card.class_names
        columns: dict[str, int | str] = dict.fromkeys(_USUAL, -1)
        columns |= {name: int(text) if text.isdecimal() else text for name, text in groups.items()}
        if label in names:
            return names.index(label), columns
        if label.isdecimal() and int(label) < self.card.num_classes:
            return int(label), columns
        raise DataError(
            'label is neither a class of the card nor its number', got=label,
            accepted=f'0..{self.card.num_classes - 1}. {closest(label, names)}', where=source.name,
        )

    def _joints(self, joints: tuple[Joint, ...], name: str) -> list[int]:
        """Where the joints of the layout stand among those of the file."""
        layout, index = get_layout(self.card.layout), {joint.name: i for i, joint in enumerate(joints)}
        lacking = [joint for joint in layout.joints if joint not in index]
        surplus = [joint.name for joint in joints if not joint.is_end and joint.name not in layout.joints]
        if lacking or surplus:
            raise DataError(
                f"skeleton is not that of the layout '{layout.name}'",
                got=f'lacking: {", ".join(lacking) or "none"}; too many: {", ".join(surplus) or "none"}',
                accepted=', '.join(layout.joints), where=name,
                fix='write a layout for these files: python -m skelreg_bvh FILE',
            )
        kept = [index[joint] for joint in layout.joints]
        for child, parent in layout.edges:
            found = joints[kept[child]].parent
            if found != kept[parent]:
                raise DataError(
                    f"joint {layout.joints[child]} hangs elsewhere than in the layout '{layout.name}'",
                    got=joints[found].name if found >= 0 else 'nothing, it is the root',
                    accepted=layout.joints[parent], where=name,
                )
        return kept

    def _frames(self, recording: Recording, name: str) -> slice | list[int]:
        if self.frame_rate is None:
            return slice(None)
        step = 1 / (self.frame_rate * recording.frame_time)
        if step < 1 - 1e-6:
            raise DataError(
                'file has fewer frames a second than are asked for', got=f'{1 / recording.frame_time:.6g}',
                accepted=f'at least {self.frame_rate:g}', where=name, fix='lower frame_rate',
            )
        count = int((len(recording.values) - 1) / step + 1e-6) + 1 if len(recording.values) else 0
        return [min(round(i * step), len(recording.values) - 1) for i in range(count)]
