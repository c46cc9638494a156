"""Label budgets: which training sequences count as labelled, drawn from a seed or read from a file.

Four ways of drawing are in use; numbers made with different ones do not belong in one table:

* `per_class_n`: so many sequences of every class. The default of this project; ASSL counts like this.
* `per_class_ratio`: a share of every class, rounded: the 1 % and 10 % of AimCLR and HiCLR.
* `global_ratio`: a share of all sequences, whatever their class: CMD and MAMP. Small shares can leave a
  class without any label.
* `first_n`: the first so many sequences of every class by name; nothing is random.

All but the third draw every class on its own. For one seed, a smaller budget is part of a larger one, and
the draw depends on the names of the sequences only, not on their order.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..durable import replace_file
from ..errors import ConfigError, DataError, closest

PROTOCOLS = ('per_class_n', 'per_class_ratio', 'global_ratio', 'first_n')
FORMAT = 'skelreg-labels-1'

_RATIOS = ('per_class_ratio', 'global_ratio')
_logger = logging.getLogger('skelreg')

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class LabelBudget:
    """How labels are drawn.

    Args:
        protocol: One of `PROTOCOLS`.
        amount: Sequences of every class, or a share in (0, 1], as the protocol has it.
        seed: Of the draw; it has nothing to do with the seed of the training.

    Raises:
        ConfigError: If the protocol does not exist or the amount does not fit it.
    """

    protocol: str
    amount: float
    seed: int = 0

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise ConfigError(
                f"labels cannot be drawn by '{self.protocol}'", accepted=closest(self.protocol, PROTOCOLS)
            )
        is_share = self.protocol in _RATIOS
        is_number = isinstance(self.amount, int | float | np.integer) and not isinstance(self.amount, bool)
        amount = self.amount if is_number and math.isfinite(self.amount) else 0  # which fits no protocol
        if not (0 < amount <= 1 if is_share else amount >= 1 and amount == int(amount)):
            wanted = 'a share of the sequences, in (0, 1]' if is_share else 'sequences per class, at least 1'
            raise ConfigError(f'{self.protocol} does not take this amount', got=self.amount, accepted=wanted)
        if not isinstance(self.seed, int) or self.seed < 0:
            raise ConfigError('the seed of a label draw must be a whole number >= 0', got=self.seed)
        # One form for one number, so that 5 and 5.0 have one checksum.
        object.__setattr__(self, 'amount', float(self.amount) if is_share else int(self.amount))

    @classmethod
    def parse(cls, config: Mapping[str, Any]) -> LabelBudget:
        """`dict(per_class_n=5, seed=0)` as a budget; seed may be left out, and None takes a protocol away.

        Raises:
            ConfigError: If it does not name exactly one protocol.
        """
        named = [key for key in config if key != 'seed' and config[key] is not None]
        if len(named) != 1:
            raise ConfigError(
                'a label budget names one protocol and its amount', got=dict(config),
                accepted=f'dict(per_class_n=5, seed=0); protocols: {", ".join(PROTOCOLS)}',
                fix=f'take away the inherited one: label_budget.{named[0]}=None' if named else None,
            )
        return cls(str(named[0]), config[named[0]], config.get('seed', 0))

    def count(self, sequences: int) -> int:
        """How many of so many sequences (of one class; of all with `global_ratio`) are labelled."""
        if self.protocol == 'per_class_ratio':
            return round(self.amount * sequences)  # half to even, as in the authors' code
        return int(self.amount * sequences if self.protocol == 'global_ratio' else self.amount)

    def __str__(self) -> str:
        draw = '' if self.protocol == 'first_n' else f', draw {self.seed}'
        return f'{self.protocol} {self.amount:g}{draw}'


@dataclass(frozen=True)
class LabelSplit:
    """A finished draw: the names of the labelled sequences of one training split.

    Attributes:
        dataset, split, subset: What it was drawn from.
        budget: How; None for a file that somebody put together by hand.
        names: The labelled sequences, sorted.
    """

    dataset: str
    split: str
    subset: str
    budget: LabelBudget | None
    names: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Checksum over everything else."""
        return hashlib.sha256(json.dumps(self._content(), sort_keys=True).encode()).hexdigest()

    def _content(self) -> dict[str, Any]:
        budget = None if self.budget is None else asdict(self.budget)
        return {
            'format': FORMAT, 'dataset': self.dataset, 'split': self.split, 'subset': self.subset,
            'budget': budget, 'names': list(self.names),
        }

    def rows(self, names: Sequence[str], where: str) -> Rows:
        """Positions, ascending, of the labelled sequences among `names`.

        Raises:
            DataError: If some of them are not there.
        """
        position = {name: i for i, name in enumerate(names)}
        absent = [name for name in self.names if name not in position]
        if absent:
            raise DataError(
                f'{len(absent)} labelled sequences are not in the training split',
                got=', '.join(absent[:5]), accepted=f'names of {self.dataset}, split {self.split}',
                where=where, fix='draw the labels again from the data that are here',
            )
        return np.array(sorted(position[name] for name in self.names), dtype=np.int64)


def draw_rows(
    names: Sequence[str],
    labels: NDArray[np.int64],
    budget: LabelBudget,
    classes: NDArray[np.int64] | None = None,
) -> Rows:
    """Positions, ascending, of the sequences that a budget labels.

    Args:
        names: Of the sequences; all different.
        labels: (S,) their classes; sequences of class -1 are never drawn.
        budget: How many, and by which protocol.
        classes: There must be sequences of each of them; None takes those that have some.

    Raises:
        DataError: If a class has fewer sequences than asked for, or would come out without a label by
            `per_class_ratio`.
    """
    if budget.protocol == 'global_ratio':
        known = _by_name(names, np.flatnonzero(labels >= 0))
        wanted = budget.count(len(known))
        if wanted < 1:
            raise DataError('this share of the sequences is none', got=f'{budget} of {len(known)} sequences')
        return np.sort(np.random.default_rng(budget.seed).permutation(known)[:wanted])
    chosen = []
    for label in np.unique(labels[labels >= 0]) if classes is None else classes:
        members = _by_name(names, np.flatnonzero(labels == label))
        wanted = budget.count(len(members))
        if not 1 <= wanted <= len(members):
            raise DataError(
                f'class {label} has too few sequences for this label budget',
                got=f'{len(members)} sequences', accepted=f'{budget}: {wanted} labelled ones, at least one',
                fix=_fix(len(members), wanted),
            )
        chosen.append(_order(members, int(label), budget)[:wanted])
    return np.sort(np.concatenate(chosen)) if chosen else np.empty(0, dtype=np.int64)


def _fix(there: int, wanted: int) -> str:
    if not there:
        return 'take a split with sequences of every class in it, or prepare the data without this class'
    return 'ask for fewer labels' if wanted else 'ask for a larger share, or use per_class_n'


def draw_for_stand_in(names: Sequence[str], labels: NDArray[np.int64], budget: LabelBudget) -> Rows:
    """As `draw_rows`, for generated sequences, of which a class may have far fewer than the real data.

    Every class labels at most half of its sequences, and at least one, so that both kinds are there.
    """
    chosen = []
    for label in np.unique(labels[labels >= 0]):
        members = _by_name(names, np.flatnonzero(labels == label))
        wanted = max(1, min(budget.count(len(members)), len(members) // 2))
        chosen.append(_order(members, int(label), budget)[:wanted])
    rows = np.sort(np.concatenate(chosen)) if chosen else np.empty(0, dtype=np.int64)
    _logger.warning(
        'label budget (%s) on generated sequences: %d of %d are labelled, at least one and at most half of '
        'every class', budget, len(rows), len(names),
    )
    return rows


def choose_labels(
    budget: Mapping[str, Any] | str | Path,
    names: Sequence[str],
    labels: NDArray[np.int64],
    *,
    dataset: str,
    split: str,
    subset: str,
    classes: NDArray[np.int64] | None = None,
    stand_in: bool = False,
) -> tuple[Rows, LabelSplit]:
    """What a dataset's `label_budget` means for its sequences.

    Args:
        budget: `dict(per_class_n=5, seed=0)`, or a file of `write_label_split`.
        names: Of all sequences of the subset.
        labels: (S,) their classes.
        dataset, split, subset: What they are; a file must have been drawn from the same.
        classes: Of the whole archive; one of them without any sequence here is refused.
        stand_in: The sequences are generated: the draw is scaled down to them (`draw_for_stand_in`), and of
            a file only its budget is used.

    Returns:
        Positions, ascending, of the labelled sequences, and the draw.
    Raises:
        ConfigError: If the budget is misspelt, or the subset is the one to evaluate on.
        DataError: If it asks for what is not there, or the file is of another dataset.
    """
    if subset != 'train':
        raise ConfigError(
            'labels are drawn from training sequences only', got=f"subset '{subset}'", where='label_budget'
        )
    if isinstance(budget, Mapping):
        rule, where = LabelBudget.parse(budget), 'label_budget'
        rows = (
            draw_for_stand_in(names, labels, rule) if stand_in else draw_rows(names, labels, rule, classes)
        )
    else:
        where, found = str(budget), read_label_split(budget)
        if (found.dataset, found.split, found.subset) != (dataset, split, subset):
            raise DataError(
                'the labels were drawn from other data',
                got=f'{found.dataset}, {found.split}, {found.subset}',
                accepted=f'{dataset}, {split}, {subset}', where=where,
            )
        if not stand_in:
            return found.rows(names, where), found
        rule = found.budget or LabelBudget('per_class_ratio', 0.5)
        rows = draw_for_stand_in(names, labels, rule)
    return rows, LabelSplit(dataset, split, subset, rule, tuple(sorted(names[row] for row in rows)))


def _by_name(names: Sequence[str], rows: Rows) -> Rows:
    return np.array(sorted(rows, key=lambda row: names[row]), dtype=np.int64)


def _order(members: Rows, label: int, budget: LabelBudget) -> Rows:
    """The order in which a class gives up its sequences; a larger budget only goes further along it."""
    if budget.protocol == 'first_n':
        return members
    return np.random.default_rng((budget.seed, label)).permutation(members)


def write_label_split(path: str | Path, split: LabelSplit) -> Path:
    """Write a draw as JSON, whole or not at all.

    Raises:
        DataError: If the disk is full.
    """
    content = {**split._content(), 'sha256': split.sha256}
    replace_file(Path(path), (json.dumps(content, indent=1) + '\n').encode())
    return Path(path)


def read_label_split(path: str | Path) -> LabelSplit:
    """Read a file that `write_label_split` wrote.

    Raises:
        DataError: If it is missing, no such file, or not what its checksum says.
    """
    path, fix = Path(path), 'write it with tools/draw_labels.py'
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError as error:
        raise DataError('there is no such label file', got=str(path), fix=fix) from error
    except OSError as error:
        raise DataError('label file cannot be read', got=str(error), where=str(path), fix=fix) from error
    except ValueError as error:
        raise DataError('label file is no JSON', got=str(error), where=str(path), fix=fix) from error
    if not isinstance(content, dict) or content.get('format') != FORMAT:
        got = content.get('format') if isinstance(content, dict) else type(content).__name__
        raise DataError('label file has another format', got=got, accepted=FORMAT, where=str(path), fix=fix)
    try:
        budget = None if content['budget'] is None else LabelBudget(**content['budget'])
        split = LabelSplit(
            content['dataset'], content['split'], content['subset'], budget, tuple(map(str, content['names']))
        )
        checksum = content['sha256']
    except (KeyError, TypeError, ConfigError) as error:
        raise DataError('label file is malformed', got=repr(error), where=str(path), fix=fix) from error
    if split.sha256 != checksum or len(set(split.names)) < len(split.names) or not split.names:
        raise DataError(
            'label file is not what its checksum says', got=f'sha256 {split.sha256}', accepted=checksum,
            where=str(path), fix=fix,
        )
    return split
