import torch

from skelreg.functional.kept import kept
from skelreg.functional.precision import without_autocast


def test_what_is_kept_is_made_once_and_serves_training_whoever_asks_first():
    made = []

    @kept
    def ones(size: int) -> torch.Tensor:
        made.append(size)
        return torch.ones(size)

    with torch.inference_mode():
        first = ones(3)
    assert ones(3) is first and len(ones(2)) == 2 and made == [3, 2]
    weight = torch.zeros(3, requires_grad=True)
    (weight * first).sum().backward()
    assert torch.equal(weight.grad, torch.ones(3))


def test_autocast_is_off_inside_and_as_it_was_behind():
    x = torch.randn(2, 2)
    for enabled in (False, True):
        with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
            with without_autocast(x):
                assert (x @ x).dtype == torch.float32
            assert (x @ x).dtype == (torch.bfloat16 if enabled else torch.float32)
