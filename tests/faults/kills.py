"""Workers killed at random moments: nothing lost, nothing said twice, progress in every life."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from detector.memory import STAGES
from tests.faults.clean import started
from tests.faults.feeding import ALL
from tests.faults.judging import Verdict, judged
from tests.faults.lives import heirs_s, restore_s, tallied
from tests.faults.logs import Log
from tests.faults.outcome import Outcome
from tests.faults.site import DRAIN_MAX_S, Site
from tests.faults.states import differences, state_from, state_of
from tests.faults.watching import Watch
from tests.faults.workers import Worker
from tests.waiting import wait_until

Say = Callable[[str], None]
BACK_MAX_S = 300.0  # a machine that others use too
HASTE = 0.25  # such a share of kills waits for nothing: the last victim may just be starting


@dataclass
class Pauses:
    """How long partitions stood still after a kill, and of what that was made, in seconds."""

    whole_s: list[float] = field(default_factory=list)
    session_s: list[float] = field(default_factory=list)
    restore_s: list[float] = field(default_factory=list)

    @property
    def told(self) -> str:
        """One line."""
        if not self.whole_s:
            return "no pause was seen to its end"
        return (
            f"back at work after {median(self.whole_s):.1f} s (median; most"
            f" {max(self.whole_s):.1f}): until others have the partitions"
            f" {median(self.session_s):.1f} (most {max(self.session_s):.1f}), restore"
            f" {median(self.restore_s):.2f} (most {max(self.restore_s):.2f})"
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is done to how many."""

    kills: int
    workers: int
    rate: float


def kills(
    site: Site, log: Log, truth: Outcome, plan: Plan, seed: int, say: Say,
    chosen: Callable[[Outcome], Outcome] | None = None,
) -> Verdict:  # fmt: skip
    """Feed a log at a rate and kill workers meanwhile. The last worker has no name of its own.

    `chosen`: what of the outcome is held against the truth; all of it, and the state, where it is
    not given.
    """
    chance = random.Random(seed)
    workers = [site.worker(f"w{k}", named=k < plan.workers - 1) for k in range(plan.workers)]
    started(site, log, workers)
    pauses = Pauses()
    began_s = time.monotonic()
    with Watch(site.groups, STAGES) as watch, site.fed(log.dense, plan.rate) as feeder:
        feeder.most = len(log.dense) // (plan.kills + 1)
        for done in range(plan.kills):
            is_hasty = chance.random() < HASTE
            victim = _victim(workers, chance, is_hasty)
            time.sleep(chance.uniform(0.0, 3.0))  # a random moment is what is asked for
            # So that feeding lasts as long as killing does, and each heir has something to do.
            feeder.most = len(log.dense) * (done + 2) // (plan.kills + 1)
            _kill(victim, workers, watch, pauses, not is_hasty and feeder.is_feeding)
            if done % 10 == 9:
                say(f"  {done + 1} kills, {feeder.sent_count:,} events fed")
        killed_s = time.monotonic() - began_s
        fed_at_kills, feeder.most = feeder.sent_count, ALL
        feeder.wait()
        fed_until_s = time.time()
        drained_s = site.groups.wait_drained(DRAIN_MAX_S)
        tally = tallied(workers, watch, fed_until_s, time.time())
    say(
        f"  seed {seed}: {plan.kills} kills in {killed_s:.0f} s, {fed_at_kills:,} of"
        f" {len(log.dense):,} events fed meanwhile; drained {drained_s:.1f} s after the last"
    )
    say(f"  {tally.told}; offsets went back {len(watch.went_back)} times; {pauses.told}")
    verdict = judged(truth, (chosen or _whole)(site.outcome()))
    verdict.differing += [f"offset went back: {one}" for one in watch.went_back]
    if tally.stuck:
        verdict.differing.append(f"{tally.stuck} lives had work and time, and did nothing")
    if chosen is None:
        verdict.differing += _unlike_a_clean_run(site, log, say)
    return verdict


def _whole(outcome: Outcome) -> Outcome:
    return outcome


def _unlike_a_clean_run(site: Site, log: Log, say: Say) -> list[str]:
    """What of the account stage's state is not what the log alone makes of it."""
    clean = state_from(log.lines, site.partitions)
    unlike = differences(clean, state_of(site.bootstrap, site.prefix, site.partitions))
    say(f"  the account stage's state: {len(clean):,} keys, {len(unlike)} unlike a clean run's")
    return unlike


def _victim(workers: Sequence[Worker], chance: random.Random, is_hasty: bool) -> Worker:
    """Any worker, be it at its start, or one that has partitions, once there is any."""
    if is_hasty:
        return chance.choice(workers)
    owners = wait_until(
        lambda: [one for one in workers if one.life.owned(STAGES[0])], BACK_MAX_S, "an owner"
    )
    return chance.choice(owners)


def _kill(
    victim: Worker, workers: Sequence[Worker], watch: Watch, pauses: Pauses, is_awaited: bool
) -> None:
    """Kill a worker and start it again; wait, if so asked, until its partitions go on."""
    owned = victim.life.owned(STAGES[0])
    victim.kill()
    killed_s = time.time()
    stood_at = watch.newest(owned)
    victim.start()
    if not (owned and is_awaited):
        return

    def is_back() -> bool:
        # What was committed just before the kill may be seen just after it; an heir is not.
        return heirs_s(workers, owned, killed_s) is not None and watch.newest(owned) > stood_at

    wait_until(is_back, BACK_MAX_S, f"the partitions {owned} go on after {victim.name} was killed")
    back_s, heir_s = time.time(), heirs_s(workers, owned, killed_s)
    assert heir_s is not None
    pauses.whole_s.append(back_s - killed_s)
    pauses.session_s.append(heir_s - killed_s)
    pauses.restore_s.append(restore_s(workers, killed_s, back_s))
