"""Orderly restarts of workers, one after another, as a deployment is rolled."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults.clean import STOP_MAX_S, started
from tests.faults.judging import Verdict, judged
from tests.faults.logs import Log
from tests.faults.outcome import Outcome
from tests.faults.site import DRAIN_MAX_S, Site


def rolling(
    site: Site, log: Log, truth: Outcome, rounds: int, rate: float, say: Callable[[str], None]
) -> Verdict:
    """SIGTERM to each worker in turn, a new life, the partitions shared again; so many rounds."""
    workers = [site.worker("w0"), site.worker("w1", named=False)]
    started(site, log, workers)
    took_s = []
    with site.fed(log.dense, rate) as feeder:
        for _ in range(rounds):
            for one in workers:
                took_s.append(one.stop())
                one.start()
                site.wait_settled(workers)
        feeder.wait()
        drained_s = site.groups.wait_drained(DRAIN_MAX_S)
    verdict = judged(truth, site.outcome())
    if max(took_s) > STOP_MAX_S:
        verdict.differing.append(f"a SIGTERM took {max(took_s):.1f} s")
    say(f"  {len(took_s)} restarts by SIGTERM, each ended with 0 after {max(took_s):.1f} s at most;"
        f" drained {drained_s:.1f} s after the last event")  # fmt: skip
    return verdict
