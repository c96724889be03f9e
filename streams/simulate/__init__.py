"""Simulated worlds: an event log of honest borrowers with planted fraud, and the truth about it.

`simulate` writes `events.jsonl` (contract events in the order of arrival) and `truth.jsonl` (what
should be found, what should be left alone). The same arguments give the same bytes. Only a few days
of events are held in memory, however long the log; of the truth, all.

`days` are full days. Before them lies a prologue of 150 thin days: some visits and a draw of every
account that is not new, so that 90 days without a draw can be told from an account just opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streams.faults import Fault
from streams.simulate.background import Background
from streams.simulate.casting import LAST_DAYS, WARM_UP_DAYS, WorldTooSmallError
from streams.simulate.disturb import Delays, Disturbance
from streams.simulate.log import Log, Truth, open_log
from streams.simulate.scene import Scene, Script
from streams.simulate.stories import INCIDENTS, STORIES
from streams.simulate.world import DAY_MS, NEVER, START_MS, World, make_world

__all__ = ["PRESETS", "UNDISTURBED", "Disturbance", "SimulationError", "Summary", "simulate"]


@dataclass(frozen=True, slots=True)
class Preset:
    """Which stories are told (those whose name begins so), how often, and which incidents."""

    tellings: int
    stories: str = ""
    incidents: tuple[str, ...] = ()
    accounts_min: int = 0
    days_min: int = 0


PRESETS: Final = {
    "honest": Preset(0),
    "small": Preset(1),
    "busy": Preset(4),
    "cases": Preset(1, "case."),
    "demo": Preset(1, incidents=("channel_outage",), accounts_min=1_600),
    "incidents": Preset(
        0,
        incidents=("channel_outage", "complaint_spike", "feed_silent", "feed_broken"),
        accounts_min=1_600,
    ),
    "surge": Preset(0, incidents=("delinquency_surge",), accounts_min=600, days_min=112),
}
UNDISTURBED: Final = Disturbance()
DAYS_MIN: Final = WARM_UP_DAYS + LAST_DAYS
LEAD_MS: Final = 3_600_000  # a draw after midnight has its login on the day before
ACCOUNTS_PER_TELLING: Final = 800
ACCOUNTS_PER_ROUND: Final = 4_000  # each so many accounts, the stories are told once more
ROUNDS_MAX: Final = 15  # four times as many still find a strange network for each stranger
ACCOUNTS_MIN: Final = 300
ACCOUNTS_MAX: Final = 10_000_000
DAYS_MAX: Final = 3_650


class SimulationError(Fault):
    """What was asked for cannot be simulated; the text says what to ask for instead."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written. Times are of arrival, in epoch milliseconds."""

    events: Path
    truth: Path
    counts: dict[str, int]  # events by type
    alerts_expected: int
    near_misses: int
    first_ms: int
    last_ms: int

    @property
    def event_count(self) -> int:
        """All events."""
        return sum(self.counts.values())


def simulate(
    out: Path,
    seed: int = 1,
    accounts: int = 1000,
    days: int = 30,
    preset: str = "small",
    progress: Callable[[int, int], None] | None = None,
    disturbance: Disturbance = UNDISTURBED,
) -> Summary:
    """Writes a labelled world into the folder `out` (made if absent).

    `seed` is 0 or more; `preset` one of PRESETS; `progress(done, all)` is called after each day;
    `disturbance` delays arrivals. Raises SimulationError where the world would be too small to hold
    its stories.
    """
    _check(seed, accounts, days, preset)
    if not 0.0 <= disturbance.late_share <= 1.0:
        raise SimulationError("the share of late events must be 0 to 1")
    out.mkdir(parents=True, exist_ok=True)
    events, partial = out / "events.jsonl", out / "events.jsonl.partial"
    world, truth = make_world(seed, accounts, days), Truth()
    with open_log(partial, Delays(disturbance, seed)) as log:
        _tell(world, log, truth, seed, preset, progress)
    truth.write(out / "truth.jsonl")
    partial.replace(events)
    expected = Counter(line["expect"] for line in truth.lines)
    return Summary(
        events=events,
        truth=out / "truth.jsonl",
        counts=dict(sorted(log.counts.items())),
        alerts_expected=expected["alert"],
        near_misses=expected["silent"],
        first_ms=log.first_ms,
        last_ms=log.last_ms,
    )


def _tell(
    world: World,
    log: Log,
    truth: Truth,
    seed: int,
    preset: str,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Prologue, then day after day: the stories first, then what everybody else does."""
    background = Background(world, log, truth, seed)
    chosen = PRESETS[preset]
    rounds = min(max(1, world.accounts // ACCOUNTS_PER_ROUND), ROUNDS_MAX)
    scenes = [
        Scene(world, name, seed, copy, log, truth, background.instalments)
        for copy in range(chosen.tellings * rounds)
        for name in STORIES
        if name.startswith(chosen.stories)
    ]
    scenes += [
        Scene(world, name, seed, 0, log, truth, background.instalments) for name in chosen.incidents
    ]
    stories = STORIES | INCIDENTS
    scripts = [stories[scene.story](scene) for scene in scenes]
    waiting = [(script, next(script)) for script in scripts]
    for day in range(world.days):
        try:
            waiting = [_play(script, due, day) for script, due in waiting]
        except WorldTooSmallError as error:
            raise SimulationError(str(error)) from error
        background.run_day(day)
        log.flush(START_MS + (day + 1) * DAY_MS - LEAD_MS)
        if progress is not None:
            progress(day + 1, world.days)
    log.end(world.end_ms)


def _play(script: Script, due: int, day: int) -> tuple[Script, int]:
    """Lets a story go on while it has something to do today; gives the day it waits for next."""
    while due <= day:
        due = next(script, NEVER)
    return script, due


def _check(seed: int, accounts: int, days: int, preset: str) -> None:
    """Raises SimulationError with the nearest that would do."""
    if preset not in PRESETS:
        raise SimulationError(f"unknown preset {preset!r}: one of {', '.join(PRESETS)}")
    if seed < 0:
        raise SimulationError("the seed must be 0 or more")
    fewest = max(DAYS_MIN, PRESETS[preset].days_min)
    if not fewest <= days <= DAYS_MAX:
        raise SimulationError(f"days must be {fewest} to {DAYS_MAX} for preset {preset}")
    least = max(ACCOUNTS_MIN, ACCOUNTS_PER_TELLING * PRESETS[preset].tellings)
    least = max(least, PRESETS[preset].accounts_min)
    if not least <= accounts <= ACCOUNTS_MAX:
        raise SimulationError(f"accounts must be {least} to {ACCOUNTS_MAX} for preset {preset}")
