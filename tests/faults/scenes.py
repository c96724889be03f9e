"""Scenarios by name, each in its long and its short form: (cluster, is_short, seed, say)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from tests.faults import clean, kills
from tests.faults.judging import Verdict
from tests.faults.logs import Log, Recipe, made
from tests.faults.outcome import Outcome, replayed, state_of
from tests.faults.site import site_on
from tests.kafka.broker import Cluster

Say = Callable[[str], None]
LONG = Recipe(accounts=40_000, full_days=4)
MIDDLE = Recipe(accounts=24_000, full_days=4)
SHORT = Recipe(accounts=6_000, full_days=4, has_past=False)
TINY = Recipe(accounts=4_000, full_days=2, has_past=False)


@cache
def log_of(recipe: Recipe) -> tuple[Log, Outcome]:
    """A log and its truth."""
    log = made(recipe)
    return log, replayed(log.path, log.path.parent / "truth")


def exact(cluster: Cluster, is_short: bool, seed: int, say: Say) -> None:
    """One, two and four workers say what a replay says."""
    log, truth = log_of(SHORT if is_short else MIDDLE)
    say(f"exact: {len(log.lines):,} events, {log.events_an_hour:,.0f} an hour")
    for count in (1, 2) if is_short else (1, 2, 4):
        with site_on(cluster) as site:
            verdict, told = clean.run(site, log, truth, count, None if count == 1 else 4_000)
            _finish(verdict, f"exact: {told}; {verdict.told}", say)


def killed(cluster: Cluster, is_short: bool, seed: int, say: Say) -> None:
    """Workers killed at random moments."""
    log, truth = log_of(TINY if is_short else LONG)
    plan = kills.Plan(10, 2, 200) if is_short else kills.Plan(100, 3, 500)
    say(f"kills: {len(log.lines):,} events, {log.events_an_hour:,.0f} an hour, seed {seed}")
    state = None
    if not is_short:
        with site_on(cluster) as site:
            verdict, told = clean.run(site, log, truth, 1, None)
            state = state_of(site.bootstrap, site.prefix, site.partitions, "account")
            _finish(verdict, f"kills: clean run, {told}; {verdict.told}", say)
    with site_on(cluster) as site:
        verdict = kills.kills(site, log, truth, state, plan, seed, say)
        _finish(verdict, f"kills: {plan.kills} of {plan.workers} workers; {verdict.told}", say)


def _finish(verdict: Verdict, line: str, say: Say) -> None:
    say(line)
    if verdict.table:
        say(verdict.table)
    verdict.check()


SCENES: dict[str, Callable[[Cluster, bool, int, Say], None]] = {"exact": exact, "kills": killed}
NODES = {"kills": 3}  # of the long form; others are content with one
