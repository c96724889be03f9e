"""The clock of a partition while nothing comes: on at the wall clock's pace, never past now.

So a deadline fires although nobody does anything; and an old log, which ends months ago, does not
make the clock jump: it goes on from the log's end, second by second (semantics 5).
"""

from __future__ import annotations


class Pace:
    """Of one partition."""

    def __init__(self) -> None:
        self._since: tuple[int, int] | None = None  # wall time and clock when it was drained

    def clock_ms(self, clock_ms: int, now_ms: int, is_drained: bool) -> int:
        """Where the clock stands now; `clock_ms` is where it stood (negative: no event yet)."""
        if not is_drained or clock_ms < 0:
            self._since = None
            return clock_ms
        if self._since is None or clock_ms > self._since[1] + now_ms - self._since[0]:
            self._since = now_ms, clock_ms
        began_ms, stood_ms = self._since
        return max(clock_ms, min(stood_ms + now_ms - began_ms, now_ms))
