"""What the account stage was told of outages: facts with an interval, and what they put off.

An outage is after when, up to when (ms): its events e are those of start < e <= end; NEVER_MS where
it lasts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from detector.obligation_steps import NEVER_MS

TICK_MS: Final = 60_000  # of the control stage
OUTAGES_MAX: Final = 256  # of one channel, the newest told
Outage = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Fact:
    """An outage of a channel. A later fact of the same `incident_id` replaces this one.

    `is_withdrawn`: there was none.
    """

    incident_id: str
    channel: str
    start_ms: int
    end_ms: int  # NEVER_MS: it lasts
    is_withdrawn: bool


class Outages:
    """The newest fact of each incident."""

    def __init__(self) -> None:
        self._by_channel: dict[str, dict[str, Outage]] = {}

    def hear(self, fact: Fact) -> bool:
        """Take a fact; whether it says anything new."""
        known = self._by_channel.setdefault(fact.channel, {})
        before = known.pop(fact.incident_id, None)
        if fact.is_withdrawn:
            return before is not None
        known[fact.incident_id] = fact.start_ms, fact.end_ms
        if len(known) > OUTAGES_MAX:
            del known[next(iter(known))]
        return (fact.start_ms, fact.end_ms) != before

    def of(self, channel: str) -> Sequence[Outage]:
        """The outages of a channel, in order."""
        known = self._by_channel.get(channel)
        return sorted(known.values()) if known else ()


def outage_of(at_ms: int, outages: Iterable[Outage]) -> Outage | None:
    """The outage that an instant lies in."""
    return next((one for one in outages if one[0] < at_ms <= one[1]), None)


def held_until_ms(errors_ms: Iterable[int], held_ms: int, outages: Sequence[Outage]) -> int:
    """Until when what follows a rail's own errors waits for word of an outage; -1: not at all.

    The end of the outage, else the first tick of the control stage that far after the error: a tick
    comes before what is due at its time, so its word is heard.
    """
    until_ms = -1
    for at_ms in errors_ms:
        outage = outage_of(at_ms, outages)
        free_ms = -(-(at_ms + held_ms) // TICK_MS) * TICK_MS
        until_ms = max(until_ms, free_ms if outage is None else outage[1])
    return until_ms


def missed_after_ms(since_ms: int, after_ms: int, outages: Iterable[Outage]) -> int:
    """When an attempt is missed: so long after a time, or after an outage that stood in its way."""
    missed_ms = since_ms + after_ms
    for start_ms, end_ms in outages:
        if start_ms < missed_ms and end_ms >= since_ms:
            missed_ms = max(missed_ms, min(end_ms + after_ms, NEVER_MS))
    return missed_ms
