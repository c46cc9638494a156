"""Dataset cards: what a dataset is, where it comes from, how it is split, what to expect of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from ..errors import ConfigError, closest

_FOLDER = Path(__file__).parent / 'cards'

Rule = Mapping[str, Any]

#: What is said of a dataset that has a card but cannot be prepared yet.
NO_READER = 'bring a reader for it as a plugin (plugins/README.md); this version has none'
#: The subset that holds every sequence of an archive, whatever the split.
EVERYTHING = 'all'


@dataclass(frozen=True)
class DatasetCard:
    """One dataset, read from `cards/<name>.yaml` or from a YAML file of the user's.

    Attributes:
        name: Short name, as in configs.
        title: Name in full.
        layout: Name of the skeleton layout, or the path of a layout file (YAML), in a card relative to
            the card.
        channels: Names of the C axis.
        max_bodies: M of the archive.
        num_classes: Labels are 0 .. num_classes - 1.
        splits: Split -> subset ('train', 'test') -> rule over the index, see `splits.select`.
        files: The raw files, in words.
        get: How to get them, in words.
        prepare: The command that makes the archive.
        reader: Registered reader of the raw format, as a name or as a config with its options; None
            where there is none.
        class_names: One per class, or empty.
        expected: 'sequences' -> count, and split -> {subset: count, 'twins': count}.
    """

    name: str
    title: str
    layout: str
    channels: tuple[str, ...]
    max_bodies: int
    num_classes: int
    splits: Mapping[str, Mapping[str, Rule]]
    files: str = 'its raw files'
    get: str = 'get its raw files'
    prepare: str = 'python tools/prepare_data.py CARD --source RAW --out ARCHIVE'
    reader: str | Mapping[str, Any] | None = None
    class_names: tuple[str, ...] = ()
    expected: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.class_names and len(self.class_names) != self.num_classes:
            raise ValueError(f'{len(self.class_names)} class names for {self.num_classes} classes')
        for name in self.class_names:
            if not isinstance(name, str):
                raise ValueError(f'class name {name!r} is no text; YAML needs quotes around on, off, yes, no')
        for split, subsets in self.splits.items():
            if not isinstance(subsets, Mapping) or not {'train', 'test'} <= set(subsets):
                raise ValueError(f"split '{split}' has no rules for both train and test")

    @property
    def layout_name(self) -> str:
        """Name of the layout, under which an archive knows it."""
        from ..graphs import get_layout  # torch comes with it, and --help of a tool lists the cards

        return get_layout(self.layout).name

    def reader_config(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Config of the reader.

        Args:
            options: Arguments that replace those of the card.

        Raises:
            ConfigError: If the dataset has no reader.
        """
        if self.reader is None:
            raise ConfigError(f"dataset '{self.name}' has no reader", fix=f'{self.get}; {NO_READER}')
        config = dict(type=self.reader) if isinstance(self.reader, str) else dict(self.reader)
        return {**config, **options}

    def rule(self, split: str, subset: str) -> Rule:
        """The rule that selects a subset of a split; every split has the subset 'all' of all sequences.

        Raises:
            ConfigError: If there is no such split or subset.
        """
        subsets = {EVERYTHING: {}, **self.splits.get(split, {})}
        for word, name, known in (('split', split, self.splits), ('subset', subset, subsets)):
            if name not in known:
                raise ConfigError(f"{self.name} has no {word} '{name}'", accepted=closest(name, known))
        return subsets[subset]


def card_names() -> list[str]:
    """Names of the datasets that come with skelreg."""
    return sorted(path.stem for path in _FOLDER.glob('*.yaml'))


def load_card(name: str | Path) -> DatasetCard:
    """The card of a named dataset, or one from a YAML file.

    Raises:
        ConfigError: If there is no such card, or it is malformed.
    """
    path = Path(name) if Path(name).suffix in ('.yaml', '.yml') else _FOLDER / f'{name}.yaml'
    if not path.is_file():
        raise ConfigError(
            f"dataset '{name}' has no card",
            accepted=f'{closest(str(name), card_names())} Or the path of a card (YAML).',
        )
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except yaml.YAMLError as error:
        raise ConfigError('dataset card is no YAML', got=str(error), where=str(path)) from error
    known = [f.name for f in fields(DatasetCard)]
    unknown = sorted(set(content) - set(known)) if isinstance(content, dict) else [type(content).__name__]
    if unknown:
        raise ConfigError(
            f"dataset card has no field '{unknown[0]}'", accepted=closest(unknown[0], known), where=str(path)
        )
    made: dict[str, Any] = {key: tuple(content.get(key, ())) for key in ('channels', 'class_names')}
    from ..graphs import get_layout, is_layout_file

    if is_layout_file(str(content.get('layout'))):
        made['layout'] = str(path.resolve().parent / content['layout'])
        get_layout(made['layout'])  # so that the archive, which has only its name, finds it
    try:
        return DatasetCard(**{**content, **made})
    except (TypeError, ValueError) as error:
        raise ConfigError('dataset card is incomplete', got=str(error), where=str(path)) from error
