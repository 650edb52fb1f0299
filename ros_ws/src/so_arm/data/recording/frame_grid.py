"""The resampling rule: samples of several streams onto the exact ticks of an episode."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class StreamCounts:
    """received: samples of the episode. used: by a row. repeated: rows that took a sample a second time.

    missing: ticks without a sample within tolerance. late: came after their tick was decided. backwards: stamp before
    that of the sample before. doubled: same stamp as another one. unused: of no row.
    """

    received: int = 0
    used: int = 0
    repeated: int = 0
    missing: int = 0
    late: int = 0
    backwards: int = 0
    doubled: int = 0

    @property
    def unused(self) -> int:
        return self.received - self.used - self.late - self.doubled
