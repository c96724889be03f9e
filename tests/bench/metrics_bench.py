"""What metrics cost: a backlog worked off with them, scraped, and without them, in turns.

    make bench-metrics     # about ten minutes; wants a machine that does nothing else

Each pair is the two on topics of their own, over the same events; every other pair begins with the
other one. The ratio is taken pair by pair, so that a machine that drifts does not move it, and the
median counts. Beside it stands what the counting itself took of the worker's processor time
(metered.py), which a neighbour hardly moves. Exits with 1 where one is above what is promised.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.bench import runs
from tests.bench.contenders import Lendwatch, Place
from tests.bench.kafka_bench import BROKER_SETTINGS, warm_up
from tests.bench.runs import Bench, World
from tests.kafka.broker import Cluster
from tests.kafka.node import free_ports

COST_MAX = 0.03  # of the processor time of an event, and of events a second
ACCOUNTS, DAYS, EVENTS_MAX = 8_000, 20, 250_000
SCRAPE_EVERY_S = 5.0  # three times as often as deploy/prometheus does
FIGURES = {"events a second": "per_wall_s", "events a second of a core": "per_worker_cpu_s"}


class With(Lendwatch):
    """The service, its page asked for."""

    name = "with-metrics"

    def __init__(self, port: int) -> None:
        self.port = port

    def commands(self, place: Place) -> list[list[str]]:
        words = [sys.executable, "-m", "tests.bench.metered", "run"]
        address = f"127.0.0.1:{self.port}"
        return [[*words, "--bootstrap", place.bootstrap, "--metrics", address]]


class Without(Lendwatch):
    """The service that counts nothing (unmetered.py)."""

    name = "without"

    def commands(self, place: Place) -> list[list[str]]:
        words = [sys.executable, "-m", "tests.bench.unmetered"]
        return [[*words, "run", "--bootstrap", place.bootstrap]]

    def environment(self, place: Place) -> Mapping[str, str]:
        return {**super().environment(place), "LENDWATCH_METRICS_PORT": "0"}


@contextmanager
def scraped(port: int) -> Iterator[list[int]]:
    """A page asked for once a second while entered; the sizes that came."""
    over, sizes = threading.Event(), list[int]()

    def ask() -> None:
        while not over.wait(SCRAPE_EVERY_S):
            with (
                suppress(OSError),  # it is not there yet, or no longer
                urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer,
            ):
                sizes.append(len(answer.read()))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield sizes
    finally:
        over.set()
        thread.join()


def pair(bench: Bench, world: World, number: int, port: int) -> dict[str, dict[str, Any]]:
    """One pair of runs."""
    both = (With(port), Without())
    told = {}
    for who in both[:: -1 if number % 2 else 1]:
        prefix = f"pair{number}{len(told)}"
        bench.make_topics(prefix)
        runs.fill(bench, prefix, world.log, 0, world.events)
        if isinstance(who, With):
            with scraped(port) as sizes:
                told[who.name] = runs.backlog(bench, who, prefix, world)
            told[who.name]["counting"] = counting_s(bench, who)
            if not sizes:
                raise RuntimeError("the page was never there")
            bench.say(f"scraped {len(sizes)} times, {max(sizes):,} bytes")
        else:
            told[who.name] = runs.backlog(bench, who, prefix, world)
    return told


def counting_s(bench: Bench, who: With) -> dict[str, float]:
    """Processor seconds that the last run's worker spent on counting, by what."""
    (log,) = sorted(
        bench.folder.glob(f"run-*/{who.name}-0.log"), key=lambda one: one.stat().st_mtime
    )[-1:]
    last = log.read_text("utf-8").splitlines()[-1]
    return {name: float(text) for name, _, text in (one.partition("=") for one in last.split())}


def say(text: str) -> None:
    """What is done; not how far it is."""
    if not text.endswith(runs.GOES_ON):
        print(text, flush=True)


def main() -> int:
    """Measure, print, judge."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    words.add_argument("--pairs", type=int, default=4)
    words.add_argument("--only-measure", action="store_true", help="exit with 0 whatever it is")
    told = words.parse_args()
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="lendwatch-bench-") as name:
        folder = Path(name)
        with Cluster.running(folder / "kafka", quick=False, settings=BROKER_SETTINGS) as cluster:
            bench = Bench(cluster, folder, say)
            world = World.made(folder / "world", ACCOUNTS, DAYS, EVENTS_MAX)
            warm_up(bench, Without(), world)
            pairs = [pair(bench, world, number, port) for number in range(told.pairs)]
    is_kept = True
    print(f"{world.events - world.past:,} events, {len(pairs)} pairs: cost of metrics")
    for text, figure in FIGURES.items():
        costs = [one["without"][figure] / one["with-metrics"][figure] - 1 for one in pairs]
        middle = statistics.median(costs)
        is_kept &= middle <= COST_MAX
        shown = ", ".join(f"{one:+.1%}" for one in costs)
        print(f"{text}: {middle:+.1%} (median of {shown}); promised: at most {COST_MAX:.0%}")
    shares = [sum(one["counting"].values()) / one["worker_cpu_s"]
              for one in (each["with-metrics"] for each in pairs)]  # fmt: skip
    is_kept &= statistics.median(shares) <= COST_MAX
    print("counting, of the worker's processor time:", ", ".join(f"{one:.2%}" for one in shares))
    print("  seconds of the last run:", pairs[-1]["with-metrics"]["counting"])
    return 0 if is_kept or told.only_measure else 1


if __name__ == "__main__":
    sys.exit(main())
