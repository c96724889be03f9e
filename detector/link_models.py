"""The models of one link: which version scores there since when, and what is told to the learner.

Debits are decided by the account stage, draws by the last one, which knows all that they are judged
by; draws that are too old for that by the account stage. Both have models, and there alone.
A version comes into force between two takes, once the link's clock has come to the hour from which
on it may: then nothing that happened later speaks in it. That, and where thresholds stand, is part
of the link's state (models_state.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detector.entering import Rows
from detector.memory import STAGES
from detector.model_risk import ModelRisk

if TYPE_CHECKING:  # river is slow to import
    from detector.models.learner import Version
    from detector.models.lessons import Lesson
    from detector.models.models import Models

DECIDING = (STAGES[0], STAGES[-1])
Chances = dict[str, tuple[float, int]]


class VersionsError(ValueError):
    """Versions that cannot be what this link was judged by; the text says why, and the cure."""


class LinkModels:
    """Models that follow, of one link of a stage in DECIDING."""

    def __init__(self, stage: str, models: Models, risk: ModelRisk) -> None:
        """`models` follow a record, which is empty."""
        from detector.models.lessons import AccountScribe, DecisionScribe

        self.models, self.risk = models, risk
        self.was_in_force: dict[str, int] = {}  # by question, when the state was written
        followers = (models.draws.follower, models.debits.follower)
        self._followers = {one.scorer.question: one for one in followers}
        self._newest = dict.fromkeys(self._followers, 0)  # numbers that were heard of
        self._waiting: list[Version] = []
        self.since_ms: dict[str, int] = {}  # from when on what is in force may be, by question
        self._account = AccountScribe() if stage == STAGES[0] else None
        self._decision = DecisionScribe() if stage == STAGES[-1] else None
        models.draws.pupil = self._account or self._decision

    @property
    def in_force(self) -> dict[str, int]:
        """The newest version that scores, by question; 0: none."""
        return {name: one.scorer.number for name, one in self._followers.items()}

    def follow(self, versions: Sequence[Version]) -> None:
        """Versions were published, in the order of their making."""
        for version in versions:
            if version.number > self._newest[version.question]:
                self._newest[version.question] = version.number
                self._waiting.append(version)

    def begin(self, clock_ms: int) -> None:
        """Before a take: bring into force what may be, where the link's clock stands.

        Raises:
            VersionsError: the state was judged by a version that nobody has told of.
        """
        for question, number in self.was_in_force.items():
            if number > self._newest[question]:
                raise VersionsError(
                    f"{question}: the state was judged by version {number}, and the newest that is"
                    f" told is {self._newest[question]}: bring the topic of weights back, or start"
                    " once with `lendwatch run --rebuild`"
                )
        self.was_in_force = {}
        while self._waiting and self._waiting[0].from_ms <= clock_ms:
            version = self._waiting.pop(0)
            follower = self._followers[version.question]
            follower.take(version)
            if follower.scorer.number == version.number:
                self.since_ms[version.question] = version.from_ms

    def chances(
        self, rows: Rows, kinds: NDArray[np.int64], part: slice, event_ids: Sequence[str]
    ) -> Chances:  # fmt: skip
        """What is said of the debits of a part of a batch, by event (account stage)."""
        assert self._account is not None, "debits are decided by the account stage"
        here = Rows._make(column[part] for column in rows)
        debits = self.models.debits
        debits.pupil = self._account.debits(part.start)
        told = debits.take(here, kinds[part])
        return {event_ids[part.start + row]: said for row, said in told.items()}

    def take_lessons(self, rows: Rows) -> list[Lesson]:
        """What a batch has for the learner, once it is decided."""
        if self._account is not None:
            self._account.entered(rows)
            return self._account.take()
        assert self._decision is not None
        return self._decision.take()

    def forget_account(self, account: int) -> None:
        """Drop the alerts that models made of an account."""
        self.risk.book.drop(account)

    def take_alerts(self) -> list[tuple[int, int, dict[str, Any]]]:
        """What the models alone found: by row, behind what rules found there."""
        return [(row, 2, record) for row, record in self.risk.take_alerts()]

    @property
    def thresholds(self) -> Mapping[str, tuple[int, float]]:
        """Where the thresholds of alerts stand: draws seen, and the level, by part."""
        return self.models.draws.thresholds.standing

    def stand_at(self, thresholds: Mapping[str, tuple[int, float]]) -> None:
        """Put thresholds where they stood."""
        self.models.draws.thresholds.stand_at(thresholds)
