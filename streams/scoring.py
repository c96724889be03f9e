"""What a run found, held against the truth of a simulated world."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

SLACK_MS = 24 * 3_600_000  # what is found within a day of its truth is found
WITHDRAWN = "withdrawn"
Key = tuple[str, str, str]  # typology, kind and id of the entity


@dataclass(slots=True)
class Score:
    """One typology: what was planted and found, and what was rightly or wrongly left alone."""

    typology: str
    planted: int = 0
    found: int = 0
    near_misses: int = 0
    left_alone: int = 0
    honest_alerts: int = 0  # alerts about what nobody planted

    def told(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class Standing:
    """An alert as its last revision leaves it; the times and events of all its revisions."""

    last: dict[str, Any]
    first_ms: int
    last_ms: int
    events: set[str] = field(default_factory=set)
    explained: bool = False

    @property
    def withdrawn(self) -> bool:
        return bool(self.last["status"] == WITHDRAWN)

    def is_about(self, line: Mapping[str, Any]) -> bool:
        """Whether it speaks of what this line of truth planted."""
        in_time = self.first_ms <= line["by"] + SLACK_MS and self.last_ms >= line["from"]
        return in_time and not self.events.isdisjoint(line["event_ids"])


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a file of JSON lines."""
    with path.open("rb") as file:
        for line in file:
            yield orjson.loads(line)


def standings(alerts: Iterable[dict[str, Any]]) -> dict[str, Standing]:
    """The alerts by id."""
    found: dict[str, Standing] = {}
    for alert in alerts:
        at_ms = alert["occurred_at"]
        known = found.setdefault(alert["alert_id"], Standing(alert, at_ms, at_ms))
        known.last = alert
        known.first_ms, known.last_ms = min(at_ms, known.first_ms), max(at_ms, known.last_ms)
        known.events.update(alert["evidence"], (alert["trigger_event_id"],))
    return found


def scores(truth: Iterable[Mapping[str, Any]], found: Iterable[Standing]) -> list[Score]:
    """One score a typology, by name."""
    by_key: dict[Key, list[Standing]] = defaultdict(list)
    for standing in found:
        by_key[_key(standing.last)].append(standing)
    table: dict[str, Score] = {}
    for line in truth:
        score = table.setdefault(line["typology"], Score(line["typology"]))
        same = by_key[_key(line)]
        if line["expect"] == "alert":
            score.planted += 1
            score.found += _explained(line, same)
        else:
            score.near_misses += 1
            score.left_alone += not any(one.is_about(line) and not one.withdrawn for one in same)
    for standing in (one for same in by_key.values() for one in same):
        if not standing.explained and not standing.withdrawn:
            name = standing.last["typology"]
            table.setdefault(name, Score(name)).honest_alerts += 1
    return [table[name] for name in sorted(table)]


def _explained(line: Mapping[str, Any], same: Iterable[Standing]) -> bool:
    """Whether the truth was found; what it explains is marked."""
    matching = [one for one in same if one.is_about(line)]
    for one in matching:
        one.explained = True
    withdrawn = line.get("status") == WITHDRAWN
    return any(one.withdrawn == withdrawn for one in matching)


def _key(record: Mapping[str, Any]) -> Key:
    return record["typology"], record["entity"]["kind"], record["entity"]["id"]
