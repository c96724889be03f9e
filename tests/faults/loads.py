"""Backlogs and overload: order is kept where one input lags, and latency is all that grows."""

from __future__ import annotations

import time
from collections.abc import Callable

import orjson

from detector.memory import STAGES
from streams.service.app import LOOPS
from tests.faults.clean import started
from tests.faults.judging import Verdict, judged
from tests.faults.logs import Log
from tests.faults.outcome import Outcome
from tests.faults.site import DRAIN_MAX_S, Site

Say = Callable[[str], None]
SLOWED_S = 0.02, 0.18  # it runs, and it stands still; far less than a session
GREW_MIN = 0.25  # of what was fed at twice the capacity, at least so much waits at its end


def backlog(site: Site, log: Log, truth: Outcome, say: Say) -> Verdict:
    """All is in Kafka before the worker starts, the verifications after everything else."""
    is_check = [orjson.loads(line)["type"] == "identity_verification" for line in log.lines]
    checks = [line for line, late in zip(log.lines, is_check, strict=True) if late]
    others = [line for line, late in zip(log.lines, is_check, strict=True) if not late]
    for part in (others, checks):
        with site.fed(part):
            pass
    site.worker("w0").start()
    took_s = site.groups.wait_drained(DRAIN_MAX_S)
    outcome = site.outcome()
    verdict = judged(truth, outcome)
    bypasses = [
        sum(one["typology"] == "verification_bypass" for one in whose.alerts.values())
        for whose in (truth, outcome)
    ]
    say(f"  {len(checks):,} verifications behind {len(others):,} other events: verification_bypass"
        f" {bypasses[1]} times, of {bypasses[0]} that are true; {took_s:.0f} s")  # fmt: skip
    return verdict


def overload(site: Site, log: Log, truth: Outcome, say: Say) -> Verdict:
    """First all at once, to know the capacity; then the rest at twice that.

    The worker is given a small part of a processor: a whole one bears more than a feeder that waits
    for acknowledgements can send.
    """
    worker = site.worker("w0")
    started(site, log, [worker])
    part = len(log.dense) // 5
    with worker.slowed(*SLOWED_S):
        began_s = time.monotonic()
        with site.fed(log.dense[:part]):
            pass
        site.groups.wait_drained(DRAIN_MAX_S)
        capacity = part / (time.monotonic() - began_s)
        rest = log.dense[part:]
        with site.fed(rest, 2 * capacity) as feeder:
            feeder.wait()
            grew = site.groups.lag(STAGES[0])
    drained_s = site.groups.wait_drained(DRAIN_MAX_S)
    verdict = judged(truth, site.outcome())
    begun = len(list(worker.life.told("assigned")))
    if begun != len(LOOPS) or not worker.is_alive or list(worker.life.told("begins_anew")):
        verdict.differing.append(f"overload did more than make lag:\n{worker.life.words}")
    if grew < GREW_MIN * len(rest):
        verdict.differing.append(f"no overload: {grew:,} of {len(rest):,} events waited")
    say(
        f"  {capacity:,.0f} events a second are borne; at twice that for {feeder.seconds:.0f} s"
        f" the lag grew to {grew:,}, nothing else happened, and it drained in {drained_s:.0f} s"
    )
    return verdict
