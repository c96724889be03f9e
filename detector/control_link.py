"""The control stage standing alone, as a service runs it: blocks of counts in, its word out.

Partitions of the account stage are not equally far. What they counted waits here until all that
have something left have come past its minute, so that the stage hears minute by minute what a
replay would let it hear (law 36).

Its memory is large and hardly changes, and what it makes of its input depends on the input's order
alone. So its state is the whole now and then (W, in pieces), and after it the blocks as they came
(D): a restart takes the whole up, and the blocks in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
import numpy as np

from detector.complaints import Complaints, Said
from detector.control import Control, Word
from detector.control_kept import Kept, kept_of, take_up
from detector.control_memory import MINUTE_MS
from detector.counted import Counts, nothing_counted
from detector.counted_blocks import Come, CountsError, Told, packed, unpacked
from detector.counted_grouping import by_minute, together, upto
from detector.feed_breaks import FeedBreaks
from detector.newest import Kinds
from detector.sealing import sealed, sealed_bytes
from detector.state import Record, key_of, opened, opened_bytes, refusal
from detector.surges import Surges

TIME_BYTES: Final = 8
# A partition that nobody told of for so long, while others were told of, is not waited for.
WAITS_MS: Final = 60_000
PIECE_BYTES: Final = 512 * 1024
BLOCKS_MIN: Final = 256  # so many at least before the whole is written again
BLOCKS_A_PIECE: Final = 16
WHOLE, SINCE = b"W", b"D"
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
        self._arrived_ms = -1  # when the newest block did
        self._come: dict[int, tuple[int, Come]] = {}  # by partition: when it was told, and what
        self._held: Counts = nothing_counted()  # of minutes that are not over everywhere
        self._since: list[_Since] = []  # taken since the state was last asked for
        self._blocks = 0  # how many the changelog holds
        self._pieces = 0
        self._is_whole_due = False

    def take(self, values: Sequence[bytes]) -> list[Word]:
        """Take blocks of counts, each behind the time of its arrival (eight bytes, ms).

        Raises:
            CountsError: one cannot be read; nothing was taken.
        """
        told = [(_time_of(value), unpacked(value[TIME_BYTES:])) for value in values]
        words, begin = list[Word](), 0
        for end in _portions(values):
            words += self._take(values[begin:end], told[begin:end])
            begin = end
        return words

    def _take(self, values: Sequence[bytes], told: Sequence[tuple[int, Told]]) -> list[Word]:
        self._since.append(_Since(self.clock_ms, list(values)))
        for arrived_ms, one in told:
            self._arrived_ms = max(self._arrived_ms, arrived_ms)
            self._come |= {number: (arrived_ms, come) for number, come in one.come.items()}
        parts = [self._held, *(one.counts for _, one in told)]
        self._held = by_minute(together(parts))
        return self._go_on(max(self.clock_ms, self._come_to_ms()))

    def advance(self, clock_ms: int) -> list[Word]:
        """Let the clock go on to a time without an event, where no partition is waited for; never
        back."""
        if clock_ms <= self.clock_ms or self._waited_for():
            return []
        words = self._go_on(clock_ms)
        if words:
            self._since.append(_Since(self.clock_ms, []))
        return words

    def _waited_for(self) -> list[int]:
        """Where the clocks stand of partitions that have something left."""
        return [
            come.clock_ms for arrived_ms, come in self._come.values()
            if come.has_left and arrived_ms > self._arrived_ms - WAITS_MS
        ]  # fmt: skip

    def _come_to_ms(self) -> int:
        """Up to when all is here: where the last of those stands that have something left; if none
        has, where the first one does."""
        clocks = [come.clock_ms for _, come in self._come.values()]
        return min(self._waited_for(), default=max(clocks, default=-1))

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
        self._is_whole_due = True

    def changes(self) -> list[Record]:
        """What changed since this was last asked, as records."""
        since, self._since = self._since, []
        blocks = self._blocks + len(since)
        if self._is_whole_due or blocks > max(BLOCKS_MIN, BLOCKS_A_PIECE * self._pieces):
            return self._whole()
        first, self._blocks = self._blocks, blocks
        return [(key_of(SINCE, first + k), sealed(one)) for k, one in enumerate(since)]

    def _whole(self) -> list[Record]:
        content = _encode(
            _Whole(
                self.clock_ms,
                self._arrived_ms,
                self._come,
                packed(self._held, {}),
                kept_of(self.control, self.complaints, self.feed_breaks, self.surges),
            )
        )
        starts = range(0, len(content), PIECE_BYTES)
        pieces: list[Record] = [
            (key_of(WHOLE, k), sealed_bytes(content[at : at + PIECE_BYTES]))
            for k, at in enumerate(starts)
        ]
        gone: list[Record] = [(key_of(WHOLE, k), None) for k in range(len(pieces), self._pieces)]
        gone += [(key_of(SINCE, k), None) for k in range(self._blocks)]
        self._pieces, self._blocks, self._is_whole_due = len(pieces), 0, False
        return [*pieces, *gone]

    def restore(self, kinds: Kinds) -> None:
        """Fill a fresh one from the newest values of all keys of its changelog.

        Raises:
            StateError: a record is damaged, of another schema or kind, or one is missing.
        """
        for kind in kinds.keys() - {WHOLE, SINCE}:
            raise refusal(kinds[kind].key(0), "of no kind of the control stage")
        pieces = _numbered(kinds, WHOLE)
        if pieces:
            content = b"".join(opened_bytes(key_of(WHOLE, k), one) for k, one in enumerate(pieces))
            self._take_up(msgspec.msgpack.decode(content, type=_Whole))
        blocks = _numbered(kinds, SINCE)
        for k, value in enumerate(blocks):
            one: _Since = opened(key_of(SINCE, k), value, _Since)
            if one.clock_ms > self.clock_ms:
                self._go_on(one.clock_ms)
            if one.values:
                self.take(one.values)
        self._since.clear()
        self._pieces, self._blocks = len(pieces), len(blocks)

    def _take_up(self, whole: _Whole) -> None:
        self.clock_ms, self._arrived_ms, self._come = whole.clock_ms, whole.arrived_ms, whole.come
        self._held = unpacked(whole.held).counts
        try:
            take_up(self.control, self.complaints, self.feed_breaks, self.surges, whole.kept)
        except ValueError as error:
            raise refusal(WHOLE, error) from error


def _portions(values: Sequence[bytes]) -> Iterator[int]:
    """Where portions end that fit into a record each, or are one value."""
    total = 0
    for at, value in enumerate(values):
        if at and total + len(value) > PIECE_BYTES:
            yield at
            total = 0
        total += len(value)
    if values:
        yield len(values)


def _time_of(value: bytes) -> int:
    if len(value) < TIME_BYTES:
        raise CountsError("counts: a value without the time of its arrival")
    return int.from_bytes(value[:TIME_BYTES], "big", signed=True)


def _numbered(kinds: Kinds, kind: bytes) -> list[bytes]:
    """The values of a kind by number.

    Raises:
        StateError: one is missing.
    """
    if kind not in kinds:
        return []
    records = dict(kinds[kind].items())
    for number in range(len(records)):
        if key_of(kind, number) not in records:
            raise refusal(key_of(kind, number), f"is missing, of {len(records)}")
    return [records[key_of(kind, number)] for number in range(len(records))]
