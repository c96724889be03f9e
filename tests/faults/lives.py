"""What became of each life of a worker: how long it worked, how much, and if nothing, why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.faults.watching import Watch
from tests.faults.workers import Life, Worker

STAGE = "account"
LONG_ENOUGH_S = 1.5  # with partitions, restored: then something must have been committed


@dataclass
class Tally:
    """Of many lives."""

    count: int = 0
    with_progress: int = 0
    idle: Counter[str] = field(default_factory=Counter)  # why some committed nothing

    @property
    def stuck(self) -> int:
        """Lives that had the time to commit something, had something to do, and did not."""
        return self.idle["had work and time, and did nothing"]

    @property
    def told(self) -> str:
        """One line."""
        why = ", ".join(f"{n} {reason}" for reason, n in sorted(self.idle.items()))
        return f"{self.with_progress} of {self.count} lives committed something" + (
            f"; of the others {why}" if why else ""
        )


@dataclass(frozen=True, slots=True)
class Spell:
    """Partitions of the account stage that a life had, restored, from when to when (s)."""

    partitions: tuple[int, ...]
    from_s: float
    to_s: float


def spells(life: Life, end_s: float) -> list[Spell]:
    """What a life owned and when."""
    found: list[Spell] = []
    owned: tuple[int, ...] = ()
    since_s = 0.0
    for line in life.journal():
        if line.get("stage") != STAGE:
            continue
        at_s = line["at"] / 1000
        if line["event"] == "restored":
            owned, since_s = tuple(sorted({*line["partitions"], *line["kept"]})), at_s
        elif line["event"] in ("revoked", "begins_anew", "left") and owned:
            found.append(Spell(owned, since_s, at_s))
            owned = ()
    return [*found, Spell(owned, since_s, end_s)] if owned else found


def tallied(workers: Iterable[Worker], watch: Watch, fed_until_s: float, end_s: float) -> Tally:
    """All lives of these workers."""
    tally = Tally()
    for worker in workers:
        for life in worker.lives:
            own = spells(life, life.ended_s or end_s)
            tally.count += 1
            done = sum(
                watch.done(one.partitions, one.to_s + 0.3) - watch.done(one.partitions, one.from_s)
                for one in own
            )
            longest_s = max((one.to_s - one.from_s for one in own), default=0.0)
            if done:
                tally.with_progress += 1
            elif not own:
                tally.idle["ended before they had a partition"] += 1
            elif longest_s < LONG_ENOUGH_S:
                tally.idle[f"had theirs for less than {LONG_ENOUGH_S} s"] += 1
            elif min(one.from_s for one in own) > fed_until_s:
                tally.idle["began after the last event"] += 1
            else:
                tally.idle["had work and time, and did nothing"] += 1
    return tally


def heirs_s(workers: Iterable[Worker], partitions: Iterable[int], since_s: float) -> float | None:
    """When all these partitions were assigned anew after a time, in seconds of the epoch; None:
    not yet."""
    missing, newest_s = set(partitions), since_s
    for worker in workers:
        for life in worker.lives[-2:]:
            for line in life.told("assigned", stage=STAGE):
                at_s = line["at"] / 1000
                if at_s > since_s and missing & set(line["partitions"]):
                    missing -= set(line["partitions"])
                    newest_s = max(newest_s, at_s)
    return None if missing else newest_s


def restore_s(workers: Iterable[Worker], since_s: float, until_s: float) -> float:
    """The longest restore of the account stage that began after a time, in seconds."""
    lines = (
        line
        for worker in workers
        for life in worker.lives[-2:]
        for line in life.told("restored", stage=STAGE)
        if since_s < line["at"] / 1000 <= until_s
    )
    return max((line["seconds"] for line in lines), default=0.0)
