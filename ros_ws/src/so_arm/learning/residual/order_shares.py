"""Orders carried out by several processes."""

from __future__ import annotations

from collections.abc import Callable

from so_arm.core.worker_pool import WorkerPool
from so_arm.learning.residual.collector import Collector
from so_arm.learning.residual.episodes import Episode, Order, Workplace
from so_arm.learning.residual.settings import ResidualSettings

Pool = WorkerPool[Order, list[Episode]]


def make_collector(make_workplace: Callable[[], Workplace], settings: ResidualSettings) -> Collector:
    """What a process does its share with."""
    return Collector(make_workplace(), settings)


def carried_out(pool: Pool, order: Order, most: int) -> list[Episode]:
    """Its episodes; see `shares`."""
    return flat(pool.do(shares(order, pool.workers, most)))


def shares(order: Order, workers: int, most: int) -> list[Order]:
    """The order in parts for all workers, none of them empty or of more than `most` episodes: each takes memory."""
    parts = max(workers, -(-len(order.seeds) // most))
    return [order._replace(seeds=seeds) for i in range(parts) if (seeds := order.seeds[i::parts])]


def flat[T](parts: list[list[T]]) -> list[T]:
    """What is in all of them, e.g. the episodes of all shares."""
    return [each for part in parts for each in part]
