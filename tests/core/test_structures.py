from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from skelreg.structures import Features, MultiView, Step, View

VIEWS = tuple(View(f'stage_{i}', torch.full((2, 3), float(i + 1))) for i in range(2))


class CountingEncoder(nn.Module):
    """Stands for a backbone: the skeleton itself is its feature, and calls are counted."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.encoded: list[str] = []

    def forward(self, view: View) -> Features:
        self.encoded.append(view.name)
        return Features(pooled=self.scale * view.skeleton)


def make_step(encoder: CountingEncoder, **supplied: Any) -> Step:
    multi_view = MultiView(VIEWS, key=View('key', torch.tensor([[3.0, 4.0, 0.0], [0.0, 0.0, 2.0]])))
    return Step(multi_view, encode=encoder, project=lambda z: z, **supplied)


def test_step_encodes_nothing_before_it_is_asked() -> None:
    encoder = CountingEncoder()
    make_step(encoder)
    assert encoder.encoded == []


def test_step_encodes_each_view_once_for_all_its_readers() -> None:
    encoder = CountingEncoder()
    step = make_step(encoder, classify=lambda z: z)
    assert all(len(piece) == 2 for piece in (step.features, step.queries, step.class_logits, step.queries))
    assert encoder.encoded == ['stage_0', 'stage_1']


def test_queries_have_unit_length_and_embeddings_pass_the_neck() -> None:
    step = make_step(CountingEncoder(), embed=lambda x: 5 * x)
    torch.testing.assert_close(step.embeddings[0], torch.full((2, 3), 5.0))
    torch.testing.assert_close(step.queries[1].norm(dim=1), torch.ones(2))


def test_keys_have_unit_length_and_carry_no_gradient() -> None:
    encoder = CountingEncoder()
    step = make_step(encoder, encode_key=lambda view: encoder(view).pooled)
    torch.testing.assert_close(step.keys, torch.tensor([[0.6, 0.8, 0.0], [0.0, 0.0, 1.0]]))
    assert not step.keys.requires_grad and step.queries[0].requires_grad


def test_similarities_are_the_own_key_then_the_queue() -> None:
    def encode_key(view: View) -> Tensor:
        return view.skeleton

    negatives = torch.eye(3)
    step = make_step(CountingEncoder(), encode_key=encode_key, negatives=negatives)
    third = 3 ** -0.5
    expected = torch.tensor([[1.4 * third, third, third, third], [third, third, third, third]])
    torch.testing.assert_close(step.similarities[0], expected)


@pytest.mark.parametrize('piece', ['keys', 'similarities', 'class_logits'])
def test_step_names_what_it_was_not_supplied_with(piece: str) -> None:
    with pytest.raises(ValueError, match=f"supplies no '{piece}'"):
        getattr(make_step(CountingEncoder()), piece)
