"""The runs that are measured: a backlog, a steady pace, a restart. Each on topics of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from confluent_kafka.admin import AdminClient, NewTopic

from streams.scoring import lines
from streams.simulate.world import START_MS
from tests.bench import feeding, watching
from tests.bench.contenders import Contender, Place
from tests.bench.finding import found, stages_of_typologies, truth_until
from tests.bench.latency import (
    Heard,
    decided_of,
    lateness_p99_ms,
    matched_ms,
    quantiles,
    trigger_of,
)
from tests.bench.processes import ROOT, Team, Worker, cpu_s
from tests.kafka.broker import Cluster
from tests.kafka.records import read

PARTITIONS = 4
CONSUMED_MAX_S = 900.0
FILL_AT_ONCE = 200_000
RESTART_MAX_S = 300.0
HEARING_SETTLES_S = 2.0  # of silence after all is consumed, before the reader is stopped
GOES_ON = "events consumed"  # the end of what is said often, for a terminal alone
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class World:
    """A simulated log and what of its truth it holds. The first `past` events are the world's thin
    past, months with few events a day: no pace of any lender, so nothing is measured there."""

    log: Path
    truth: list[dict[str, Any]]
    events: int
    past: int

    @classmethod
    def made(cls, folder: Path, accounts: int, days: int, events_max: int) -> World:
        """Simulate it, and keep its first events. RuntimeError where that fails."""
        words = ["simulate", "--seed", "1", "--accounts", str(accounts), "--days", str(days)]
        lendwatch([*words, "--out", str(folder)])
        log = folder / "first.jsonl"
        events = past = last_ms = 0
        with (folder / "events.jsonl").open("rb") as file, log.open("wb") as kept:
            for line in islice(file, events_max):
                kept.write(line)
                last_ms = orjson.loads(line)["occurred_at"]
                events, past = events + 1, past + (last_ms < START_MS)
        return cls(log, truth_until(lines(folder / "truth.jsonl"), last_ms), events, past)


@dataclass
class Bench:
    """The broker, and room on disk; each run gets a place of its own."""

    cluster: Cluster
    folder: Path
    say: Report
    _runs: int = field(default=0)

    @property
    def bootstrap(self) -> str:
        return self.cluster.bootstrap

    def broker_cpu_s(self) -> float:
        """Processor seconds of the broker until now."""
        process = self.cluster.nodes[0].process
        assert process is not None, "the broker has ended"
        return cpu_s(process.pid)

    def place(self, prefix: str, who: Contender, for_latency: bool = False) -> Place:
        """Where a contender runs next, its own topics made."""
        self._runs += 1
        folder = self.folder / f"run-{self._runs}"
        folder.mkdir()
        place = Place(self.bootstrap, prefix, f"{who.name}-{self._runs}", folder, for_latency)
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 3})
        if wanted := [NewTopic(topic, PARTITIONS, 1) for topic in who.topics(place)]:
            for made in admin.create_topics(wanted).values():
                made.result()
        return place

    def make_topics(self, prefix: str) -> None:
        """All topics of a deployment of lendwatch, the inputs of everybody among them."""
        words = ["--bootstrap", self.bootstrap, "--partitions", str(PARTITIONS)]
        more = {"LENDWATCH_TOPIC_PREFIX": prefix}
        lendwatch(["topics", "apply", *words, "--replication", "1"], more)

    @contextmanager
    def running(self, who: Contender, place: Place) -> Iterator[Team]:
        """The contender's processes while entered."""
        team = Team([])
        try:
            for number, command in enumerate(who.commands(place)):
                log = place.folder / f"{who.name}-{number}.log"
                team.workers.append(Worker.started(command, log, who.environment(place)))
            yield team
        finally:
            team.stop()

    def consumed(
        self, who: Contender, place: Place, team: Team, total: int, settled_s: float
    ) -> list[watching.Look]:
        """Looks until the contender has consumed `total` events and has nothing left to do."""
        groups = watching.Groups(self.bootstrap, who.groups(place), who.inputs(place))

        def report(done: int, of: int) -> None:
            self.say(f"{who.name}: {done:,} of {of:,} {GOES_ON}")

        def costs() -> tuple[float, float]:
            return team.cpu_s, self.broker_cpu_s()

        return watching.watch(groups, total, costs, CONSUMED_MAX_S, report, settled_s)


def lendwatch(words: list[str], more: dict[str, str] | None = None) -> None:
    """One of our own commands; RuntimeError with its words where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli", *words], cwd=ROOT, text=True, capture_output=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | (more or {}),
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"lendwatch {words[0]} ended with {done.returncode}: {done.stderr}")


def settled_s(who: Contender) -> float:
    """How long nothing must move before a contender is done."""
    return watching.SETTLED_S if who.timed else 2.0


def fill(bench: Bench, prefix: str, log: Path, first: int, count: int) -> None:
    """Send a part of a log at once."""
    bench.say(f"filling the topics with {count:,} events")
    feeding.fill(bench.bootstrap, feeding.records(log, prefix, first, count))


def backlog(bench: Bench, who: Contender, prefix: str, world: World) -> dict[str, Any]:
    """How fast a contender works off the topics of `prefix`, which are filled, and what it found.

    The wall's span of who commits by a timer ends where its busy time ends (watching.py)."""
    place = bench.place(prefix, who)
    total = watching.ends(bench.bootstrap, who.inputs(place))
    with bench.running(who, place) as team:
        looks = bench.consumed(who, place, team, total, settled_s(who))
        peak_bytes = team.peak_bytes
    whole = watching.whole_span(looks, world.past)
    busy = watching.busy_span(looks, total, world.past) if who.timed else whole
    bench.say(f"{who.name}: {busy.per_wall_s:,.0f} events/s, {whole.per_cpu_s:,.0f} a core")
    alerts = (orjson.loads(one.value) for one in read(bench.bootstrap, who.alert(place)))
    return {
        "events": total,
        "measured_events": whole.events,
        "per_wall_s": busy.per_wall_s,
        "per_worker_cpu_s": whole.per_cpu_s,
        "worker_cpu_s": whole.worker_cpu_s,
        "broker_cpu_s": whole.broker_cpu_s,
        "wall_s": busy.wall_s,
        "peak_bytes": peak_bytes,
        "found": found(world.truth, alerts),
    }


@dataclass(frozen=True, slots=True)
class Steady:
    """A steady pace: from which event of the log on, how many go before it at once, and how many
    then at which rate."""

    rate: float
    first: int
    before: int
    count: int


def steady(bench: Bench, who: Contender, prefix: str, world: World, pace: Steady) -> dict[str, Any]:
    """From sending to reading at a steady pace, on topics of its own."""
    bench.make_topics(prefix)
    place = bench.place(prefix, who, for_latency=True)
    fill(bench, prefix, world.log, pace.first, pace.before)
    stamps, heard = place.folder / "stamps.json", place.folder / "heard.jsonl"
    with bench.running(who, place) as team:
        total = watching.ends(bench.bootstrap, who.inputs(place))
        bench.consumed(who, place, team, total, settled_s(who))
        with hearing(bench.bootstrap, heard, [who.alert(place), who.decision(place)]):
            bench.say(f"{who.name}: {pace.count:,} events at {pace.rate:,.0f}/s")
            cpu_before_s, began_s = team.cpu_s, time.monotonic()
            feed(bench.bootstrap, prefix, world.log, pace, stamps)
            cpu_share = (team.cpu_s - cpu_before_s) / (time.monotonic() - began_s)
            total = watching.ends(bench.bootstrap, who.inputs(place))
            bench.consumed(who, place, team, total, HEARING_SETTLES_S)
    told = told_of(pace, orjson.loads(stamps.read_bytes()), heard_in(heard), who, place)
    late_ms, p99_ms = told["sender_late_p99_ms"], told["decisions"]["p99_ms"]
    bench.say(f"{who.name}: decisions p99 {p99_ms} ms, the sender late by {late_ms:.1f} ms at p99")
    return told | {"worker_cpu_share": cpu_share}


def feed(bootstrap: str, prefix: str, log: Path, pace: Steady, stamps: Path) -> None:
    """Send at a pace, in a process of its own."""
    words = [bootstrap, prefix, log, pace.first + pace.before, pace.count, pace.rate, stamps]
    command = [sys.executable, "-m", "tests.bench.feeding", *map(str, words)]
    subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)


@contextmanager
def hearing(bootstrap: str, out: Path, topics: list[str]) -> Iterator[None]:
    """A reader of committed records while entered; `out` is there afterwards."""
    command = [sys.executable, "-m", "tests.bench.hearing", bootstrap, str(out), *topics]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError("the reader did not start")
        yield
    finally:
        process.terminate()
        process.wait()


def heard_in(path: Path) -> list[Heard]:
    """What a reader heard."""
    return [tuple(orjson.loads(line)) for line in path.read_bytes().splitlines()]


def told_of(
    pace: Steady, stamps: dict[str, Any], heard: list[Heard], who: Contender, place: Place
) -> dict[str, Any]:
    """The figures of a steady run."""
    left_ns = dict(zip(stamps["event_ids"], stamps["left_ns"], strict=True))
    stages = stages_of_typologies()
    alerts = [one for one in heard if one[1] == who.alert(place)]
    decisions = [one for one in heard if one[1] == who.decision(place)]
    early = [one for one in alerts if stages[one[2]["typology"]] == "account"]
    # A peer's decisions name no question; all of its are about money.
    money = "unauthorized_transfer"
    late = [one for one in decisions if one[2].get("question", money) == money]

    def figures(records: list[Heard], event_of: Callable[[Any], str]) -> dict[str, Any]:
        return asdict(quantiles(matched_ms(left_ns, records, event_of)))

    seconds = (stamps["left_ns"][-1] - stamps["left_ns"][0]) / 1e9
    return {
        "rate": pace.rate,
        "sent": len(left_ns),
        "sent_per_s": (len(left_ns) - 1) / seconds,
        "sender_late_p99_ms": lateness_p99_ms(stamps["due_ns"], stamps["left_ns"]),
        "account_alerts": figures(early, trigger_of),
        "alerts": figures(alerts, trigger_of),
        "decisions": figures(late, decided_of),
    }


def restart(bench: Bench, who: Contender, log: Path, grown: int, accounts: int) -> dict[str, Any]:
    """How long a worker with a large state is away: from the start of its process to its first
    commit, and to the first commit of each of its groups. The first `grown` events of the log make
    the state; those after them are what it finds when it is back, and reach every stage."""
    prefix, found_after = "restart", grown // 100
    bench.make_topics(prefix)
    place = bench.place(prefix, who)
    for first in range(0, grown, FILL_AT_ONCE):
        fill(bench, prefix, log, first, min(FILL_AT_ONCE, grown - first))
    total = watching.ends(bench.bootstrap, who.inputs(place))
    with bench.running(who, place) as team:
        bench.consumed(who, place, team, total, settled_s(who))
        grown_bytes = team.peak_bytes
    fill(bench, prefix, log, grown, found_after)
    groups = watching.Groups(bench.bootstrap, who.groups(place), who.inputs(place))
    before = groups.standing().committed
    with bench.running(who, place) as team:
        bench.say(f"{who.name}: restarting with {accounts:,} accounts")
        first_s, all_s = away_s(groups, before, team)
        peak_bytes = team.peak_bytes
    bench.say(f"{who.name}: first commit after {first_s:.1f} s, all stages after {all_s:.1f} s")
    return {
        "accounts": accounts, "events": grown, "first_commit_s": first_s, "all_stages_s": all_s,
        "grown_bytes": grown_bytes, "restored_bytes": peak_bytes,
    }  # fmt: skip


def away_s(groups: watching.Groups, before: tuple[int, ...], team: Team) -> tuple[float, float]:
    """Seconds from the start of the process to the first commit of the first group, and to the
    last group's first. TimeoutError where one does not come back."""
    began_s = team.workers[0].began_s
    back: dict[int, float] = {}
    while len(back) < len(before):
        for at, committed in enumerate(groups.standing().committed):
            if committed > before[at] and at not in back:
                back[at] = time.monotonic() - began_s
        assert team.cpu_s >= 0  # asking it tells whether all of them live
        if time.monotonic() - began_s > RESTART_MAX_S:
            raise TimeoutError(f"not all groups were back after {RESTART_MAX_S:.0f} s")
        time.sleep(watching.LOOK_EVERY_S)
    return back[0], max(back.values())
