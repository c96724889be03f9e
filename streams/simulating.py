"""`lendwatch simulate`: the command around `streams.simulate`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import orjson

from streams.faults import Fault
from streams.progress import steps_done
from streams.simulate import SimulationError, Summary, simulate
from streams.times import iso


def run(arguments: argparse.Namespace) -> int:
    """The command: writes the world, prints what was written, returns the exit status."""
    made = simulated(
        Path(arguments.out), arguments.seed, arguments.accounts, arguments.days, arguments.preset
    )
    if arguments.json:
        sys.stdout.buffer.write(orjson.dumps(_told(made), option=orjson.OPT_INDENT_2) + b"\n")
    else:
        print(f"{made.event_count:,} events from {iso(made.first_ms)} to {iso(made.last_ms)}")
        print(f"{made.alerts_expected} alerts expected, {made.near_misses} near misses planted")
        print(f"written to {made.events} and {made.truth}")
    return 0


def simulated(out: Path, seed: int, accounts: int, days: int, preset: str) -> Summary:
    """The world, with progress by days; Fault where it cannot be made."""
    try:
        with steps_done("simulate", "days") as report:
            return simulate(out, seed, accounts, days, preset, report)
    except SimulationError as error:
        raise Fault(str(error)) from None
    except OSError as error:
        raise Fault(f"{error.filename or out}: cannot be written: {error.strerror}") from None


def _told(made: Summary) -> dict[str, Any]:
    return {
        "events": str(made.events),
        "truth": str(made.truth),
        "counts": made.counts,
        "alerts_expected": made.alerts_expected,
        "near_misses": made.near_misses,
        "first_event_at": made.first_ms,
        "last_event_at": made.last_ms,
    }
