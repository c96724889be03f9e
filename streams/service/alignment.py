"""The inputs of one partition as one stream, by event time, none reordered within itself.

A record is let through when every other input has something newer to show, or is drained: nothing
more is there to come before it. What is drained is known only by asking the broker for an input's
end *after* the record arrived there, and a little later still: a check that was sent a few
milliseconds before its draw may be on its way. When a record arrived there is known from such an
answer too, or else from its being here. Time is an argument: nobody here looks at a clock.

A record stands at the newest time that its input has told so far: one that is out of order in its
input goes right after those before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item")
Times = NDArray[np.int64]
GRACE_MS: Final = 50
NEVER, FOR_EVER = -(1 << 62), 1 << 62
_NONE: Final = np.empty(0, np.int64)


class Limits(NamedTuple):
    """How far, by event time, other partitions let this one go: for a record that arrived by
    `sure_ms` so far as those have come that have records; else so far as all have come."""

    near_ms: int = FOR_EVER
    far_ms: int = FOR_EVER
    sure_ms: int = FOR_EVER

    def let(self, times_ms: Times, arrived_ms: Times) -> NDArray[np.bool_]:
        """Whether records may go on."""
        far = (times_ms <= self.far_ms) & (arrived_ms <= self.sure_ms)
        return (times_ms <= self.near_ms) | far


@dataclass(slots=True)
class Released(Generic[Item]):
    """Records that may go on, in order; by input, the offset that comes after them."""

    items: list[Item] = field(default_factory=list)
    offsets: dict[str, int] = field(default_factory=dict)

    def add(self, more: Released[Item]) -> None:
        """Records that come after these."""
        self.items += more.items
        self.offsets |= more.offsets


@dataclass(slots=True)
class _Input(Generic[Item]):
    """One input: what waits, from place `begin` on, and what is known of its end."""

    items: list[Item] = field(default_factory=list)
    times_ms: Times = field(default_factory=lambda: _NONE)  # where each stands: never falling
    arrived_ms: Times = field(default_factory=lambda: _NONE)
    offsets: Times = field(default_factory=lambda: _NONE)
    begin: int = 0
    newest_ms: int = NEVER
    position: int = 0  # the offset that is read next
    drained_ms: int = NEVER  # when all that it had was read, or is read now

    @property
    def waiting(self) -> int:
        return len(self.items) - self.begin

    @property
    def head_ms(self) -> int:
        """Where its first record stands."""
        return int(self.times_ms[self.begin])

    def add(self, times_ms: Times, offsets: Times, items: list[Item], arrived_ms: int) -> None:
        begin, self.begin = self.begin, 0
        standing_ms = np.maximum.accumulate(np.maximum(times_ms, self.newest_ms))
        self.times_ms = np.concatenate((self.times_ms[begin:], standing_ms))
        arrived = np.full(len(items), arrived_ms, np.int64)
        self.arrived_ms = np.concatenate((self.arrived_ms[begin:], arrived))
        self.offsets = np.concatenate((self.offsets[begin:], offsets))
        self.items = self.items[begin:] + items
        self.newest_ms = int(standing_ms[-1])

    def stop(self, until_ms: int, most: int) -> int:
        """The place before which at most so many stand, none later than a time."""
        stop = int(np.searchsorted(self.times_ms, until_ms, side="right"))
        return min(max(stop, self.begin), self.begin + most)


class Alignment(Generic[Item]):
    """Merges inputs; at equal times in the order in which they were named."""

    def __init__(self, names: Sequence[str], grace_ms: int = GRACE_MS) -> None:
        self._inputs: dict[str, _Input[Item]] = {name: _Input() for name in names}
        self._grace_ms = grace_ms
        self._newest_ms = NEVER  # of what was released

    def begin_at(self, name: str, offset: int) -> None:
        """Where reading of an input begins."""
        self._inputs[name].position = offset

    def add(
        self, name: str, times_ms: Times, offsets: Times, items: list[Item], arrived_ms: int
    ) -> None:
        """Take records of an input, at least one, in its own order, which are here at a time.

        A record that tells no time (a dead letter) is given NEVER: it stands with the one before.
        What comes again is left out: a client that goes on after a pause may begin too early
        (librdkafka, issues 4686 and 4637).
        """
        one = self._inputs[name]
        if offsets[0] < one.position:
            old = int(np.searchsorted(offsets, one.position))
            times_ms, offsets, items = times_ms[old:], offsets[old:], items[old:]
        if items:
            one.add(times_ms, offsets, items, arrived_ms)
            one.position = int(offsets[-1]) + 1

    def passed(self, name: str, position: int) -> None:
        """Nothing to be seen lies before an offset: marks of transactions, aborted records."""
        one = self._inputs[name]
        one.position = max(one.position, position)

    def ended(self, name: str, end: int, asked_ms: int, answered_ms: int) -> None:
        """Take the end offset of an input, asked for at a time and answered at another."""
        one = self._inputs[name]
        if one.position >= end:
            one.drained_ms = max(one.drained_ms, asked_ms)
        if one.waiting:
            there = slice(one.begin, int(np.searchsorted(one.offsets, end)))
            one.arrived_ms[there] = np.minimum(one.arrived_ms[there], answered_ms)

    def is_drained_since(self, at_ms: int) -> bool:
        """Whether nothing waits, and nothing more was there at a time or later."""
        return all(not one.waiting and one.drained_ms >= at_ms for one in self._inputs.values())

    @property
    def come_ms(self) -> int:
        """The event time up to which this has come: that of its oldest record, or of what was
        released last, if that is newer."""
        heads = [one.head_ms for one in self._inputs.values() if one.waiting]
        return max(min(heads, default=NEVER), self._newest_ms)

    @property
    def sure_ms(self) -> int:
        """What arrived elsewhere by then, came after all that this one had: nothing waits here, and
        there was nothing more a grace later."""
        drained_ms = min(one.drained_ms for one in self._inputs.values())
        return NEVER if self.waiting else max(drained_ms - self._grace_ms, NEVER)

    def release(self, most: int, limits: Limits = Limits()) -> Released[Item]:  # noqa: B008
        """The records that nothing can come before any more, oldest first, at most so many, within
        these limits."""
        merged = _merged(list(self._inputs.values()), limits.far_ms, most)
        may = limits.let(merged.times_ms, merged.arrived_ms)
        for one, after in zip(self._inputs.values(), merged.ends, strict=True):
            # After its last record here, it may have more on the broker.
            may[after:] &= merged.arrived_ms[after:] <= one.drained_ms - self._grace_ms
        count = len(may) if may.all() else int(may.argmin())
        if not count:
            return Released()
        self._newest_ms = max(self._newest_ms, int(merged.times_ms[count - 1]))
        return self._taken(merged.sources[:count])

    def _taken(self, sources: Times) -> Released[Item]:
        """Take records, whose inputs these are by number, out of what waits."""
        counts = np.bincount(sources, minlength=len(self._inputs)).tolist()
        released: Released[Item] = Released()
        parts = []
        for (name, one), count in zip(self._inputs.items(), counts, strict=True):
            begin = one.begin
            one.begin += count
            parts.append(iter(one.items[begin : one.begin]))
            if count:
                released.offsets[name] = int(one.offsets[one.begin - 1]) + 1
        released.items = [next(parts[source]) for source in sources.tolist()]
        return released

    @property
    def waiting(self) -> int:
        """How many records wait."""
        return sum(one.waiting for one in self._inputs.values())

    def position_of(self, name: str) -> int:
        """The offset of an input that is read next."""
        return self._inputs[name].position

    def waiting_of(self, name: str) -> int:
        """How many records of an input wait."""
        return self._inputs[name].waiting


class _Merged(NamedTuple):
    """Records of all inputs, in order: their inputs by number, where they stand, when they came."""

    sources: Times
    times_ms: Times
    arrived_ms: Times
    ends: list[int]  # of each input: after which place nothing of it waits


def _merged(inputs: Sequence[_Input[Item]], until_ms: int, most: int) -> _Merged:
    """The oldest of what waits, none later than a time."""
    stops = [one.stop(until_ms, most) for one in inputs]
    parts = [(one, slice(one.begin, stop)) for one, stop in zip(inputs, stops, strict=True)]
    sizes = [stop - one.begin for one, stop in zip(inputs, stops, strict=True)]
    times_ms = np.concatenate([one.times_ms[part] for one, part in parts])
    order = np.argsort(times_ms, kind="stable")[:most]
    arrived_ms = np.concatenate([one.arrived_ms[part] for one, part in parts])[order]
    sources = np.repeat(np.arange(len(inputs)), sizes)[order]
    ends = [
        FOR_EVER if stop < len(one.items) else _place_after(sources == number, size)
        for number, (one, stop, size) in enumerate(zip(inputs, stops, sizes, strict=True))
    ]
    return _Merged(sources, times_ms[order], arrived_ms, ends)


def _place_after(are_its: NDArray[np.bool_], count: int) -> int:
    """The place after so many of its records; beyond the end where there are not so many."""
    return int(np.searchsorted(np.cumsum(are_its), count)) + 1 if count else 0
