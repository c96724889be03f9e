"""Models that follow what each decision names: a run of a service, repeated.

In a replay a version comes into force at an hour's beginning. In a service it does so between two
transactions of a partition, so that which one judged an event is what its decision says.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detector.models.follower import Follower
from detector.models.learner import Version
from detector.models.models import Models
from detector.models.scorer import Scorer

Named = Mapping[int, int]  # by the hash of an event's id: the version that judged it; 0: none


class ControlledFollower(Follower):
    """Scores each row by the version that is named of its event; others by the one before."""

    def __init__(self, other: Follower, versions: Sequence[Version], named: Named) -> None:
        """Stands in for `other`, which follows a record; `versions` of its question, in order."""
        vars(self).update(vars(other))
        self._named = named
        self._events: NDArray[np.int64] = np.empty(0, np.int64)
        scorer = Scorer(other.scorer.question, other.scorer.names)
        self._scorers = {0: copy.copy(scorer)}
        for version in versions:
            scorer.take(version)
            self._scorers[version.number] = copy.copy(scorer)

    def begin(self, events: NDArray[np.int64]) -> None:
        """A batch comes, whose events have ids of these hashes."""
        self._events = events

    def hours(
        self, clocks: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> Iterator[NDArray[np.int64]]:
        """Parts of `rows` (in order) that one version judged each; it scores when a part is
        given."""
        number, numbers = self.scorer.number, []
        for event in self._events[rows].tolist():
            number = self._named.get(event, number)
            numbers.append(number)
        edges = np.flatnonzero(np.diff(np.array(numbers, np.int64))) + 1
        for start, stop in pairwise([0, *edges.tolist(), len(rows)]):
            if start < stop:
                self.scorer = self._scorers[numbers[start]]
                yield rows[start:stop]


class Controls:
    """Both questions' models under control."""

    def __init__(
        self, models: Models, versions: Sequence[Version], named: Mapping[str, Named]
    ) -> None:
        """`models` follow a record; from now on they follow `named`, by question.

        All versions that are named must be among `versions`.
        """
        self._followers = []
        for each in (models.draws, models.debits):
            question = each.follower.scorer.question
            own = [one for one in versions if one.question == question]
            controlled = ControlledFollower(each.follower, own, named.get(question, {}))
            each.follower = controlled
            self._followers.append(controlled)

    def begin(self, events: NDArray[np.int64]) -> None:
        """A batch comes, whose events have ids of these hashes."""
        for one in self._followers:
            one.begin(events)
