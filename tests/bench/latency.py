"""From the moment an event was sent to the moment what was said of it could be read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NS_PER_MS = 1_000_000
LATENESS_MAX_MS = 10.0  # of the sender, at p99; a later one measures itself

Heard = tuple[int, str, Mapping[str, Any]]  # when in ns, on which topic, what


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Milliseconds under which so many lie; None of nothing."""

    count: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value with at least `share` of all at or below it (nearest rank): a value that
    was measured, never one between two. ValueError of nothing, or of a share outside (0, 1]."""
    if not values or not 0 < share <= 1:
        raise ValueError("a quantile needs values, and a share above 0 and up to 1")
    ordered = sorted(values)
    # The product may be a hair above a whole number that it should be.
    return ordered[math.ceil(round(share * len(ordered), 9)) - 1]


def quantiles(values: Sequence[float]) -> Quantiles:
    """p50, p95 and p99 of milliseconds."""
    if not values:
        return Quantiles(0, None, None, None)
    return Quantiles(len(values), *(quantile(values, share) for share in (0.5, 0.95, 0.99)))


def matched_ms(
    left_ns: Mapping[str, int], heard: Iterable[Heard], event_of: Callable[[Any], str]
) -> list[float]:
    """Milliseconds from sending to reading, one for each record heard.

    `event_of` names the event that a record is about. What is about an event that was not sent
    while measuring is left out: it speaks of the time before.
    """
    return [
        (at_ns - left_ns[event_id]) / NS_PER_MS
        for at_ns, _, record in heard
        if (event_id := event_of(record)) in left_ns
    ]


def lateness_p99_ms(due_ns: Sequence[int], left_ns: Sequence[int]) -> float:
    """By how much the sender was late, at p99. ValueError where it sent nothing."""
    late = [(left - due) / NS_PER_MS for due, left in zip(due_ns, left_ns, strict=True)]
    return quantile(late, 0.99)


def trigger_of(alert: Mapping[str, Any]) -> str:
    """The event that an alert's revision is about."""
    return str(alert["trigger_event_id"])


def decided_of(decision: Mapping[str, Any]) -> str:
    """The event that a decision is about."""
    return str(decision["event_id"])
