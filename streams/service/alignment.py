"""The inputs of one partition as one stream, by event time, none reordered within itself.

A record is let through when every other input has something newer to show, or is drained: nothing
more is there to come before it. What is drained is known only by asking the broker for an input's
end *after* the record arrived, and a little later still: a check that was sent a few milliseconds
before its draw may be on its way. Time is an argument: nobody here looks at a clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, TypeVar

Item = TypeVar("Item")
GRACE_MS: Final = 50
NEVER, FOR_EVER = -(1 << 62), 1 << 62


class Limits(NamedTuple):
    """How far, by event time, other partitions let this one go: for a record that arrived by
    `sure_ms` so far as those have come that have records; else so far as all have come."""

    near_ms: int = FOR_EVER
    far_ms: int = FOR_EVER
    sure_ms: int = FOR_EVER

    def let(self, time_ms: int, arrived_ms: int) -> bool:
        """Whether a record may go on."""
        return time_ms <= self.near_ms or (time_ms <= self.far_ms and arrived_ms <= self.sure_ms)


@dataclass(slots=True)
class _Input(Generic[Item]):
    """One input: what waits, as (event time, arrival, record), and what is known of its end."""

    waiting: deque[tuple[int, int, Item]] = field(default_factory=deque)
    position: int = 0  # the offset that is read next
    end: int = 0
    asked_ms: int = NEVER  # when its end was asked for

    @property
    def drained_ms(self) -> int:
        """When it is known to have had nothing more."""
        return self.asked_ms if self.position >= self.end else NEVER


class Alignment(Generic[Item]):
    """Merges inputs; at equal times in the order in which they were named."""

    def __init__(self, names: Sequence[str], grace_ms: int = GRACE_MS) -> None:
        self._inputs: dict[str, _Input[Item]] = {name: _Input() for name in names}
        self._grace_ms = grace_ms
        self._newest_ms = NEVER  # of what was released

    def begin_at(self, name: str, offset: int) -> None:
        """Where reading of an input begins."""
        self._inputs[name].position = offset

    def add(self, name: str, records: Iterable[tuple[int, int, Item]], position: int) -> None:
        """Take records of an input, (event time, time of arrival, record), in its own order.

        `position` is the offset after the last of them; a record that tells no time (a dead letter)
        is given that of the one before it by the caller, so that it holds nobody.
        """
        one = self._inputs[name]
        one.waiting.extend(records)
        one.position = position

    def passed(self, name: str, position: int) -> None:
        """Nothing to be seen lies before an offset: marks of transactions, aborted records."""
        one = self._inputs[name]
        one.position = max(one.position, position)

    def ended(self, name: str, end: int, asked_ms: int) -> None:
        """Take the end offset of an input, as it was asked for at a time."""
        one = self._inputs[name]
        one.end, one.asked_ms = end, asked_ms

    def unsure_of(self, now_ms: int, known_ms: int) -> list[str]:
        """The inputs whose end must be asked for before the oldest record can go on; where nothing
        waits, those of which nothing was known at a time or later."""
        heads = [one.waiting[0] for one in self._inputs.values() if one.waiting]
        if not heads:
            return [name for name, one in self._inputs.items() if one.drained_ms < known_ms]
        ripe_ms = min(heads, key=lambda head: head[0])[1] + self._grace_ms
        if now_ms < ripe_ms:
            return []
        return [
            name for name, one in self._inputs.items()
            if not one.waiting and one.drained_ms < ripe_ms
        ]  # fmt: skip

    def is_drained_since(self, at_ms: int) -> bool:
        """Whether nothing waits, and nothing more was there at a time or later."""
        return all(not one.waiting and one.drained_ms >= at_ms for one in self._inputs.values())

    @property
    def come_ms(self) -> int:
        """The event time up to which this has come: that of its oldest record, or of what was
        released last, if that is newer."""
        heads = [one.waiting[0][0] for one in self._inputs.values() if one.waiting]
        return max(min(heads, default=NEVER), self._newest_ms)

    @property
    def arrived_ms(self) -> int:
        """When the record that is next arrived; for ever where there is none."""
        heads = [one.waiting[0] for one in self._inputs.values() if one.waiting]
        return min(heads, key=lambda head: head[0])[1] if heads else FOR_EVER

    @property
    def sure_ms(self) -> int:
        """What arrived elsewhere by then, came after all that this one had: nothing waits here, and
        there was nothing more a grace later."""
        drained_ms = min(one.drained_ms for one in self._inputs.values())
        return NEVER if self.waiting else max(drained_ms - self._grace_ms, NEVER)

    def release(self, most: int, limits: Limits = Limits()) -> list[Item]:  # noqa: B008
        """The records that nothing can come before any more, oldest first, at most so many, within
        these limits."""
        released: list[Item] = []
        while len(released) < most:
            heads = [one for one in self._inputs.values() if one.waiting]
            if not heads:
                break
            empty = (one for one in self._inputs.values() if not one.waiting)
            proof_ms = min((one.drained_ms for one in empty), default=FOR_EVER) - self._grace_ms
            oldest = min(heads, key=lambda one: one.waiting[0][0])  # min keeps the named order
            if not self._run(oldest, heads, proof_ms, limits, most, released):
                break
        return released

    def _run(
        self, one: _Input[Item], heads: list[_Input[Item]], proof_ms: int, limits: Limits,
        most: int, out: list[Item],
    ) -> bool:  # fmt: skip
        """Release of one input what comes before all the other heads; whether anything did."""
        place = heads.index(one)
        bound_ms = min(
            (
                other.waiting[0][0] - (k < place)
                for k, other in enumerate(heads)
                if other is not one
            ),
            default=FOR_EVER,
        )
        before, waiting = len(out), one.waiting
        while waiting and len(out) < most:
            time_ms, arrived_ms, record = waiting[0]
            if time_ms > bound_ms or arrived_ms > proof_ms or not limits.let(time_ms, arrived_ms):
                break
            out.append(record)
            waiting.popleft()
            self._newest_ms = max(self._newest_ms, time_ms)
        return len(out) > before

    @property
    def waiting(self) -> int:
        """How many records wait."""
        return sum(len(one.waiting) for one in self._inputs.values())

    def waiting_of(self, name: str) -> int:
        """How many records of an input wait."""
        return len(self._inputs[name].waiting)
