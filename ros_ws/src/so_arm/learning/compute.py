"""Where a policy computes, and with how many threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from so_arm.core.errors import UserError


class Compute:
    """A torch device and the number of CPU threads for it."""

    def __init__(self, device: str, threads: int) -> None:
        self.device = _device(device)
        self._threads = threads
        self._pinned = threading.local()

    def prepare_thread(self) -> None:
        """Call before computing: torch keeps the number of threads per calling thread."""
        if not hasattr(self._pinned, "done"):
            torch.set_num_threads(self._threads)
            self._pinned.done = True


@contextmanager
def threads(count: int) -> Iterator[None]:
    """So many threads for what torch computes in the block. More may change the last bits of a product."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def one_core() -> Iterator[None]:
    """One thread on one core in the block, so that times of two computations compare; Linux."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        with threads(1):
            yield
    finally:
        os.sched_setaffinity(0, cores)


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"policy device '{name}' is not a torch device; use cpu or cuda") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"policy device {name}: this machine has no usable CUDA device; use cpu")
    return device
