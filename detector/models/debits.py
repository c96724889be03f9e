"""The model of scheduled debits: will it fail for want of balance? Repayment alone is read.

Before a first forest the chance rests on the account's record of 90 days, as without models, and on
whether its last failure has been made good since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.decisions import DEBIT_COLUMNS, record_chance
from detector.entering import JUDGED, Rows
from detector.events import ACCOUNT, OBJECT, T
from detector.models.examples import DAY_MS, Example
from detector.models.follower import Follower
from detector.models.inputs import DEBIT_INPUTS, Reader
from detector.models.learner import Terms, Version
from detector.models.teaching import OUTCOMES, SCHEDULED, DebitPupil, DebitTeacher

QUESTION: Final = "insufficient_balance"
CONCERNED: Final = np.array(sorted({SCHEDULED, *OUTCOMES}), np.int64)
CYCLES_MS: Final = 30 * DAY_MS  # a first forest has seen two instalments of an account
OPEN_SHARE: Final = 0.6  # of what is left to certainty, where the last failure is not made good
CURED: Final = [one.name for one in DEBIT_INPUTS].index("cured")


class DebitModel:
    """Scores scheduled debits with the newest weights; learns at hour boundaries."""

    def __init__(
        self, places: Mapping[str, int], delay_ms: int, history_ms: int,
        recorded: Sequence[Version] | None = None, version_max: int | None = None,
    ) -> None:  # fmt: skip
        """`places`: columns by name. `recorded`: versions to follow instead of learning.

        `version_max`: the newest that may come into force.
        """
        self._reader = Reader(DEBIT_INPUTS, places)
        self._record = [places[name] for name in DEBIT_COLUMNS]
        terms = Terms(QUESTION, DEBIT_INPUTS, delay_ms, False, False, CYCLES_MS)
        self.follower = Follower(terms, history_ms, recorded, version_max)
        learner = self.follower.learner
        self.teacher = None if learner is None else DebitTeacher(learner)
        self.pupil: DebitPupil | None = self.teacher  # who is told what there is to be learnt

    def take(self, rows: Rows, kinds: NDArray[np.int64]) -> dict[int, tuple[float, int]]:
        """Score a batch's scheduled debits and learn from what became of earlier ones.

        Gives the chance (0 to 1) and the version that told it, by row. A known balance is no part
        of it.
        """
        chances: dict[int, tuple[float, int]] = {}
        concerned = np.flatnonzero(np.isin(kinds, CONCERNED) & (rows.state == JUDGED))
        for part in self.follower.hours(rows.clock, concerned):
            scheduled = part[kinds[part] == SCHEDULED]
            inputs = self._reader.read(scheduled, rows.values)
            told = self._chances(scheduled, rows.values, inputs)
            version = self.follower.scorer.number
            chances |= {int(row): (x, version) for row, x in zip(scheduled, told, strict=True)}
            if self.pupil is not None:
                of = dict(zip(scheduled.tolist(), inputs, strict=True))
                for row in part.tolist():
                    _tell(self.pupil, rows, row, int(kinds[row]), of.get(row))
        return chances

    def _chances(
        self, scheduled: NDArray[np.int64], values: NDArray[np.float64],
        inputs: NDArray[np.float32],
    ) -> list[float]:  # fmt: skip
        margins = self.follower.scorer.score(inputs, np.zeros(len(inputs))).margin
        if len(margins) and not np.isnan(margins[0]):  # a forest speaks of all or of none
            learnt: list[float] = (1.0 / (1.0 + np.exp(-margins))).tolist()
            return learnt
        told = []
        for k, row in enumerate(scheduled.tolist()):
            failures, successes, age = values[row, self._record].tolist()
            chance = record_chance((failures, successes, age))
            if inputs[k, CURED] == 0.0:
                chance += (1.0 - chance) * OPEN_SHARE
            told.append(chance)
        return told


def _tell(
    pupil: DebitPupil, rows: Rows, row: int, kind: int, inputs: NDArray[np.float32] | None
) -> None:  # fmt: skip
    words = rows.words[row]
    account = int(words[ACCOUNT])
    key = account ^ (int(words[OBJECT]) >> 1)
    if inputs is not None:
        pupil.judged(rows, row, Example(key, account, int(words[T]), inputs.copy(), None, False))
    else:
        pupil.attempted(rows, row, key, is_failure=OUTCOMES[kind])
