"""`lendwatch simulate`: the command around `streams.simulate`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import orjson

from streams.faults import Fault
from streams.progress import steps_done
from streams.simulate import UNDISTURBED, Disturbance, SimulationError, Summary, simulate
from streams.times import iso

UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
SPAN_MAX_MS = 30 * UNITS["d"]


def run(arguments: argparse.Namespace) -> int:
    """The command: writes the world, prints what was written, returns the exit status."""
    disturbance = Disturbance(
        span_ms(arguments.arrival_shuffle), arguments.late_share, span_ms(arguments.late_max)
    )
    words = (arguments.seed, arguments.accounts, arguments.days, arguments.preset)
    made = simulated(Path(arguments.out), *words, disturbance)
    if arguments.json:
        sys.stdout.buffer.write(orjson.dumps(_told(made), option=orjson.OPT_INDENT_2) + b"\n")
    else:
        print(f"{made.event_count:,} events from {iso(made.first_ms)} to {iso(made.last_ms)}")
        print(f"{made.alerts_expected} alerts expected, {made.near_misses} near misses planted")
        print(f"written to {made.events} and {made.truth}")
    return 0


def span_ms(text: str) -> int:
    """Milliseconds of a span like `90s`, `5m`, `6h` or `1d`; Fault where it is none."""
    number, unit = text[:-1], UNITS.get(text[-1:])
    if unit is None or not number.isdecimal() or int(number) * unit > SPAN_MAX_MS:
        raise Fault(f"{text!r} is no span: write it as 90s, 5m, 6h or 1d, at most 30d")
    return int(number) * unit


def simulated(
    out: Path,
    seed: int,
    accounts: int,
    days: int,
    preset: str,
    disturbance: Disturbance = UNDISTURBED,
) -> Summary:
    """The world, with progress by days; Fault where it cannot be made."""
    try:
        with steps_done("simulate", "days") as report:
            return simulate(out, seed, accounts, days, preset, report, disturbance)
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
