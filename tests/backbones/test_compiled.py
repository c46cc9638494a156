"""Encoders under torch.compile, traced through to their gradients: the same numbers, and no complaint."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import pytest
import torch
from torch import nn

from skelreg.backbones.stgcn import STGCN
from skelreg.backbones.transformer import Transformer

ENCODERS: dict[str, tuple[type[nn.Module], dict[str, Any]]] = {
    'stgcn': (STGCN, dict(hidden_channels=4, out_channels=8)),
    'transformer': (Transformer, dict(stem_channels=4, blocks=[(4, 2, 1), (8, 2, 2)])),
}


def made(name: str, p: float) -> nn.Module:
    torch.manual_seed(0)
    kind, arguments = ENCODERS[name]
    return kind(layout='nucla', **arguments, **{'dropout' if kind is STGCN else 'skip_dropout': p}).train()


@pytest.mark.parametrize('name', ENCODERS)
def test_a_compiled_encoder_computes_and_learns_the_same(name: str) -> None:
    plain = made(name, p=0.0)
    traced = copy.deepcopy(plain)
    x, towards = torch.randn(4, 3, 8, 20, 2), torch.randn(4, 8)
    torch._dynamo.reset()
    found = []
    for encoder, forward in ((plain, plain), (traced, torch.compile(traced, backend='aot_eager'))):
        pooled = forward(x).pooled
        (pooled * towards).sum().backward()
        found.append([pooled, *(p.grad for p in encoder.parameters()), *encoder.buffers()])
    scale = max(value.abs().max().item() for value in found[0])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(theirs, ours, rtol=1e-3, atol=1e-4 * scale)


@pytest.mark.parametrize('name', ENCODERS)
def test_a_compiler_has_nothing_to_say_of_dropout(name: str) -> None:
    encoder = made(name, p=0.5)
    torch._dynamo.reset()
    with warnings.catch_warnings():
        warnings.simplefilter('error', UserWarning)
        pooled = torch.compile(encoder, backend='aot_eager')(torch.randn(4, 3, 8, 20, 2)).pooled
        pooled.sum().backward()
    assert all(p.grad is not None for p in encoder.parameters())
