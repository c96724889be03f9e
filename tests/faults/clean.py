"""A clean run of the service: the log fed to some workers, nothing hurt, then ended by SIGTERM."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tests.faults.judging import Verdict, judged
from tests.faults.logs import Log
from tests.faults.outcome import Outcome
from tests.faults.site import DRAIN_MAX_S, Site
from tests.faults.workers import Worker

STOP_MAX_S = 10.0


def started(site: Site, log: Log, workers: Sequence[Worker]) -> None:
    """Start workers: the log's thin past by the first alone, then the partitions shared out."""
    site.warm_up(log, workers[0])
    for one in workers[1:]:
        one.start()
    site.wait_settled(workers)


def run(
    site: Site, log: Log, truth: Outcome, count: int, rate: float | None
) -> tuple[Verdict, str]:
    """The verdict and how it went, in words."""
    workers = [site.worker(f"w{k}") for k in range(count)]
    started(site, log, workers)
    began_s = time.monotonic()
    with site.fed(log.dense, rate) as feeder:
        feeder.wait()
        drained_s = site.groups.wait_drained(DRAIN_MAX_S)
    took_s = time.monotonic() - began_s
    ends_s = [one.stop() for one in workers]
    assert max(ends_s) < STOP_MAX_S, f"SIGTERM took {max(ends_s):.1f} s"
    return judged(truth, site.outcome()), (
        f"{count} worker{'s' * (count > 1)}: {len(log.dense):,} events in {took_s:.0f} s, drained"
        f" {drained_s:.1f} s after the last; SIGTERM took {max(ends_s):.1f} s at most"
    )
