"""The inputs of one partition as one stream, by event time, none reordered within itself.

A record is let through when every other input has something newer to show, or is drained: nothing
more is there to come before it. What is drained is known only by asking the broker for an input's
end *after* the others' newest record arrived, and a little later still: a check that was sent a few
milliseconds before its draw may be on its way. Time is an argument: nobody here looks at a clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")
GRACE_MS: Final = 50


@dataclass(slots=True)
class _Input(Generic[Item]):
    """One input: what waits, and what is known of its end."""

    waiting: deque[tuple[int, Item]] = field(default_factory=deque)
    position: int = 0  # the offset after the last record that came
    arrived_ms: int = -1  # when its newest record came
    end: int = 0
    asked_ms: int = -1  # when its end was asked for


class Alignment(Generic[Item]):
    """Merges inputs; at equal times in the order in which they were named."""

    def __init__(self, names: Sequence[str], grace_ms: int = GRACE_MS) -> None:
        self._inputs: dict[str, _Input[Item]] = {name: _Input() for name in names}
        self._grace_ms = grace_ms

    def begin_at(self, name: str, offset: int) -> None:
        """Where reading of an input begins."""
        self._inputs[name].position = offset

    def add(
        self, name: str, records: Iterable[tuple[int, Item]], position: int, now_ms: int
    ) -> None:
        """Take records of an input, (event time, record) in its own order.

        `position` is the offset after the last of them; a record that tells no time (a dead letter)
        is given that of the one before it by the caller, so that it holds nobody.
        """
        one = self._inputs[name]
        one.waiting.extend(records)
        one.position = position
        one.arrived_ms = now_ms

    def ends(self, told: Mapping[str, int], asked_ms: int) -> None:
        """Take the end offsets of inputs, as they were asked for at a time."""
        for name, end in told.items():
            self._inputs[name].end, self._inputs[name].asked_ms = end, asked_ms

    def unsure_of(self, now_ms: int) -> list[str]:
        """The inputs whose end must be asked for before anything can go on."""
        if not any(one.waiting for one in self._inputs.values()):
            return []
        ripe_ms = self._ripe_ms()
        return [
            name for name, one in self._inputs.items()
            if not one.waiting and not self._is_drained(one) and now_ms >= ripe_ms
        ]  # fmt: skip

    def release(self, most: int) -> list[Item]:
        """The records that nothing can come before any more, oldest first, at most so many."""
        released: list[Item] = []
        while len(released) < most:
            heads = [one for one in self._inputs.values() if one.waiting]
            held = any(not one.waiting and not self._is_drained(one)
                       for one in self._inputs.values())  # fmt: skip
            if not heads or held:
                break
            oldest = min(heads, key=lambda one: one.waiting[0][0])  # min keeps the named order
            released.append(oldest.waiting.popleft()[1])
        return released

    @property
    def waiting(self) -> int:
        """How many records wait."""
        return sum(len(one.waiting) for one in self._inputs.values())

    def _ripe_ms(self) -> int:
        """From when on an end that is asked for can prove an input drained."""
        return max(one.arrived_ms for one in self._inputs.values()) + self._grace_ms

    def _is_drained(self, one: _Input[Item]) -> bool:
        return one.position >= one.end and one.asked_ms >= self._ripe_ms()
