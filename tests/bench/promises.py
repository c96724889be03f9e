"""What was promised of the service, held against what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tests.bench.latency import LATENESS_MAX_MS

LIVE_RATE = 5_000


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise: a figure, how far it must reach, and how far it should."""

    text: str
    promised: float
    goal: float | None
    measured: float | None  # None: it could not be measured, so it was not kept
    at_most: bool = False

    @property
    def kept(self) -> bool:
        return self._reaches(self.promised)

    @property
    def reached(self) -> bool:
        """Whether the goal was reached too."""
        return self.goal is not None and self._reaches(self.goal)

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self) | {"kept": self.kept, "reached": self.reached}

    def _reaches(self, bound: float) -> bool:
        if self.measured is None:
            return False
        return self.measured <= bound if self.at_most else self.measured >= bound


def counts(run: Mapping[str, Any]) -> bool:
    """Whether a steady run may count: it did not fail, and its sender was on time."""
    return bool("failed" not in run and run["sender_late_p99_ms"] < LATENESS_MAX_MS)


def promises(result: Mapping[str, Any]) -> list[Promise]:
    """All promises about the service that `result` has figures of."""
    return [*_speed(result["backlog"]), *_latency(result["steady"]), *_restart(result)]


def _speed(backlog: Mapping[str, Any]) -> Iterator[Promise]:
    ours = backlog["lendwatch"]["per_worker_cpu_s"]
    yield Promise("events/s a core of worker CPU", 15_000, 40_000, ours)
    for name, least, goal in (("faust", 7, 20), ("quix", 2, None)):
        if name in backlog:
            ratio = ours / backlog[name]["per_worker_cpu_s"]
            yield Promise(f"times {name} + river by CPU", least, goal, ratio)


def _latency(steady: Mapping[str, Any]) -> Iterator[Promise]:
    runs = [one for one in steady.get("lendwatch", ()) if counts(one) and one["rate"] == LIVE_RATE]
    for what, most, goal in (("account_alerts", 200, 150), ("decisions", 600, 400)):
        figure = runs[0][what]["p99_ms"] if runs else None
        words = f"ms, p99 of {what.replace('_', ' ')} at {LIVE_RATE:,}/s"
        yield Promise(words, most, goal, figure, at_most=True)


def _restart(result: Mapping[str, Any]) -> Iterator[Promise]:
    if told := result.get("restart"):
        text = f"s to be back with {told.get('accounts', 0):,} accounts, all stages"
        yield Promise(text, 15, None, told.get("all_stages_s"), at_most=True)
