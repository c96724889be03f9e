"""`make bench-kafka`: the service on a real broker, beside two peers, in one run.

Repetitions are interleaved and the median counts; README.md says what is measured and how, and how
the peers are set up. Prints a table, writes build/bench_kafka.json, and exits with 1 where a
promise is not kept (`--only-measure`: 0).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console

from streams.simulate.bulk import write_bulk
from tests.bench import runs, watching
from tests.bench.contenders import Contender, contenders
from tests.bench.promises import LIVE_RATE, counts, promises
from tests.bench.runs import Bench, Steady, World
from tests.bench.showing import show
from tests.kafka.broker import Cluster
from tests.kafka.jars import VERSION

TRIES = 3  # of a steady run whose sender was late
PEERS_PACKAGES = ("faust-streaming", "quixstreams", "river")
BROKER_SETTINGS = {"num.partitions": runs.PARTITIONS}  # for topics that a peer makes itself


@dataclass(frozen=True, slots=True)
class Size:
    """How large a run is."""

    accounts: int
    days: int
    events_max: int
    repetitions: int
    seconds: int  # of a steady pace
    restart_events: int
    restart_accounts: int


# Not fewer accounts: the service keeps partitions in step by hours of event time, so that a log of
# few events a day is worked off in small batches, which nobody has who has a backlog.
WHOLE = Size(8_000, 20, 400_000, 3, 20, 3_200_000, 1_300_000)
SHORT = Size(4_000, 14, 60_000, 1, 6, 60_000, 20_000)


def measured(
    bench: Bench, size: Size, who: Sequence[Contender], with_restart: bool
) -> dict[str, Any]:
    """All runs, in their order."""
    bench.say("simulating a world")
    world = World.made(bench.folder / "world", size.accounts, size.days, size.events_max)
    result: dict[str, Any] = {"events": world.events, "past": world.past}
    warm_up(bench, who[0], world)
    result["repetitions"] = backlogs(bench, size, who, world)
    result["backlog"] = {one.name: median_of([each[one.name] for each in result["repetitions"]])
                         for one in who}  # fmt: skip
    result["steady"] = {
        one.name: [
            noted(bench, partial(steady, bench, size, one, world, rate))
            for rate in rates(one, result["backlog"])
        ]
        for one in who
    }
    if with_restart:
        result["restart"] = noted(bench, partial(restart, bench, size, who[0]))
    return result


def noted(bench: Bench, run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a run gives; where it failed, why: the others' figures are not to be lost with it."""
    try:
        return run()
    except (RuntimeError, TimeoutError, ValueError) as error:
        bench.say(f"failed: {error}")
        return {"failed": str(error)}


def restart(bench: Bench, size: Size, who: Contender) -> dict[str, Any]:
    """A restart with a large state, from a bulk log. Its last fifth is not used: the newest events
    of such a log are debits alone, which do not go to every stage."""
    bench.say("writing a bulk log")
    log = bench.folder / "bulk.jsonl"
    grown = write_bulk(log, size.restart_events * 5 // 4, size.restart_accounts) * 4 // 5
    return runs.restart(bench, who, log, grown, accounts_in(log, grown))


def warm_up(bench: Bench, who: Contender, world: World) -> None:
    """One run that does not count: it compiles what the service compiles once a machine."""
    bench.say("warming up")
    bench.make_topics("warm")
    runs.fill(bench, "warm", world.log, world.past, (world.events - world.past) // 10)
    place = bench.place("warm", who)
    with bench.running(who, place) as team:
        total = watching.ends(bench.bootstrap, who.inputs(place))
        bench.consumed(who, place, team, total, 1.0)


def backlogs(
    bench: Bench, size: Size, who: Sequence[Contender], world: World
) -> list[dict[str, Any]]:
    """Repetitions of everybody's backlog: each on topics of its own that all of them read, each
    beginning with another contender."""
    told = []
    for number in range(size.repetitions):
        prefix = f"backlog{number}"
        bench.make_topics(prefix)
        runs.fill(bench, prefix, world.log, 0, world.events)
        order = [*who[number % len(who) :], *who[: number % len(who)]]
        told.append({one.name: runs.backlog(bench, one, prefix, world) for one in order})
    return told


def rates(who: Contender, backlog: dict[str, Any]) -> list[float]:
    """The paces at which a contender is measured: half of what it bears; and for us always, for
    others where it is less than that half, the rate of the promise."""
    half = round(backlog[who.name]["per_wall_s"] / 2, -2)
    if who.name == "lendwatch":
        return [LIVE_RATE, half]
    return [min(LIVE_RATE, half)]


def steady(bench: Bench, size: Size, who: Contender, world: World, rate: float) -> dict[str, Any]:
    """One steady run; again where the sender was late, since such a run measures the sender."""
    before = (world.events - world.past) // 10
    count = min(int(rate * size.seconds), world.events - world.past - before)
    pace = Steady(rate, world.past, before, count)
    for attempt in range(TRIES):
        prefix = f"steady-{who.name}-{rate:.0f}-{attempt}"
        told = runs.steady(bench, who, prefix, world, pace)
        if counts(told):
            break
    return told


def median_of(told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The median of each figure; what was found is the first repetition's."""
    return {
        name: statistics.median(each[name] for each in told)
        if isinstance(value, int | float)
        else value
        for name, value in told[0].items()
    }


def accounts_in(log: Path, events: int) -> int:
    """How many different accounts the first events of a bulk log have."""
    mark = b'"account_id":"'
    with log.open("rb") as file:
        return len({line.split(mark, 1)[1].split(b'"', 1)[0] for line in islice(file, events)})


def machine(peers: Path) -> dict[str, Any]:
    """What it was measured on, and with which versions."""
    asked = "import importlib.metadata as m, sys; print(*map(m.version, sys.argv[1:]))"
    told = subprocess.run([peers, "-c", asked, *PEERS_PACKAGES], capture_output=True, text=True,
                          check=True).stdout.split()  # fmt: skip
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "system": platform.platform(),
        "python": platform.python_version(),
        "kafka": VERSION,
        "lendwatch": version("lendwatch"),
        "confluent-kafka": version("confluent-kafka"),
        **dict(zip(PEERS_PACKAGES, told, strict=True)),
    }


def main() -> int:
    words = argparse.ArgumentParser(prog="bench-kafka", description=__doc__)
    words.add_argument("--short", action="store_true", help="60,000 events, one repetition")
    words.add_argument("--only-measure", action="store_true", help="promises do not matter")
    words.add_argument("--without", action="append", default=[], metavar="NAME",
                       help="leave out `faust`, `quix` or `restart`")  # fmt: skip
    words.add_argument("--peers", type=Path, default=Path(".venv-peers/bin/python"),
                       metavar="PYTHON", help="the peers' own interpreter")  # fmt: skip
    words.add_argument("--out", type=Path, default=Path("build/bench_kafka.json"))
    told = words.parse_args()
    console = Console(stderr=True)
    peers = told.peers.absolute()  # never resolved: a link out of its environment would leave it
    who = [one for one in contenders(peers) if one.name not in told.without]
    with (
        tempfile.TemporaryDirectory(prefix="lendwatch-bench-") as folder,
        Cluster.running(Path(folder) / "kafka", quick=False, settings=BROKER_SETTINGS) as cluster,
        console.status("starting") as status,
    ):

        def say(text: str) -> None:
            status.update(text)
            if not console.is_terminal and not text.endswith(runs.GOES_ON):
                print(text, file=sys.stderr, flush=True)

        result: dict[str, Any] = {"machine": machine(peers)}
        size = SHORT if told.short else WHOLE
        bench = Bench(cluster, Path(folder), say)
        result |= measured(bench, size, who, "restart" not in told.without)
    checked = promises(result)
    result["promises"] = [one.told() for one in checked]
    told.out.parent.mkdir(parents=True, exist_ok=True)
    told.out.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    show(result, checked)
    return int(not told.only_measure and not all(one.kept for one in checked))


if __name__ == "__main__":
    sys.exit(main())
