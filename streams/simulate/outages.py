"""Outages laid over a log: of a bank's channel, of a verification provider, of a whole feed.

The world stays as it was; what fails is told as failed, and what was not debited is tried again
after the outage. Lines go through one by one, in the order of arrival.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import orjson

from streams.simulate.shapes import Event
from streams.simulate.world import HOUR_MS

NO_ATTEMPT: Final = frozenset({"scheduled", "settled", "reversed"})
AGAIN_WITHIN_MS: Final = 2 * HOUR_MS  # after the end, everybody is tried again


@dataclass(frozen=True, slots=True)
class Outage:
    """From when, until when (ms, not included), of whom, and what share of the attempts it hits.

    `kind`: "channel", "provider" or "feed" (`name` is then an event type, which falls silent).
    `untried`: the share of a channel's attempts that nobody makes while it lasts.
    """

    kind: str
    name: str
    from_ms: int
    until_ms: int
    depth: float = 1.0
    untried: float = 0.0


@dataclass(slots=True)
class Laid:
    """Lays an outage over lines; afterwards it says whom it hit."""

    outage: Outage
    seed: int
    failed: set[str] = field(default_factory=set)  # obligations, or event ids of answers
    untried: set[str] = field(default_factory=set)  # obligations
    counts: Counter[str] = field(default_factory=Counter)

    def over(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """The lines as they would have been."""
        rng = np.random.default_rng([self.seed, 11])
        waiting: list[tuple[int, int, bytes]] = []
        for line in lines:
            event = orjson.loads(line)
            at_ms = event["occurred_at"]
            while waiting and waiting[0][0] < at_ms:
                yield heapq.heappop(waiting)[2]
            if not self._is_hit(event, rng):
                yield line
                continue
            for told in self._told(event, rng):
                if told["occurred_at"] == at_ms:
                    yield orjson.dumps(told)
                else:
                    self.counts["again"] += 1
                    entry = told["occurred_at"], self.counts["again"], orjson.dumps(told)
                    heapq.heappush(waiting, entry)
        yield from (line for _, _, line in sorted(waiting))

    def _is_hit(self, event: Event, rng: np.random.Generator) -> bool:
        outage = self.outage
        if not outage.from_ms <= event["occurred_at"] < outage.until_ms:
            return False
        if outage.kind == "feed":
            return bool(event["type"] == outage.name)
        if event.get(outage.kind) != outage.name or event["outcome"] in NO_ATTEMPT:
            return False
        return bool(rng.random() < outage.depth)

    def _told(self, event: Event, rng: np.random.Generator) -> Iterator[Event]:
        """What becomes of an event that is hit."""
        self.counts["hit"] += 1
        if self.outage.kind == "feed":
            return
        if self.outage.kind == "provider":
            self.failed.add(event["event_id"])
            yield event | {"outcome": "timeout" if rng.random() < 0.5 else "error"}
            return
        again_ms = self.outage.until_ms + int(rng.integers(1, AGAIN_WITHIN_MS))
        again: dict[str, Any] = event | {"event_id": f"{event['event_id']}r"}
        again |= {"occurred_at": again_ms, "attempt": event["attempt"] + 1}
        if rng.random() < self.outage.untried:
            self.untried.add(event["obligation_id"])
            yield again
            return
        self.failed.add(event["obligation_id"])
        yield event | {"outcome": "channel_error", "amount_debited_minor": 0}
        yield again
