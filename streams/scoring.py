"""What a run found, held against the truth of a simulated world.

A line of truth expects an `alert`, or that all stays `silent` (a near miss), or `either`: wrong was
done that no rule need see. An alert is about a line if it is of its typology and entity, within a
day of its time, and shares an event with it, where it names any. What a line says may be alerted
`also`, and what is about an event of an `either`, is neither found nor wrong.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import orjson

SLACK_MS = 24 * 3_600_000  # what is found within a day of its truth is found
WITHDRAWN = "withdrawn"
ALERT, SILENT, EITHER = "alert", "silent", "either"
Line = Mapping[str, Any]


@dataclass(slots=True)
class Score:
    """One typology: what was planted and found, and what was rightly or wrongly left alone."""

    typology: str
    planted: int = 0
    found: int = 0
    near_misses: int = 0
    left_alone: int = 0
    honest_alerts: int = 0  # alerts about what nobody planted as a wrong; near misses hit too
    delays_ms: list[int] = field(default_factory=list)  # of what was found, in event time

    @property
    def hits(self) -> int:
        """Near misses that were wrongly alerted."""
        return self.near_misses - self.left_alone

    @property
    def recall(self) -> float | None:
        """The share found; None where nothing was planted."""
        return self.found / self.planted if self.planted else None

    def told(self) -> dict[str, Any]:
        """The figures as JSON has them."""
        figures = asdict(self)
        delays = figures.pop("delays_ms")
        return figures | {
            "recall": self.recall,
            "near_misses_hit": self.hits,
            "median_ms_to_detect": int(median(delays)) if delays else None,
            "worst_ms_to_detect": max(delays, default=None),
        }


@dataclass(slots=True)
class Standing:
    """An alert as its last revision leaves it; the times, typologies and events of all of them."""

    last: dict[str, Any]
    first_ms: int
    last_ms: int
    events: set[str] = field(default_factory=set)
    explained: bool = False
    typologies: set[str] = field(default_factory=set)

    @property
    def withdrawn(self) -> bool:
        return bool(self.last["status"] == WITHDRAWN)

    def is_about(self, line: Line) -> bool:
        """Whether it speaks of what this line of truth planted."""
        in_time = self.first_ms <= line["by"] + SLACK_MS and self.last_ms >= line["from"]
        named = line["event_ids"]  # none where what was planted is that none came
        return in_time and (not named or not self.events.isdisjoint(named))


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
        known.typologies.add(alert["typology"])
    return found


@dataclass(slots=True)
class Scored:
    """Every typology's score by name, in order, and what stands behind the bad figures."""

    table: dict[str, Score] = field(default_factory=dict)
    missed: list[Line] = field(default_factory=list)  # should have been found
    hit: list[Line] = field(default_factory=list)  # near misses that were alerted
    unexplained: list[Standing] = field(default_factory=list)  # honest alerts

    def of(self, typology: str) -> Score:
        """The score of a typology, new where there was none."""
        return self.table.setdefault(typology, Score(typology))


def scores(truth: Iterable[Line], found: Iterable[Standing]) -> list[Score]:
    """One score a typology, by name."""
    return list(scored(truth, found).table.values())


def scored(truth: Iterable[Line], found: Iterable[Standing]) -> Scored:
    """All that was found held against all that was planted."""
    told, standing = list(truth), list(found)
    by_key: dict[tuple[str, str, str], list[Standing]] = defaultdict(list)
    for one in standing:
        entity = one.last["entity"]
        for typology in one.typologies:
            by_key[typology, entity["kind"], entity["id"]].append(one)
    result = Scored()
    for line in told:
        if line["expect"] == EITHER:
            continue
        name, entity = line["typology"], line["entity"]
        score = result.of(name)
        same = by_key[name, entity["kind"], entity["id"]]
        about = [one for one in same if one.is_about(line)]
        if line["expect"] == ALERT:
            for one in about:
                one.explained = True
            result.missed += [] if _count_found(score, line, about) else [line]
        else:
            silent = all(one.withdrawn for one in about)
            score.near_misses += 1
            score.left_alone += silent
            result.hit += [] if silent else [line]
    result.unexplained = list(_unexplained(told, standing))
    for one in result.unexplained:
        result.of(one.last["typology"]).honest_alerts += 1
    result.table = {name: result.table[name] for name in sorted(result.table)}
    return result


def _count_found(score: Score, line: Line, about: list[Standing]) -> bool:
    """Counts something planted; gives whether it was found, and stands as it should."""
    score.planted += 1
    right = [one for one in about if one.withdrawn == (line.get("status") == WITHDRAWN)]
    if right:
        score.found += 1
        score.delays_ms.append(max(0, min(one.last["opened_at"] for one in right) - line["from"]))
    return bool(right)


def _unexplained(truth: list[Line], found: list[Standing]) -> Iterator[Standing]:
    """Alerts that stand and are about nothing that was planted."""
    of_event: dict[str, list[Line]] = defaultdict(list)
    for line in truth:
        if line["expect"] == EITHER or line.get("also"):
            for event_id in line["event_ids"]:
                of_event[event_id].append(line)
    for one in found:
        if one.withdrawn or one.explained:
            continue
        near = (line for event in one.events for line in of_event.get(event, ()))
        if not any(
            line["expect"] == EITHER or not one.typologies.isdisjoint(line["also"]) for line in near
        ):
            yield one
