from __future__ import annotations

import multiprocessing
import socket
from pathlib import Path

import pytest
import torch
from torch import Tensor

from skelreg.learner.feature_queue import FeatureQueue


def numbered(first: int, count: int) -> Tensor:
    """Keys that say when they came."""
    return torch.arange(first, first + count, dtype=torch.float32)[:, None].expand(-1, 2)


@pytest.mark.parametrize(
    'batches', [[3], [5, 5], [4, 3, 4], [1] * 12, [5, 0, 2], [6], [2, 11], [17, 4], [3, 5, 10]]
)
def test_it_holds_the_last_keys_in_a_ring(batches: list[int]) -> None:
    size = 5
    queue = FeatureQueue(size, 2)
    expected, count = queue.features.tolist(), 0
    for batch in batches:
        for key in numbered(count, batch).tolist():
            expected[count % size] = key
            count += 1
        queue.enqueue(numbered(count - batch, batch))
    assert queue.features.tolist() == expected
    assert queue.pointer == count % size


def test_it_starts_with_unit_vectors() -> None:
    torch.testing.assert_close(FeatureQueue(50, 8).features.norm(dim=1), torch.ones(50))


def test_it_keeps_its_place_in_a_checkpoint() -> None:
    queue, again = FeatureQueue(5, 2), FeatureQueue(5, 2)
    queue.enqueue(numbered(0, 7))
    again.load_state_dict(queue.state_dict())
    for ring in (queue, again):
        ring.enqueue(numbered(7, 2))
    assert torch.equal(queue.features, again.features)


def test_it_holds_no_graph() -> None:
    queue = FeatureQueue(5, 2)
    queue.enqueue(numbered(0, 3).clone().requires_grad_())
    assert not queue.features.requires_grad


def test_half_precision_keys_are_stored_as_float32() -> None:
    queue = FeatureQueue(5, 2)
    queue.enqueue(numbered(0, 3).bfloat16())
    assert queue.features.dtype == torch.float32 and queue.features[2, 0] == 2


def test_an_empty_queue_is_refused() -> None:
    with pytest.raises(ValueError, match='queue size must be >= 1'):
        FeatureQueue(0, 2)


def enqueue_in_a_group(rank: int, port: int, folder: Path) -> None:
    """Rank 0 brings 3 keys, rank 1 brings 2."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        'gloo', init_method=f'tcp://127.0.0.1:{port}', rank=rank, world_size=2
    )
    torch.manual_seed(0)
    queue = FeatureQueue(8, 2)
    queue.enqueue(numbered(10 * rank, 3 - rank))
    torch.save(queue.state_dict(), folder / f'{rank}.pt')
    torch.distributed.destroy_process_group()


def test_it_gathers_the_keys_of_all_ranks(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context('spawn')
    processes = [context.Process(target=enqueue_in_a_group, args=(r, port, tmp_path)) for r in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    first, second = (torch.load(tmp_path / f'{rank}.pt') for rank in range(2))
    assert first['features'][:5, 0].tolist() == [0, 1, 2, 10, 11] and first['pointer'] == 5
    assert torch.equal(first['features'], second['features'])
