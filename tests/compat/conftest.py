from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.compat import toy


@pytest.fixture(autouse=True, scope='session')
def one_thread() -> Iterator[None]:
    """As many threads for the run of the session as for those that are compared with it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope='session')
def start() -> Callable[..., Any]:
    """Start a function in a process of its own; the imports are paid once for all of them."""
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['__main__', 'tests.compat.toy', 'torch._dynamo'])

    def start_process(function: Callable[..., None], *arguments: Any) -> Any:
        process = context.Process(target=function, args=arguments)
        process.start()
        return process

    return start_process


@pytest.fixture(scope='session')
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work directory of a run of four epochs that nothing disturbed."""
    work_dir = tmp_path_factory.mktemp('uninterrupted')
    toy.runner(work_dir, keep=4).train()
    return work_dir
