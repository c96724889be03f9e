"""Incidents in plain Python: at each tick all minutes of a series are folded anew, from the first.

Nothing is kept between two ticks but what was told, so late events need no care. Written from the
laws of detector/README.md (31 to 34); shares no code with `detector/`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

DEPTHS = (0.05, 0.2, 0.6)
YEAR_MINUTES = 365.25 * 1440
ERRORS = {"channel_error", "error", "timeout"}
NO_ATTEMPT = {"scheduled", "settled", "reversed"}
Interval = tuple[int, int | None]


@dataclass
class Usual:
    """What is usual by the hour: attempts and hits, halved every 14 days."""

    hours: dict[int, list[float]] = field(default_factory=lambda: defaultdict(lambda: [0.0, 0.0]))
    days: dict[int, int] = field(default_factory=dict)

    def learn(self, minute: int, attempts: int, hits: int) -> None:
        hour = self.hours[minute // 60 % 24]
        hour[0], hour[1] = hour[0] + attempts, hour[1] + hits

    def age(self, minute: int) -> None:
        """Decay an hour on the first minute of another day in which the log is awake."""
        hour, day = minute // 60 % 24, minute // 1440
        if self.days.get(hour) != day:
            self.days[hour] = day
            self.hours[hour] = [value * 0.5 ** (1 / 14) for value in self.hours[hour]]

    def tolerated(self, minute: int) -> float | None:
        attempts = sum(hour[0] for hour in self.hours.values())
        hits = sum(hour[1] for hour in self.hours.values())
        if attempts < 200:
            return None
        own, mean = self.hours[minute // 60 % 24], (hits + 0.5) / (attempts + 1)
        usual = (own[1] + 200 * mean) / (own[0] + 200)
        error = math.sqrt(usual * (1 - usual) / (own[0] + 200))
        return min(max(1.5 * (usual + 3 * error), 0.005), 0.9)


def weight(attempts: int, hits: int, usual: float, depth: float) -> float:
    outage = usual + depth * (1 - usual)
    return hits * math.log(outage / usual) + (attempts - hits) * math.log(
        (1 - outage) / (1 - usual)
    )


@dataclass
class Series:
    """All that was counted of a channel or provider, by minute."""

    typology: str
    entity: str
    counts: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    told: list[dict[str, Any]] = field(default_factory=list)
    hurt: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))  # accounts
    again_at: int = 0

    def intervals(self, first: int, last: int, lag: int, awake: set[int]) -> list[Interval]:
        """Every incident between two minutes, both included; the end None where it lasts."""
        usual, sums, began = Usual(), [0.0] * 3, [first] * 3
        suspicious: set[int] = set()
        found: list[Interval] = []
        opened: int | None = None
        depth, down, down_began, last_attempt = 0.0, 0.0, first, first - 1000
        enough = math.log(3) + math.log(10 * YEAR_MINUTES)
        for minute in range(first, last + 1):
            old = minute - lag
            if old in awake:
                usual.age(old)
                if old not in suspicious:
                    usual.learn(old, *self.counts.get(old, (0, 0)))
            attempts, hits = self.counts.get(minute, (0, 0))
            before_last, p0 = last_attempt, usual.tolerated(minute)
            last_attempt = minute if attempts else last_attempt
            if opened is None:
                if minute - before_last > 60 or p0 is None:
                    sums = [0.0] * 3
                for k in range(3):
                    began[k] = minute if sums[k] <= 0 else began[k]
                    if attempts and p0 is not None:
                        sums[k] = max(0.0, sums[k] + weight(attempts, hits, p0, DEPTHS[k]))
                best = max(range(3), key=lambda k: (sums[k], k))
                recent = sum(self.counts.get(m, (0, 0))[0] for m in range(minute - 9, minute + 1))
                if sums[best] >= enough and recent >= 20:
                    opened, depth, down = began[best], DEPTHS[best], 0.0
                    sums = [0.0] * 3
            else:
                down_began = minute if down <= 0 else down_began
                if attempts and p0 is not None:
                    down = max(0.0, down - weight(attempts, hits, p0, depth))
                end = down_began if down >= 6.9 else None
                if end is None and minute - last_attempt >= 60:
                    end = last_attempt + 1
                if end is not None:
                    found.append((opened, end))
                    opened, sums = None, [0.0] * 3
            if opened is not None or max(sums) >= enough / 2:
                suspicious.add(minute)  # nothing to learn from
        return [*found, (opened, None)] if opened is not None else found

    def tick(self, now: int, found: list[Interval]) -> list[dict[str, Any]]:
        """Law 33: what was told is held against what is found."""
        said = []
        left = list(self.told)
        for began, end in found:
            match = next((one for one in left if meets(one, (began, end))), None)
            if match is None:
                last = math.inf if end is None else end
                hurt = [who for m, who in self.hurt.items() if began <= m < last]
                if len(set().union(*hurt)) < 5:
                    continue
                match = {"id": began, "status": "", "interval": None, "revision": 0}
                self.told.append(match)
            else:
                left.remove(match)
            said += self.revise(match, (began, end), now)
        for one in left:
            if one["status"] != "withdrawn":
                one["status"] = "withdrawn"
                said.append(self.line(one, now))
                began, end = one["interval"]
                one["interval"] = began, now if end is None else end
        return said

    def revise(self, one: dict[str, Any], interval: Interval, now: int) -> list[dict[str, Any]]:
        said = []
        hits = self.sums((interval[0], None), now)[1]
        is_open, same = one["status"] in ("open", "updated"), one["interval"] == interval
        if one["status"] in ("", "withdrawn") or (
            one["status"] == "resolved" and interval[1] is None
        ):
            one["status"], one["interval"] = "open", (interval[0], None)
            said.append(self.line(one, now, interval))
            if interval[1] is None:
                return said
        elif same and not (is_open and interval[1] is None and hits >= self.again_at):
            return []
        one["status"] = "updated" if interval[1] is None else "resolved"
        one["interval"] = interval
        return [*said, self.line(one, now)]

    def sums(self, interval: Interval, now: int) -> tuple[int, int]:
        end = now + 1 if interval[1] is None else interval[1]
        inside = [self.counts[m] for m in list(self.counts) if interval[0] <= m < end]
        return sum(c[0] for c in inside), sum(c[1] for c in inside)

    def line(
        self, one: dict[str, Any], now: int, measured: Interval | None = None
    ) -> dict[str, Any]:
        one["revision"] += 1
        attempts, hits = self.sums(measured or one["interval"], now)
        if (measured or one["interval"])[1] is None and one["status"] != "withdrawn":
            self.again_at = 16
            while self.again_at <= hits:
                self.again_at *= 2
        began, end = one["interval"]
        return {
            "typology": self.typology, "entity": self.entity, "status": one["status"],
            "revision": one["revision"], "at": (now + 1) * 60_000, "began": began * 60_000,
            "ended": None if end is None else end * 60_000, "share": round(hits / attempts, 6),
        }  # fmt: skip


def meets(one: dict[str, Any], interval: Interval) -> bool:
    began, end = one["interval"]
    return bool(
        began <= (math.inf if interval[1] is None else interval[1])
        and interval[0] <= (math.inf if end is None else end)
    )


class Incidents:
    """The control stage, as far as outages go. `lateness_ms` as in the policy."""

    def __init__(self, lateness_ms: int) -> None:
        self.lag = lateness_ms // 60_000 + 10
        self.clock_ms: int | None = None
        self.minute = self.first = 0
        self.newest: int | None = None
        self.awake: set[int] = set()
        self.series: dict[tuple[str, str], Series] = {}

    def handle(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        at_ms = event["occurred_at"]
        if self.clock_ms is None:
            self.clock_ms, self.minute = at_ms, (at_ms - 1) // 60_000
            self.first = self.minute
        said = self.go_on(max(at_ms, self.clock_ms))
        self.clock_ms = max(at_ms, self.clock_ms)
        minute = (at_ms - 1) // 60_000
        self.newest = minute if self.newest is None else max(self.newest, minute)
        name = self.named(event)
        if name is not None and event["outcome"] not in NO_ATTEMPT:
            series = self.series.setdefault(name, Series(*name))
            series.counts[minute][0] += 1
            if event["outcome"] in ERRORS:
                series.counts[minute][1] += 1
                series.hurt[minute].add(event["account_id"])
        return said

    @staticmethod
    def named(event: dict[str, Any]) -> tuple[str, str] | None:
        if event["type"] == "auto_debit":
            return "channel_outage", event["channel"]
        if event["type"] == "identity_verification":
            return "provider_outage", event["provider"]
        return None

    def go_on(self, clock_ms: int) -> list[dict[str, Any]]:
        """The ticks before a time."""
        said = []
        while (self.minute + 1) * 60_000 < clock_ms:
            assert self.newest is not None
            if self.minute - self.newest < 60:
                self.awake.add(self.minute)
            for _, series in sorted(self.series.items()):
                first = min([self.first, *series.counts])
                found = series.intervals(first, self.minute, self.lag, self.awake)
                said += series.tick(self.minute, found)
            self.minute += 1
        return said
