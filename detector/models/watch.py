"""The watch over the models of one question: drift of their scores, decay of what they flag.

It looks once a day of event time, at the first hour of it in which anything is learnt. A drift
freezes learning until a person decides, by a disposition on its alert (RESUMES): the new is the
usual from now on, or what came since it began was false and is not learnt from.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.incidents import incident_id
from detector.models.decay import DecayTerms, DecayWatch
from detector.models.drift import DriftTerms, Sample, drifted
from detector.models.examples import DAY_MS, Example

DRIFT, DECAY = "score_drift", "model_decay"
# What people may say of a drift so that learning goes on, and whether what came since it began is
# false. Whatever else they say leaves it frozen.
RESUMES: Final[Mapping[str, bool]] = {
    "handled": False, "false_positive": False, "system_fault": True,
}  # fmt: skip
RESULTS: Final = ("hit", "clear", "abstain", "error")
Score = Callable[[NDArray[np.float32]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class WatchTerms:
    """What is watched; None: not."""

    drift: DriftTerms | None
    decay: DecayTerms | None


class Health(NamedTuple):
    """A revision of what is wrong with a model, said at the beginning of an hour.

    `observed`, `normal`, `threshold`: an index, or precisions from 0 to 1; NaN: there is none.
    """

    alert_id: str
    typology: str
    question: str
    part: str  # of the score, of which it is true most of all
    began_ms: int
    opened_ms: int
    at_ms: int
    revision: int
    status: str
    observed: float
    normal: float
    threshold: float


class Watch:
    """The health of one question's models."""

    def __init__(self, question: str, terms: WatchTerms, delay_ms: int) -> None:
        """`delay_ms`: how long a label is waited for."""
        self._question = question
        self._drift = terms.drift
        days = terms.drift.recent_days + terms.drift.earlier_days if terms.drift else 0
        self._sample = Sample(days)
        self._decay_terms = terms.decay
        self._decay = DecayWatch(terms.decay, delay_ms) if terms.decay else None
        self._began_day = self._day = -1
        self._above: Counter[str] = Counter()  # of a part: days in a row on which it has moved
        self._open: dict[str, Health] = {}  # by typology
        self._heard: list[tuple[int, str, str]] = []
        self._said: list[Health] = []
        self.indices: dict[str, float] = {}  # of parts: how far scores had moved at the last look
        self.results: dict[str, Counter[str]] = {DRIFT: Counter(), DECAY: Counter()}

    @property
    def is_frozen(self) -> bool:
        """Whether a person has to decide before anything more is learnt."""
        return DRIFT in self._open

    def judged(self, example: Example) -> None:
        """An event was decided, with what the models said of it then."""
        if self._began_day < 0:
            self._began_day = example.decided_ms // DAY_MS
        if self._drift is not None:
            self._sample.add(example.account, example.decided_ms, example.inputs)
        if self._decay is not None and example.parts is not None:
            margin = example.parts[1]
            self._decay.judged(example.key, example.account, example.decided_ms, margin)

    def hear(self, clock_ms: int, alert_id: str, disposition: str) -> None:
        """A person said something of an alert; it holds from the next hour of the clock on."""
        if disposition in RESUMES:
            self._heard.append((clock_ms, alert_id, disposition))

    def settled(self, labels: Sequence[tuple[int, int]], hour_ms: int) -> None:
        """Labels (key; NEGATIVE or POSITIVE) that became known before an hour."""
        if self._decay is not None:
            self._decay.settled(labels, hour_ms)

    def decide(self, hour_ms: int) -> int | None:
        """Let count what people said before an hour; since when (ms) what came was false, if so."""
        due = [one for one in self._heard if one[0] < hour_ms]
        self._heard = [one for one in self._heard if one[0] >= hour_ms]
        for _, alert_id, disposition in due:
            told = self._open.get(DRIFT)
            if told is None or told.alert_id != alert_id:
                continue
            self._tell(told._replace(at_ms=hour_ms, status="resolved"))
            if RESUMES[disposition]:
                self._sample.drop_from(told.began_ms // DAY_MS)
                return told.began_ms
            self._sample.drop_before(hour_ms // DAY_MS)
        return None

    def look(self, hour_ms: int, scores_of: Callable[[], Mapping[str, Score]]) -> None:
        """Look at what is known at the beginning of an hour, where a day has begun since.

        `scores_of`: gives what scores each part, by the weights in force, of those that have any.
        """
        today = hour_ms // DAY_MS
        if today <= self._day:
            return
        self._day = today
        self._look_for_drift(hour_ms, today, scores_of())
        self._look_for_decay(hour_ms, today)
        self._sample.forget(today)
        if self._decay is not None:
            self._decay.forget(today)

    def take_said(self) -> list[Health]:
        """The revisions since this was last asked."""
        said, self._said = self._said, []
        return said

    def forget_before(self, oldest_ms: int) -> None:
        """Drop what is older than anything may be kept."""
        self._sample.drop_before(oldest_ms // DAY_MS)

    def forget_account(self, account: int) -> None:
        """Drop what is kept of an account; what was counted stays."""
        self._sample.drop_account(account)
        if self._decay is not None:
            self._decay.forget_account(account)

    def _look_for_drift(
        self, hour_ms: int, today: int, scores: Mapping[str, Score]
    ) -> None:  # fmt: skip
        terms = self._drift
        if terms is None:
            return
        if self.is_frozen:
            self.results[DRIFT]["hit"] += 1
            return
        self.indices = indices = {}
        for part, score in scores.items():
            index = drifted(self._sample, terms, self._began_day, today, part, score)
            is_above = index is not None and index > terms.psi_max
            self._above[part] = self._above[part] + 1 if is_above else 0
            if index is not None:
                indices[part] = index
        part = max(indices, key=lambda one: (self._above[one], indices[one]), default="")
        is_hit = bool(indices) and self._above[part] >= terms.looks
        self.results[DRIFT]["abstain" if not indices else "hit" if is_hit else "clear"] += 1
        if is_hit:
            began_day = today - terms.recent_days - terms.looks + 1
            self._above.clear()
            self._begin(DRIFT, part, began_day, hour_ms, (indices[part], math.nan, terms.psi_max))

    def _look_for_decay(self, hour_ms: int, today: int) -> None:
        terms = self._decay_terms
        if self._decay is None or terms is None:
            return
        found = self._decay.precision(today)
        least = terms.share * found.usual if found else 0.0
        is_hit = found is not None and found.recent < least
        self.results[DECAY]["abstain" if found is None else "hit" if is_hit else "clear"] += 1
        told = self._open.get(DECAY)
        if found is None or is_hit == (told is not None):
            return
        numbers = found.recent, found.usual, least
        if told is None:
            self._begin(DECAY, "supervised", today - terms.recent_days, hour_ms, numbers)
            return
        observed, normal, threshold = numbers
        self._tell(told._replace(
            at_ms=hour_ms, status="resolved", observed=observed, normal=normal, threshold=threshold
        ))  # fmt: skip

    def _begin(
        self, typology: str, part: str, began_day: int, hour_ms: int,
        numbers: tuple[float, float, float],
    ) -> None:  # fmt: skip
        name = incident_id(typology, ("model", self._question), "", hour_ms)
        began_ms = began_day * DAY_MS
        self._tell(Health(
            name, typology, self._question, part, began_ms, hour_ms, hour_ms, 0, "open", *numbers
        ))  # fmt: skip

    def _tell(self, told: Health) -> None:
        told = told._replace(revision=told.revision + 1)
        if told.status == "resolved":
            self._open.pop(told.typology, None)
        else:
            self._open[told.typology] = told
        self._said.append(told)
