"""One entity with very many events against many with few: it may cost no more an event."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from detector.memory import STAGES
from streams.simulate.world import START_MS
from streams.topics import TopicNames
from tests.faults.outcome import whole
from tests.faults.site import DRAIN_MAX_S, Site
from tests.faults.workers import Worker

STEP_MS = 1_000
COSTS_MOST = 1.25  # times what an event of a calm entity costs: bytes
TAKES_MOST = 1.5  # and CPU time, which is less sure


@dataclass(frozen=True, slots=True)
class Cost:
    """What a log of so many events took."""

    events_a_second: float
    cpu_us: float  # of the worker, an event
    changelog_bytes: float  # of all stages, an event: keys and values


def events(name: str, accounts: int, count: int) -> Iterator[bytes]:
    """Log-ins of so many accounts in turn, each on its own device and network."""
    for at in range(count):
        who = at % accounts
        yield orjson.dumps(
            {
                "type": "login", "event_id": f"{name}{at}", "account_id": f"{name}-{who}",
                "occurred_at": START_MS + at * STEP_MS, "session_id": f"{name}s{at // 50}",
                "device_id": f"{name}d{who}", "ip": f"10.{who % 250}.{who // 250}.9",
                "outcome": "success", "method": "otp",
            }
        )  # fmt: skip


def measured(site: Site, accounts: int, count: int) -> Cost:
    """Feed a log of its own to a worker of its own."""
    worker = site.worker("w0")
    with site.fed(events(f"a{accounts}", accounts, count)):
        pass
    worker.start()
    worker.wait_told("restored", stage=STAGES[0])
    began_s, cpu_s = time.monotonic(), _cpu_s(worker)
    site.groups.wait_drained(DRAIN_MAX_S)
    took_s, cpu_s = time.monotonic() - began_s, _cpu_s(worker) - cpu_s
    kept = 0
    for stage in STAGES:
        topic = TopicNames(site.prefix).internal(f"{stage}-state")
        for one in whole(site.bootstrap, topic, site.partitions):
            kept += len(one.key()) + len(one.value() or b"")
    worker.stop()
    return Cost(count / took_s, cpu_s / count * 1e6, kept / count)


def compared(
    hot: Cost, calm: Cost, count: int, calm_count: int, say: Callable[[str], None]
) -> None:
    """Say both; fail where the hot one costs more."""
    say(f"  an entity with {count:,} events: {hot.events_a_second:,.0f} events a second,"
        f" {hot.cpu_us:.0f} us of CPU and {hot.changelog_bytes:,.0f} bytes of changelog each; with"
        f" {calm_count:,}: {calm.events_a_second:,.0f}, {calm.cpu_us:.0f} us,"
        f" {calm.changelog_bytes:,.0f} bytes")  # fmt: skip
    assert hot.changelog_bytes <= COSTS_MOST * calm.changelog_bytes, "more bytes for a hot entity"
    assert hot.cpu_us <= TAKES_MOST * calm.cpu_us, "more CPU time for a hot entity"


def _cpu_s(worker: Worker) -> float:
    """CPU time of a worker's process so far."""
    fields = Path(f"/proc/{worker.life.process.pid}/stat").read_text("ascii")
    user, system = fields.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / 100
