"""How far the partitions of the account stage have come, as one that hears of all of them knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from detector.counted_blocks import Come

# A partition that nobody told of for so long, while others were told of, is not waited for.
WAITS_MS: Final = 60_000


class Coming:
    """By partition: what was told last, and when that arrived."""

    def __init__(
        self, arrived_ms: int = -1, come: Mapping[int, tuple[int, Come]] | None = None
    ) -> None:  # fmt: skip
        self.arrived_ms = arrived_ms  # when the newest word did
        self.come = dict(come or {})

    def tell(self, arrived_ms: int, come: Mapping[int, Come]) -> None:
        """Word arrived at a time."""
        self.arrived_ms = max(self.arrived_ms, arrived_ms)
        self.come |= {number: (arrived_ms, one) for number, one in come.items()}

    def waited_for(self) -> list[int]:
        """Where the clocks stand of partitions that have something left."""
        return [
            come.clock_ms for arrived_ms, come in self.come.values()
            if come.has_left and arrived_ms > self.arrived_ms - WAITS_MS
        ]  # fmt: skip

    @property
    def come_to_ms(self) -> int:
        """Up to when all is here: where the last of those stands that have something left; if none
        has, where the first one does."""
        clocks = [come.clock_ms for _, come in self.come.values()]
        return min(self.waited_for(), default=max(clocks, default=-1))
