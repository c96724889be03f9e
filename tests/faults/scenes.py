"""Scenarios by name, each in its long and its short form: (cluster, is_short, seed, say)."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from tests.faults import (
    clean,
    disk,
    heat,
    holds,
    kills,
    loads,
    outages,
    pauses,
    poison,
    restarts,
    sharing,
)  # fmt: skip
from tests.faults.judging import Verdict
from tests.faults.logs import Log, Recipe, made
from tests.faults.outcome import Outcome, replayed
from tests.faults.site import site_on
from tests.kafka.broker import Cluster

Say = Callable[[str], None]
LONG = Recipe(accounts=40_000, full_days=4)
MIDDLE = Recipe(accounts=24_000, full_days=4)
SHORT = Recipe(accounts=7_000, full_days=4, past_days=2)
TINY = Recipe(accounts=4_000, full_days=2, past_days=2)


@cache
def log_of(recipe: Recipe) -> tuple[Log, Outcome]:
    """A log and its truth."""
    log = made(recipe)
    with tempfile.TemporaryDirectory(prefix="lendwatch-truth-") as folder:
        return log, replayed(log.path, Path(folder))


def exact(cluster: Cluster, is_short: bool, seed: int, say: Say) -> None:
    """One, two and four workers say what a replay says."""
    log, truth = log_of(TINY if is_short else MIDDLE)
    say(f"exact: {len(log.lines):,} events, {log.events_an_hour:,.0f} an hour")
    for count in (1, 2) if is_short else (1, 2, 4):
        with site_on(cluster) as site:
            verdict, told = clean.run(site, log, truth, count, 4_000)
            _finish(verdict, f"exact: {told}; {verdict.told}", say)


def killed(cluster: Cluster, is_short: bool, seed: int, say: Say) -> None:
    """Workers killed at random moments."""
    log, truth = log_of(TINY if is_short else LONG)
    plan = kills.Plan(10, 2, 200) if is_short else kills.Plan(100, 3, 500)
    say(f"kills: {len(log.lines):,} events, {log.events_an_hour:,.0f} an hour, seed {seed}")
    with site_on(cluster) as site:
        verdict = kills.kills(site, log, truth, plan, seed, say)
        _finish(verdict, f"kills: {plan.kills} of {plan.workers} workers; {verdict.told}", say)


def holding(cluster: Cluster, is_short: bool, seed: int, say: Say) -> None:
    """Workers killed while an outage holds people."""
    found = holds.struck(log_of(TINY if is_short else SHORT)[0], seed)
    plan = kills.Plan(2, 2, 250) if is_short else kills.Plan(30, 3, 300)
    with tempfile.TemporaryDirectory(prefix="lendwatch-truth-") as folder:
        truth = replayed(found.log.path, Path(folder))
    say(f"holds: {len(found.log.lines):,} events, seed {seed}")
    with site_on(cluster) as site:
        verdict = holds.held(site, found, truth, plan, seed, say)
        _finish(
            verdict, f"holds: {plan.kills} kills of {plan.workers} workers; {verdict.told}", say
        )


def paused(cluster: Cluster, is_short: bool, seed: int, say: Say) -> None:
    """Workers silent beyond their session."""
    log, truth = log_of(TINY if is_short else SHORT)
    count = 1 if is_short else 10
    with site_on(cluster) as site:
        verdict = pauses.pauses(site, log, truth, count, 300 if is_short else 150, seed, say)
        _finish(verdict, f"pauses: {verdict.told}", say)


def restarted(cluster: Cluster, is_short: bool, seed: int, say: Say) -> None:
    """Workers restarted in turn."""
    log, truth = log_of(TINY if is_short else SHORT)
    with site_on(cluster) as site:
        verdict = restarts.rolling(site, log, truth, 1 if is_short else 5, 500, say)
        _finish(verdict, f"restarts: {verdict.told}", say)


def dark(cluster: Cluster, is_short: bool, seed: int, say: Say) -> None:
    """Brokers killed: three nodes in either form."""
    log, truth = log_of(SHORT)
    with site_on(cluster) as site:
        verdict = outages.outages(site, log, truth, 2 if is_short else 10, 400, say)
        _finish(verdict, f"outages: {verdict.told}", say)


def poisoned(cluster: Cluster, is_short: bool, seed: int, say: Say) -> None:
    """Records that are no events."""
    log, truth = log_of(TINY if is_short else MIDDLE)
    with site_on(cluster) as site:
        verdict = poison.poisoned(site, log, truth, seed, say)
        _finish(verdict, f"poison: {verdict.told}", say)


def twins(cluster: Cluster, is_short: bool, seed: int, say: Say) -> None:
    """Two workers with one name."""
    log, truth = log_of(TINY)
    with site_on(cluster) as site:
        verdict = sharing.twins(site, log, truth, 500, say)
        _finish(verdict, f"twins: {verdict.told}", say)


def shared(cluster: Cluster, is_short: bool, seed: int, say: Say) -> None:
    """Partitions shared by two runs, stages by two processes."""
    log, truth = log_of(TINY if is_short else SHORT)
    for part in (sharing.groups, sharing.stages):
        with site_on(cluster) as site:
            verdict = part(site, log, truth, 1_500, say)
            _finish(verdict, f"sharing: {verdict.told}", say)


def backlog(cluster: Cluster, is_short: bool, seed: int, say: Say) -> None:
    """Verifications that come behind everything else."""
    log, truth = log_of(TINY if is_short else MIDDLE)
    with site_on(cluster) as site:
        verdict = loads.backlog(site, log, truth, say)
        _finish(verdict, f"backlog: {verdict.told}", say)


def overload(cluster: Cluster, is_short: bool, seed: int, say: Say) -> None:
    """More than it can bear."""
    log, truth = log_of(SHORT if is_short else MIDDLE)
    with site_on(cluster) as site:
        verdict = loads.overload(site, log, truth, say)
        _finish(verdict, f"overload: {verdict.told}", say)


def hot(cluster: Cluster, is_short: bool, seed: int, say: Say) -> None:
    """An entity with very many events."""
    count = 50_000 if is_short else 1_000_000
    costs = []
    for accounts in (1, count // 1_000):
        with site_on(cluster) as site:
            costs.append(heat.measured(site, accounts, count))
    heat.compared(costs[0], costs[1], count, 1_000, say)
    say("hot: no more for the many than for the few")


def full(cluster: Cluster, is_short: bool, seed: int, say: Say) -> None:
    """A disk that is full; on a cluster of its own."""
    log, truth = log_of(SHORT)
    try:
        verdict = disk.full(log, truth, 1_000, say)
    except disk.NoMount as lacking:
        return say(f"disk: not tried, this machine does not let us mount: {lacking}")
    _finish(verdict, f"disk: {verdict.told}", say)


def _finish(verdict: Verdict, line: str, say: Say) -> None:
    say(line)
    if verdict.table:
        say(verdict.table)
    verdict.check()


SCENES: dict[str, Callable[[Cluster, bool, int, Say], None]] = {
    "kills": killed, "holds": holding, "exact": exact, "pauses": paused, "restarts": restarted,
    "outages": dark,
    "poison": poisoned, "twins": twins, "sharing": shared, "backlog": backlog,
    "overload": overload, "hot": hot, "disk": full,
}  # fmt: skip
NODES = {
    "kills": 3,
    "holds": 3,
    "outages": 3,
}  # others are content with one, the short forms with what is there
# What `make test` runs; the others have a short form too, for `--short`.
IN_SHORT = ("kills", "holds", "exact", "pauses", "restarts", "poison", "hot")  # fmt: skip
