"""The control stage standing alone, as a service runs it: blocks of counts in, its word out.

Partitions of the account stage are not equally far. What they counted waits here until all that
have something left have come past its minute, so that the stage hears minute by minute what a
replay would let it hear (law 36).

Its memory is large and hardly changes, and what it makes of its input depends on the input's order
alone: so its state is its input (input_log.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np

from detector.coming import Coming
from detector.complaints import Complaints, Said
from detector.control import Control, Word
from detector.control_kept import Kept, kept_of, take_up
from detector.control_memory import MINUTE_MS
from detector.counted import Counts, nothing_counted
from detector.counted_blocks import Come, CountsError, Told, packed, unpacked
from detector.counted_grouping import by_minute, together, upto
from detector.feed_breaks import FeedBreaks
from detector.input_log import WHOLE, InputLog, portions
from detector.newest import Kinds
from detector.state import Record, refusal
from detector.surges import Surges

TIME_BYTES: Final = 8
NO_CLOCKS: Final = np.empty(0, np.int64)
_encode: Final = msgspec.msgpack.Encoder().encode


class _Since(msgspec.Struct, array_like=True):
    """What was taken at once; `clock_ms`: where the clock stood before it."""

    clock_ms: int
    values: list[bytes]


class _Whole(msgspec.Struct, array_like=True):
    clock_ms: int
    arrived_ms: int
    come: dict[int, tuple[int, Come]]
    held: bytes
    kept: Kept


class ControlLink:
    """One control stage and its state."""

    def __init__(
        self, control: Control, complaints: Complaints, feed_breaks: FeedBreaks, surges: Surges,
        hash_of: Callable[[str], int],
    ) -> None:  # fmt: skip
        """`control` and those beside it have heard nothing; `hash_of`: of an account's id."""
        self.control = control
        self.complaints = complaints
        self.feed_breaks = feed_breaks
        self.surges = surges
        self.clock_ms = -1  # up to which all is counted; negative before the first event
        self._hash_of = hash_of
        self._coming = Coming()
        self._held: Counts = nothing_counted()  # of minutes that are not over everywhere
        self._log = InputLog()

    def take(self, values: Sequence[bytes]) -> list[Word]:
        """Take blocks of counts, each behind the time of its arrival (eight bytes, ms).

        Raises:
            CountsError: one cannot be read; nothing was taken.
        """
        told = [(_time_of(value), unpacked(value[TIME_BYTES:])) for value in values]
        words, begin = list[Word](), 0
        for end in portions(values):
            words += self._take(values[begin:end], told[begin:end])
            begin = end
        return words

    def _take(self, values: Sequence[bytes], told: Sequence[tuple[int, Told]]) -> list[Word]:
        self._log.take(_Since(self.clock_ms, list(values)))
        for arrived_ms, one in told:
            self._coming.tell(arrived_ms, one.come)
        parts = [self._held, *(one.counts for _, one in told)]
        self._held = by_minute(together(parts))
        return self._go_on(max(self.clock_ms, self._coming.come_to_ms))

    def advance(self, clock_ms: int) -> list[Word]:
        """Let the clock go on to a time without an event, where no partition is waited for; never
        back."""
        if clock_ms <= self.clock_ms or self._coming.waited_for():
            return []
        words = self._go_on(clock_ms)
        if words:
            self._log.take(_Since(self.clock_ms, []))
        return words

    def _go_on(self, clock_ms: int) -> list[Word]:
        """Let the stage hear what was counted of the minutes that are over by a time, and tick."""
        self.clock_ms = clock_ms
        if clock_ms < 0:
            return []
        over, self._held = upto(self._held, (clock_ms - 1) // MINUTE_MS)
        words = self.control.take(over) if len(over) else []
        words += self.control.advance(clock_ms)
        newest_id = over.newest_id(len(over) - 1) if len(over) else ""
        self.feed_breaks.hear(over.arrivals, over.letters, newest_id)
        beside = [*self._complained(over, clock_ms), *self.feed_breaks.advance(clock_ms)]
        beside += self.surges.take(over.trials, NO_CLOCKS) + self.surges.advance(clock_ms)
        return words + [Word(0, clock_ms, one.alerts) for one in beside]

    def _complained(self, over: Counts, clock_ms: int) -> list[Said]:
        """What complaints of minutes that are over make it say, each heard at its minute's end."""
        heard = [
            one._replace(clock_ms=(one.minute + 1) * MINUTE_MS)
            for one in sorted(over.complaints, key=lambda one: one.minute)
        ]
        began_ms = np.array([int(over.minutes.min()) * MINUTE_MS + 1 if len(over) else clock_ms])
        said = self.complaints.take(heard, self.control.watched.provider, began_ms)
        return said + self.complaints.advance(clock_ms)

    def erase(self, account: int) -> None:
        """Forget the account of an id of this hash; `changes` then takes it out of the state."""
        for one in (self.control, self.complaints, self.surges):
            one.erase(lambda account_id: self._hash_of(account_id) == account)
        self._log.is_whole_due = True

    def changes(self) -> list[Record]:
        """What changed since this was last asked, as records."""
        return self._log.changes(self._whole)

    def _whole(self) -> bytes:
        return _encode(
            _Whole(
                self.clock_ms,
                self._coming.arrived_ms,
                self._coming.come,
                packed(self._held, {}),
                kept_of(self.control, self.complaints, self.feed_breaks, self.surges),
            )
        )

    def restore(self, kinds: Kinds) -> None:
        """Fill a fresh one from the newest values of all keys of its changelog.

        Raises:
            StateError: a record is damaged, of another schema or kind, or one is missing.
        """
        content, since = self._log.restore(kinds, _Since, "control stage")
        if content:
            self._take_up(msgspec.msgpack.decode(content, type=_Whole))
        for one in since:
            if one.clock_ms > self.clock_ms:
                self._go_on(one.clock_ms)
            if one.values:
                self.take(one.values)
        self._log.forget()

    def _take_up(self, whole: _Whole) -> None:
        self.clock_ms, self._coming = whole.clock_ms, Coming(whole.arrived_ms, whole.come)
        self._held = unpacked(whole.held).counts
        try:
            take_up(self.control, self.complaints, self.feed_breaks, self.surges, whole.kept)
        except ValueError as error:
            raise refusal(WHOLE, error) from error


def _time_of(value: bytes) -> int:
    if len(value) < TIME_BYTES:
        raise CountsError("counts: a value without the time of its arrival")
    return int.from_bytes(value[:TIME_BYTES], "big", signed=True)
