"""`make quality ARGS="... --drifts"`: what is said of the models' health, rightly and wrongly.

A set as it is and honest worlds of the simulator should give no alert; a set in which something is
another from a day on should give one soon.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import orjson

from detector.decode import Decoder
from detector.events import TIME_MAX_MS
from detector.ids import Ids
from streams.simulate import simulate
from streams.simulate.world import START_MS
from tests.quality.judged import BATCH, learning_engine
from tests.quality.measures import DAY_MS
from tests.quality.sets import DevelopmentSet, policy_of

Event = dict[str, Any]
FROM_DAY: Final = 58  # of a log, from which on it is another
SHARE: Final = 3  # of the accounts one in so many
HONEST_SEEDS: Final = (1, 2)
HONEST_ACCOUNTS: Final = 1_500
HONEST_DAYS: Final = 110
HONEST_POLICY: Final = "[learning]\nlabel_delay_days = 7\n"


def in_other_units(event: Event) -> Event:
    """A source begins to tell amounts a hundred times as large."""
    return _times(event, 100)


def dearer(event: Event) -> Event:
    """Everybody draws half as much again."""
    return _times(event, 1.5)


def _times(event: Event, times: float) -> Event:
    if "amount_minor" not in event:
        return event
    return {**event, "amount_minor": round(event["amount_minor"] * times)}


def of_others(event: Event) -> Event:
    """A third of the accounts gives place to new ones, which draw three times as much."""
    if sum(event["account_id"].encode()) % SHARE:
        return event
    return _times({**event, "account_id": f"new-{event['account_id']}"}, 3)


PLANTED: Final[dict[str, Callable[[Event], Event]]] = {
    "as it is": lambda event: event,
    "amounts a hundred times": in_other_units,
    "amounts half as much again": dearer,
    "a third of the customers new": of_others,
}


def show_drifts(one: DevelopmentSet, lines: list[bytes]) -> None:
    """What is said of a set, as it is and as it would be."""
    events: list[Event] = [orjson.loads(line) for line in lines]
    first = events[0]["occurred_at"] // DAY_MS
    print(f"{one.title}; another from day {FROM_DAY} on")
    for name, change in PLANTED.items():
        then_ms = (first + FROM_DAY) * DAY_MS
        log = [
            orjson.dumps(change(event) if event["occurred_at"] >= then_ms else event)
            for event in events
        ]
        _show(name, log, policy_of(one))


def show_honest_worlds() -> None:
    """What is said of worlds in which nothing is wrong.

    Without their thin past: where it ends, everybody begins to draw otherwise.
    """
    for seed in HONEST_SEEDS:
        with tempfile.TemporaryDirectory() as folder:
            made = simulate(Path(folder), seed, HONEST_ACCOUNTS, HONEST_DAYS, "honest")
            lines = made.events.read_bytes().splitlines()
        log = [line for line in lines if orjson.loads(line)["occurred_at"] >= START_MS]
        _show(f"honest world, seed {seed}", log, HONEST_POLICY)


def _show(name: str, log: list[bytes], policy: str) -> None:
    """One line: looks by what they said, the highest index, each alert and on which day."""
    engine = learning_engine(policy)
    assert engine.models is not None
    watch = engine.models.draws.follower.watch
    assert watch is not None
    decoder = Decoder(Ids(), TIME_MAX_MS)
    highest: dict[str, float] = {}
    told, first = [], orjson.loads(log[0])["occurred_at"] // DAY_MS
    for start in range(0, len(log), BATCH):
        for alert in engine.process(decoder.decode(log[start : start + BATCH])).alerts:
            if alert["entity"]["kind"] == "model":
                day = alert["occurred_at"] // DAY_MS - first
                (reason,) = alert["reasons"]
                told.append(f"{reason['code']} {alert['status']} on day {day}, "
                            f"{reason['observed']:.2f}")  # fmt: skip
        for part, index in watch.indices.items():
            highest[part] = max(index, highest.get(part, 0.0))
    looks = {name: _counted(counts) for name, counts in watch.results.items()}
    print(f"{name:32} {looks}; highest index {highest}; {'; '.join(told) or 'no alert'}",
          flush=True)  # fmt: skip


def _counted(results: Counter[str]) -> str:
    return ", ".join(f"{n} {name}" for name, n in sorted(results.items()))
