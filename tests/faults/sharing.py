"""Two workers with one name; two processes that share partitions, or stages."""

from __future__ import annotations

import time
from collections.abc import Callable

from detector.memory import STAGES
from streams.service.app import LOOPS
from tests.faults.clean import started
from tests.faults.judging import Verdict, judged
from tests.faults.logs import Log
from tests.faults.outcome import Outcome
from tests.faults.pauses import EXIT_FENCED
from tests.faults.site import DRAIN_MAX_S, SETTLED_MAX_S, Site
from tests.waiting import wait_until

CALM_S = 10.0  # so long after one of two has gone nobody may be evicted
Say = Callable[[str], None]


def twins(site: Site, log: Log, truth: Outcome, rate: float, say: Say) -> Verdict:
    """A second worker with the name of a living one: one of them ends and says why."""
    first, second = (site.worker(name, instance="twin") for name in ("first", "second"))
    started(site, log, [first])
    with site.fed(log.dense, rate) as feeder:
        second.start()
        began_s = time.monotonic()
        gone = wait_until(
            lambda: next((one for one in (first, second) if not one.is_alive), None),
            SETTLED_MAX_S, "one of two with one name ends",
        )  # fmt: skip
        ended_s = time.monotonic() - began_s
        status = gone.wait_ended()
        assert status == EXIT_FENCED, f"it ended with {status}:\n{gone.life.words}"
        why = next(gone.life.told("must_end"))["why"]
        left = second if gone is first else first
        site.wait_settled([left])
        time.sleep(CALM_S)  # that nothing happens can only be seen by waiting
        feeder.wait()
        drained_s = site.groups.wait_drained(DRAIN_MAX_S)
    verdict = judged(truth, site.outcome())
    anew = len(list(left.life.told("begins_anew")))
    if not left.is_alive or anew > len(LOOPS):
        verdict.differing.append(f"{anew} times begun anew: a loop\n{left.life.words}")
    say(
        f"  two of one name: the {gone.name} ended with {status} after {ended_s:.1f} s ({why!r});"
        f" the other goes on, begun anew {anew} times, drained {drained_s:.1f} s after the last"
    )
    return verdict


def groups(site: Site, log: Log, truth: Outcome, rate: float, say: Say) -> Verdict:
    """A second `run` with the same app id, another process group, no names: they share."""
    workers = [site.worker(f"w{k}", named=False) for k in range(2)]
    started(site, log, workers)
    shares = [one.life.owned(STAGES[0]) for one in workers]
    with site.fed(log.dense, rate) as feeder:
        feeder.wait()
        site.groups.wait_drained(DRAIN_MAX_S)
    say(f"  two runs of one app id have the partitions {shares[0]} and {shares[1]}")
    return judged(truth, site.outcome())


def stages(site: Site, log: Log, truth: Outcome, rate: float | None, say: Say) -> Verdict:
    """The account stage in one process, the others in a second: together they do it all."""
    head = site.worker("head", words=["--stages", STAGES[0]])
    tail = site.worker("tail", words=["--stages", ",".join(LOOPS[1:])])
    tail.start()
    started(site, log, [head])
    with site.fed(log.dense, rate) as feeder:
        feeder.wait()
        drained_s = site.groups.wait_drained(DRAIN_MAX_S)
    own = {line["stage"] for line in head.life.told("assigned")}
    others = {line["stage"] for line in tail.life.told("assigned")}
    assert (own, others) == ({STAGES[0]}, set(LOOPS[1:])), (own, others)
    say(f"  stages in two processes: drained {drained_s:.1f} s after the last event")
    return judged(truth, site.outcome())
