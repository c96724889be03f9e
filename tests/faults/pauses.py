"""Workers paused (SIGSTOP) for longer than their session and set going again: zombies."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

from detector.memory import STAGES
from tests.faults.clean import started
from tests.faults.judging import Verdict, judged
from tests.faults.logs import Log
from tests.faults.outcome import Outcome
from tests.faults.site import DRAIN_MAX_S, Site
from tests.faults.watching import Watch
from tests.faults.workers import SESSION_TIMEOUT_MS, Worker
from tests.waiting import wait_until

EXIT_FENCED = 3
SILENT_S = SESSION_TIMEOUT_MS / 1000 + 3.0
WAKE_MAX_S = 60.0


def pauses(
    site: Site, log: Log, truth: Outcome, count: int, rate: float, seed: int,
    say: Callable[[str], None],
) -> Verdict:  # fmt: skip
    """Feed a log to two workers and pause one of them at a time; the second has no name."""
    chance = random.Random(seed)
    workers = [site.worker("w0"), site.worker("w1", named=False)]
    started(site, log, workers)
    woken: Counter[str] = Counter()
    with Watch(site.groups, STAGES) as watch, site.fed(log.dense, rate) as feeder:
        for _ in range(count):
            site.wait_settled(workers)
            victim = chance.choice(workers)
            other = next(one for one in workers if one is not victim)
            time.sleep(chance.uniform(0.0, 1.0))  # a random moment is what is asked for
            woken[_paused(site, victim, other)] += 1
        feeder.wait()
        drained_s = site.groups.wait_drained(DRAIN_MAX_S)
    verdict = judged(truth, site.outcome())
    verdict.differing += [f"offset went back: {one}" for one in watch.went_back]
    how = ", ".join(f"{n} {what}" for what, n in sorted(woken.items()))
    say(f"  seed {seed}: {count} pauses of {SILENT_S:.0f} s: {how}; offsets went back"
        f" {len(watch.went_back)} times in {len(watch.samples):,} looks;"
        f" drained {drained_s:.1f} s after the last event")  # fmt: skip
    return verdict


def _paused(site: Site, victim: Worker, other: Worker) -> str:
    """Pause one until the other has all, wake it; how it came back, in words."""
    life = victim.life
    life.journal()
    victim.pause()
    began_s = time.monotonic()
    everything = list(range(site.partitions))
    for stage in STAGES:
        wait_until(
            lambda stage=stage: other.life.owned(stage) == everything, WAKE_MAX_S,
            f"{other.name} has all of {stage}",
        )  # fmt: skip
    time.sleep(max(0.0, SILENT_S - (time.monotonic() - began_s)))  # the silence itself is the test
    before = len(life.journal())
    victim.resume()

    def is_back() -> str:
        if victim.life.process.poll() is not None:
            status = victim.wait_ended()
            assert status == EXIT_FENCED, f"{victim.name} ended with {status}:\n{life.words}"
            victim.start()
            return "ended as fenced"
        since = life.journal()[before:]
        back = [one for one in since if one["event"] == "restored" and one["stage"] == STAGES[0]]
        anew = [one for one in since if one["event"] == "begins_anew"]
        return "" if not back else "began anew" if anew else "rejoined with nothing in hand"

    return wait_until(is_back, WAKE_MAX_S, f"{victim.name} is back or gone")
