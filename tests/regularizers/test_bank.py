from __future__ import annotations

import pytest
import torch

from skelreg.errors import CheckpointError
from skelreg.regularizers.bank import SequenceBank
from tests.regularizers.small import training_set


def bank(name: str = 'some data', size: int = 6) -> SequenceBank:
    made = SequenceBank(2)
    made.resize(training_set(size=size, name=name))
    return made


def test_a_row_is_overwritten_and_the_others_stay() -> None:
    made = bank()
    made.write(torch.tensor([4, 1]), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    made.write(torch.tensor([1]), torch.tensor([[5.0, 6.0]]))
    assert made.values.tolist() == [[0, 0], [5, 6], [0, 0], [0, 0], [1, 2], [0, 0]]
    assert made.writes.tolist() == [0, 2, 0, 0, 1, 0]


def test_of_a_position_that_comes_twice_the_last_row_stays() -> None:
    made = bank()
    made.write(torch.tensor([3, 3, 3]), torch.tensor([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]))
    assert made.values[3].tolist() == [3, 3] and made.writes[3] == 1


def test_no_graph_is_kept() -> None:
    made = bank()
    made.write(torch.tensor([0]), torch.ones(1, 2, requires_grad=True) * 2)
    assert not made.values.requires_grad


def test_rows_come_back_from_a_state_dict() -> None:
    made, again = bank(), bank()
    made.write(torch.tensor([2]), torch.tensor([[1.0, 2.0]]))
    again.load_state_dict(made.state_dict())
    assert torch.equal(again.values, made.values) and torch.equal(again.written, made.written)


def test_a_bank_of_another_training_set_is_refused() -> None:
    with pytest.raises(CheckpointError, match='belong to another training set'):
        bank('other data').load_state_dict(bank().state_dict())
