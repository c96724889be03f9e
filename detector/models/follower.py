"""What both questions share: a learner or a record of one, and its scorer, hour by hour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detector.models.examples import HOUR_MS
from detector.models.learner import Learner, Terms, Version
from detector.models.scorer import Scorer
from detector.models.watch import Health, Watch


class Follower:
    """Brings new weights into force at the hour boundaries of the account stage's clock."""

    def __init__(
        self, terms: Terms, history_ms: int, recorded: Sequence[Version] | None,
        version_max: int | None = None, watch: Watch | None = None,
    ) -> None:  # fmt: skip
        """`recorded`: versions to follow; None: learn. Nothing older than `history_ms` is kept.

        `version_max`: none with a higher number comes into force (None: all do). `watch`: over the
        models that are learnt here.
        """
        self._version_max = version_max
        names = [one.name for one in terms.inputs]
        self.scorer = Scorer(terms.question, names)
        self.learner = Learner(terms, watch) if recorded is None else None
        self.watch = None if self.learner is None else self.learner.watch
        self.versions: list[Version] = []  # made here and not yet taken away
        self.said: list[tuple[int, Health, int]] = []  # row of the batch, what, version in force
        self._recorded = [one for one in recorded or () if one.question == terms.question]
        self._history_ms = history_ms
        self._hour = -1

    def hours(
        self, clocks: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> Iterator[NDArray[np.int64]]:
        """Parts of `rows` (in order) that lie in one hour of `clocks` (by row) each.

        What is learnt of earlier hours is in force before a part is given, so it must be handled
        before the next one is asked for. Hours without such a row learn nothing by themselves: how
        a log is cut decides nothing.
        """
        hours = clocks[rows] // HOUR_MS
        bounds = [0, *(np.flatnonzero(np.diff(hours)) + 1).tolist(), len(rows)]
        for start, stop in pairwise(bounds):
            if start < stop:
                self._begin(int(hours[start]), int(rows[start]))
                yield rows[start:stop]

    def _begin(self, hour: int, row: int) -> None:
        if hour <= self._hour:
            return
        is_new_day = hour // 24 != self._hour // 24
        self._hour, hour_ms = hour, hour * HOUR_MS
        if self.learner is not None:
            if is_new_day:
                self.learner.forget_before(hour_ms - self._history_ms)
            version = self.learner.learn(hour_ms)
            if self.watch is not None:
                self.said += [(row, one, self.scorer.number) for one in self.watch.take_said()]
            if version is not None:
                self.versions.append(version)
                self.take(version)
        while self._recorded and self._recorded[0].from_ms <= hour_ms:
            self.take(self._recorded.pop(0))

    def take(self, version: Version) -> None:
        """A version comes into force, unless going back forbids it. ValueError as Scorer.take."""
        if self._version_max is None or version.number <= self._version_max:
            self.scorer.take(version)
