"""What a stage's loop tells the metrics: by turn and by batch, never by event.

The loop's thread writes; the page's thread reads. What both touch is one value or a mapping that is
replaced whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from streams.metrics import Metrics
from streams.service.counting import Counting
from streams.service.partition import Partition, Taken
from streams.service.work import Work

LOOK_EVERY_S: Final = 0.5  # at what is in memory, and at how far reading has come
SAMPLES_MAX: Final = 1_024
Place = tuple[str, int]


class Sample(NamedTuple):
    """A record that was read: where it lies, and when the broker took it (epoch seconds)."""

    place: Place
    offset: int
    appended_s: float


class Vitals(NamedTuple):
    """What health is judged by, in seconds; lag in records."""

    is_assigned: bool
    is_restoring: bool
    turn_age_s: float
    commit_age_s: float
    ends_age_s: float  # since the broker last told where the inputs end
    lag: int


class StageMeters:
    """Of one stage. `feeds`: what each input topic is called; `clock`: epoch seconds."""

    def __init__(
        self, metrics: Metrics, stage: str, feeds: Mapping[str, str],
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.stage = stage
        self._metrics, self._feeds, self._clock = metrics, feeds, clock
        self._counting = Counting(metrics, stage, feeds)
        self._began_s = self._turned_s = self._committed_s = self._looked_s = clock()
        self._restoring_s: float | None = None
        self._is_assigned = False
        self._clock_ms = -1
        self._samples: list[Sample] = []
        self._offsets: dict[Place, int] = {}  # what is committed, as far as it was by us
        self._ends: Mapping[Place, int] = {}
        self._ends_s = -1.0
        self._behind_s: float | None = None  # since when an end is known that is not reached
        self._reached: dict[Place, int] = {}
        self._show()

    def _show(self) -> None:
        """What is asked for at a scrape is worked out then."""
        shown, stage = self._metrics, self.stage
        for topic in self._feeds:
            shown.lag_records.labels(stage, topic).set_function(partial(self.lag, topic))
        for gauge, value in (
            (shown.lag_seconds, self._lag_s),
            (shown.commit_age, lambda: self._clock() - self._committed_s),
            (shown.turn_age, lambda: self._clock() - self._turned_s),
            (shown.restoring, self._restored_for_s),
            (shown.clock_lag, self._clock_lag_s),
        ):
            gauge.labels(stage).set_function(value)
        for counter in (shown.turns, shown.rebalances, shown.begun_anew, shown.aborted):
            counter.labels(stage)

    # What the loop tells.

    def assigning(self) -> None:
        """Partitions come; their state is read back from now on."""
        self._restoring_s = self._clock()
        self._metrics.rebalances.labels(self.stage).inc()

    def assigned(self, numbers: Sequence[int]) -> None:
        """They are here, with their state."""
        now_s = self._clock()
        if self._restoring_s is not None:
            self._metrics.restored.labels(self.stage).set(now_s - self._restoring_s)
        self._restoring_s, self._is_assigned = None, True
        self._committed_s = self._turned_s = now_s
        self._metrics.partitions.labels(self.stage).set(len(numbers))

    def left(self) -> None:
        """All partitions have gone: the assignment is eager."""
        self._restoring_s, self._is_assigned = None, False
        self._samples, self._offsets, self._reached, self._ends = [], {}, {}, {}
        self._behind_s = None
        self._metrics.partitions.labels(self.stage).set(0)
        self._counting.left()

    def read(self, messages: Sequence[Any]) -> None:
        """Records were read: the first stands for all."""
        if messages and len(self._samples) < SAMPLES_MAX:
            one = messages[0]
            place, appended_s = (one.topic(), one.partition()), one.timestamp()[1] / 1_000
            # What is done may come again: a client may go on too early after a pause.
            if one.offset() >= self._offsets.get(place, 0):
                self._samples = [*self._samples, Sample(place, one.offset(), appended_s)]

    def ended(self, ends: Mapping[Place, int]) -> None:
        """Where inputs end; told by the thread that asks."""
        self._ends, self._ends_s = ends, self._clock()
        if not self.lag():
            self._behind_s = None
        elif self._behind_s is None:
            self._behind_s = self._ends_s

    def spent(self, step: str, seconds: float) -> None:
        """A part of a turn took so long."""
        self._metrics.turn.labels(self.stage, step).observe(seconds)

    def committed(
        self, works: Mapping[int, Work], taken: Collection[Taken], offsets: Iterable[Any]
    ) -> None:  # fmt: skip
        """A turn's work is committed: what it was, what came of it, and the inputs' offsets."""
        now_s = self._committed_s = self._clock()
        self._metrics.turns.labels(self.stage).inc()
        self._offsets |= {(one.topic, one.partition): one.offset for one in offsets}
        self._observe_samples(now_s)
        counting = self._counting
        counting.work(works.values())
        counting.entered(taken)
        counting.alerts([alert for one in taken for alert in one.alerts], now_s)
        counting.versions([version for one in taken for version in one.versions])
        counting.decisions([decision for one in taken for decision in one.decisions])

    def turned(
        self, owned: Mapping[int, Partition], reached: Callable[[], dict[Place, int]]
    ) -> None:
        """A turn has ended. `reached`: the first record of each input that is not taken."""
        now_s = self._turned_s = self._clock()
        if now_s - self._looked_s < LOOK_EVERY_S or not owned:
            return
        self._looked_s, self._reached = now_s, reached()
        self._counting.memory(owned)
        self._clock_ms = min(
            (one.clock_ms for one in owned.values() if one.clock_ms >= 0), default=-1
        )

    def undone(self) -> None:
        """A transaction was undone."""
        self._metrics.aborted.labels(self.stage).inc()

    def begun_anew(self) -> None:
        """The loop begins another life."""
        self._metrics.begun_anew.labels(self.stage).inc()

    # What is asked for.

    def lag(self, topic: str | None = None) -> int:
        """Records that are known to be there, of one input or of all, and are not committed."""
        reached = self._reached
        return sum(
            max(0, end - reached[place])
            for place, end in self._ends.items()
            if place in reached and topic in (None, place[0])
        )

    @property
    def vitals(self) -> Vitals:
        """What health is judged by."""
        now_s = self._clock()
        return Vitals(
            self._is_assigned, self._restoring_s is not None, now_s - self._turned_s,
            now_s - self._committed_s, now_s - self._ends_s, self.lag(),
        )  # fmt: skip

    def _lag_s(self) -> float:
        """What is not read yet is known since its end was told; what is read, since its append."""
        samples, behind_s = self._samples, self._behind_s
        known_s = [one.appended_s for one in samples] + ([] if behind_s is None else [behind_s])
        return max(0.0, self._clock() - min(known_s)) if known_s else 0.0

    def _restored_for_s(self) -> float:
        begun_s = self._restoring_s
        return 0.0 if begun_s is None else self._clock() - begun_s

    def _clock_lag_s(self) -> float:
        return 0.0 if self._clock_ms < 0 else self._clock() - self._clock_ms / 1_000

    def _observe_samples(self, now_s: float) -> None:
        waiting = []
        for one in self._samples:
            if one.offset < self._offsets.get(one.place, 0):
                seconds = max(0.0, now_s - one.appended_s)
                self._metrics.record_commit.labels(self.stage).observe(seconds)
            else:
                waiting.append(one)
        self._samples = waiting
