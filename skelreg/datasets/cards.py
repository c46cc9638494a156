"""Dataset cards: what a dataset is, where it comes from, how it is split, what to expect of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ..errors import ConfigError, closest
from ..plain_yaml import load_yaml
from .splits import check_rule

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
        for key in ('name', 'layout'):
            if not isinstance(getattr(self, key), str):
                raise ValueError(f'{key} is no text: {getattr(self, key)!r}')
        for key in ('max_bodies', 'num_classes'):
            if not _is_count(getattr(self, key)) or getattr(self, key) < 1:
                raise ValueError(f'{key} is no whole number of 1 or more: {getattr(self, key)!r}')
        if self.class_names and len(self.class_names) != self.num_classes:
            raise ValueError(f'{len(self.class_names)} class names for {self.num_classes} classes')
        for word, names in (('class name', self.class_names), ('channel', self.channels)):
            for name in names:
                if not isinstance(name, str):
                    raise ValueError(f'{word} {name!r} is no text; YAML needs quotes around on, off, yes, no')
        if not isinstance(self.reader, str | Mapping | None):
            raise ValueError(f'reader is neither a name nor a mapping: {self.reader!r}')
        if not isinstance(self.splits, Mapping):
            raise ValueError(f'splits is no mapping: {self.splits!r}')
        for split, subsets in self.splits.items():
            _check_split(split, subsets)
        counts = {split: dict.fromkeys([*subsets, 'twins']) for split, subsets in self.splits.items()}
        _check_counts(self.expected, {'sequences': None, **counts}, 'expected')

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


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_split(split: Any, subsets: Any) -> None:
    if not isinstance(subsets, Mapping) or not {'train', 'test'} <= set(subsets):
        raise ValueError(f"split '{split}' has no rules for both train and test")
    for name in (split, *subsets):
        if not isinstance(name, str):
            raise ValueError(f'name of a split or subset is no text: {name!r}; YAML needs quotes around it')
    for subset, rule in subsets.items():
        try:
            check_rule(rule)
        except ConfigError as error:
            error.where = f'split {split}, {subset}'
            raise


def _check_counts(counts: Any, known: Mapping[str, Any], where: str) -> None:
    """Refuse what is compared with nothing; of each known name, None or the names of the counts below it."""
    if not isinstance(counts, Mapping):
        raise ValueError(f'{where} is no mapping: {counts!r}')
    for name, count in counts.items():
        if name not in known:
            raise ValueError(f"{where} names '{name}', which is not there. {closest(str(name), known)}")
        if known[name] is not None:
            _check_counts(count, known[name], f'{where}.{name}')
        elif not _is_count(count):
            raise ValueError(f'{where}.{name} is no whole number: {count!r}')


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
    content = _read(path)
    made: dict[str, Any] = {}
    for key in {'channels', 'class_names'} & content.keys():
        if not isinstance(content[key], list):
            raise ConfigError(f'{key} of a dataset card is no list', got=repr(content[key]), where=str(path))
        made[key] = tuple(content[key])
    from ..graphs import get_layout, is_layout_file

    if is_layout_file(str(content.get('layout'))):
        made['layout'] = str(path.resolve().parent / content['layout'])
        get_layout(made['layout'])  # so that the archive, which has only its name, finds it
    try:
        return DatasetCard(**{**content, **made})
    except ConfigError as error:
        error.where = f'{path}, {error.where}'
        raise
    except (TypeError, ValueError) as error:
        raise ConfigError(
            'dataset card is incomplete or malformed', got=str(error), where=str(path)
        ) from error


def _read(path: Path) -> dict[str, Any]:
    """The fields of a card, whatever is in them."""
    try:
        content = load_yaml(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise ConfigError(
            'dataset card cannot be read, or is no YAML', got=str(error), where=str(path)
        ) from error
    known = [f.name for f in fields(DatasetCard)]
    given = list(map(str, content)) if isinstance(content, dict) else [type(content).__name__]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ConfigError(
            f"dataset card has no field '{unknown[0]}'", accepted=closest(unknown[0], known), where=str(path)
        )
    return dict(content)
