"""Brokers killed under the service: one at a time, then two of three for a minute."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

from streams.cluster import admin_of, described
from streams.topics import TopicNames
from tests.faults.clean import started
from tests.faults.judging import Verdict, judged
from tests.faults.logs import Log
from tests.faults.outcome import Outcome
from tests.faults.site import DRAIN_MAX_S, Site
from tests.faults.workers import Worker
from tests.kafka.node import Node
from tests.waiting import wait_until

IN_SYNC_MAX_S, FED_MAX_S = 90.0, 60.0
DARK_S = 60.0
LAST = 10_000  # events that are fed when the brokers go, and after
BEFORE = 2_000  # of these, so many before


def outages(
    site: Site, log: Log, truth: Outcome, count: int, rate: float, say: Callable[[str], None]
) -> Verdict:
    """Kill and restart the leader of an input, then the controller, and so on; then two of three
    nodes at once, for a minute."""
    workers = [site.worker("w0"), site.worker("w1", named=False)]
    started(site, log, workers)
    last, rest = log.dense[-LAST:], log.dense[:-LAST]
    killed: Counter[str] = Counter()
    with site.fed(rest, rate, in_step=True) as feeder:
        for k in range(count):
            role, node = ("controller", site.cluster.controller) if k % 2 else (
                "leader", _leader(site))  # fmt: skip
            killed[role] += 1
            node.kill()
            node.start()
            node.wait_started()
            _wait_in_sync(site)
        feeder.wait()
    say(f"  killed and restarted: {', '.join(f'{n} times the {who}' for who, n in killed.items())}"
        f"; {_told(workers)}")  # fmt: skip
    dark = site.cluster.nodes[:2]
    with site.fed(last, rate, in_step=True) as feeder:
        wait_until(lambda: feeder.sent_count > BEFORE, FED_MAX_S, "the first of the last events")
        for node in dark:
            node.kill()
        time.sleep(DARK_S)  # the darkness itself is the test
        lives = _told(workers)
        for node in dark:
            node.start()
        for node in dark:
            node.wait_started()
        back_s = time.monotonic()
        _wait_in_sync(site)
        feeder.wait()
    drained_s = site.groups.wait_drained(DRAIN_MAX_S)
    say(f"  two of three away for {DARK_S:.0f} s: {lives}; drained {drained_s:.1f} s after"
        f" the last event, {time.monotonic() - back_s:.1f} s after they were back")  # fmt: skip
    verdict = judged(truth, site.outcome())
    verdict.differing += [
        f"{one.name} ended:\n{one.life.words}" for one in workers if not one.is_alive
    ]
    return verdict


def _leader(site: Site) -> Node:
    """The node that leads the first partition of the log-ins."""
    name = TopicNames(site.prefix).input("login")
    with admin_of(site.settings) as admin:
        (first, *_) = described(admin, [name])[name]["partitions"]
    return site.cluster.nodes[first["leader_id"] - 1]


def _wait_in_sync(site: Site) -> None:
    """Until every partition has all its replicas again; else the next kill would be a second."""
    site.cluster.wait_ready()
    names = [*TopicNames(site.prefix).inputs, "__consumer_offsets", "__transaction_state"]

    def is_whole() -> bool:
        with admin_of(site.settings) as admin:
            partitions = [p for one in described(admin, names).values() for p in one["partitions"]]
        return all(len(p["isr_nodes"]) == len(p["replica_nodes"]) for p in partitions)

    wait_until(is_whole, IN_SYNC_MAX_S, "all replicas are in sync")


def _told(workers: Sequence[Worker]) -> str:
    """Whether they live, and how often their loops began anew."""
    anew = sum(len(list(one.life.told("begins_anew"))) for one in workers)
    alive = sum(one.is_alive for one in workers)
    return f"{alive} of {len(workers)} workers in their first life, loops begun anew: {anew}"
