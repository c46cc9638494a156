"""Batch norm with channels first, against torch's own of the same numbers in the usual order."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from skelreg.functional import channel_norm as module
from skelreg.functional.channel_norm import channel_norm


def features(dtype: torch.dtype = torch.float32) -> Tensor:
    torch.manual_seed(0)
    spread = torch.tensor([1.0, 0.1, 10.0, 0.05], dtype=dtype)[:, None, None]
    return torch.randn(4, 6, 9, dtype=dtype) * spread + torch.arange(4)[:, None, None]


def made(kind: type[nn.Module] = nn.BatchNorm2d, **arguments: object) -> nn.Module:
    torch.manual_seed(1)
    norm = kind(4, **arguments)
    if norm.affine:
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    return norm


def expected(norm: nn.Module, x: Tensor) -> Tensor:
    """Torch's own, with bodies first, in float64."""
    rows = x.double().transpose(0, 1)
    if isinstance(norm, nn.BatchNorm1d):
        return norm.double()(rows).transpose(0, 1)
    return norm.double()(rows[..., None]).squeeze(3).transpose(0, 1)


@pytest.mark.parametrize('kind', [nn.BatchNorm1d, nn.BatchNorm2d])
@pytest.mark.parametrize('momentum', [0.1, 1.0, None])
@pytest.mark.parametrize('training', [True, False])
def test_results_and_statistics_are_those_of_torch(
    kind: type[nn.Module], momentum: float | None, training: bool
) -> None:
    norm = made(kind, momentum=momentum).train(training)
    reference = copy.deepcopy(norm).double()
    for step in range(3):
        x = features() * (1 + step)
        torch.testing.assert_close(
            channel_norm(norm, x).double(), expected(reference, x), rtol=1e-4, atol=1e-5
        )
    for name, value in norm.named_buffers():
        wanted = dict(reference.named_buffers())[name]
        torch.testing.assert_close(value.double(), wanted.double(), rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize('arguments', [dict(affine=False), dict(track_running_stats=False), {}])
def test_gradients_are_those_of_torch(arguments: dict[str, bool]) -> None:
    norm = made(**arguments).train()
    reference = copy.deepcopy(norm).double()
    towards = torch.randn(4, 6, 9)
    x = features().requires_grad_()
    y = x.detach().double().requires_grad_()
    (channel_norm(norm, x) * towards).sum().backward()
    (expected(reference, y) * towards).sum().backward()
    pairs = [(x.grad, y.grad)]
    pairs += [(p.grad, q.grad) for p, q in zip(norm.parameters(), reference.parameters(), strict=True)]
    for found, wanted in pairs:
        assert (found - wanted).norm() < 1e-4 * wanted.norm()


def test_a_large_mean_costs_no_more_digits_than_it_must() -> None:
    x = torch.randn(4, 6, 900) + 1000
    norm = made().train()
    wanted = expected(copy.deepcopy(norm), x)
    ours = channel_norm(norm, x)
    ulp = 2.0**-14  # of numbers around 1000 in float32
    assert (ours - wanted).abs().max() < 4 * ulp


def test_the_kernel_of_rows_is_taken_for_plain_training_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(nn.BatchNorm2d):
        pass

    taken = []
    monkeypatch.setattr(module, '_by_rows', lambda norm, x: taken.append(norm))
    channel_norm(made().train(), features())
    assert len(taken) == 1
    channel_norm(made().eval(), features())
    channel_norm(made(Own).train(), features())
    channel_norm(made().double().train(), features(torch.float64))
    assert len(taken) == 1


def test_one_number_a_channel_is_refused_as_by_torch() -> None:
    with pytest.raises(ValueError, match='more than 1 value per channel'):
        channel_norm(made().train(), torch.randn(4, 1, 1))


def test_float32_is_kept_under_autocast() -> None:
    norm, x = made().train(), features()
    wanted = channel_norm(copy.deepcopy(norm), x)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(channel_norm(norm, x), wanted)


def test_axes_of_one_do_not_mislead_the_kernel() -> None:
    """This tensor counts as contiguous, and as channels last too."""
    x = torch.randn(4, 2, 5, 1, generator=torch.Generator().manual_seed(0)).permute(0, 3, 1, 2)
    norm = made().train()
    wanted = copy.deepcopy(norm).double()(x.double().reshape(1, 4, 10, 1)).view(4, 1, 2, 5)
    torch.testing.assert_close(channel_norm(norm, x).double(), wanted, rtol=1e-4, atol=1e-5)


def test_hooks_of_a_norm_are_called_in_training_too() -> None:
    norm, called = made().train(), []
    norm.register_forward_hook(lambda *call: called.append(call))
    channel_norm(norm, features())
    assert len(called) == 1
