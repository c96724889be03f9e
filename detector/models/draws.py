"""The models of draws: will it turn out to be unauthorized? Scored, learnt from, in event order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.entering import JUDGED, TOO_LATE, Rows
from detector.events import ACCOUNT, CODE, DEVICE, KIND_MASK, KINDS, OBJECT, PAYEE, T
from detector.models.examples import Example
from detector.models.follower import Follower
from detector.models.inputs import DRAW_INPUTS, Reader
from detector.models.learner import Terms, Version
from detector.models.teaching import HEARD, DrawPupil, DrawTeacher
from detector.models.thresholds import Thresholds, score_of
from detector.models.watch import Watch
from detector.models.wording import Carried

QUESTION: Final = "unauthorized_transfer"
PAID: Final = KINDS["disbursement_paid"]
ADVISED_AGAINST: Final = ("challenge", "decline")


@dataclass(frozen=True, slots=True)
class Risk:
    """A part whose score passed its threshold, and the inputs that carried it."""

    part: str
    score: float  # 0 to 1, as the threshold
    threshold: float
    carried: list[Carried]


@dataclass(slots=True)
class DrawScores:
    """What the models say of some draws. NaN: nothing yet."""

    anomaly: NDArray[np.float64]  # 0 to 1
    margin: NDArray[np.float64]  # log-odds
    blended: NDArray[np.float64]  # probability
    versions: NDArray[np.int64]  # 0: none
    risks: dict[int, list[Risk]]  # of those of which thresholds could say something


class DrawModels:
    """Scores draws with the newest weights; learns at hour boundaries, or follows a record."""

    def __init__(
        self, places: Mapping[str, int], delay_ms: int, history_ms: int,
        recorded: Sequence[Version] | None = None, alert_share: float = 0.0,
        version_max: int | None = None, watch: Watch | None = None,
    ) -> None:  # fmt: skip
        """`places`: columns by name. `recorded`: versions to follow instead of learning.

        `alert_share`: the share of draws that may be alerts of models. `version_max`: the newest
        that may come into force. `watch`: over what is learnt.
        """
        self._reader = Reader(DRAW_INPUTS, places)
        self.thresholds = Thresholds(alert_share)
        self.follower = Follower(
            Terms(QUESTION, DRAW_INPUTS, delay_ms, True, True), history_ms, recorded, version_max,
            watch,
        )  # fmt: skip
        learner = self.follower.learner
        self.teacher = None if learner is None else DrawTeacher(learner)
        self.pupil: DrawPupil | None = self.teacher  # who is told what there is to be learnt

    def take(
        self, rows: Rows, draws: NDArray[np.int64], rules: NDArray[np.float64],
        outcomes: Sequence[str],
    ) -> DrawScores:  # fmt: skip
        """Score a batch's draws, and learn from what is said of earlier ones, in event order.

        `draws`: their rows, in order; of each `rules`, what the rules said of it (0 to 1), and
        `outcomes`, what they ask for.
        """
        n = len(draws)
        scores = DrawScores(
            np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan), np.zeros(n, np.int64), {}
        )
        inputs = self._reader.read(draws, rows.values)
        kinds = rows.words[:, CODE] & KIND_MASK
        taken = (rows.state == JUDGED) | (rows.state == TOO_LATE)
        heard = np.isin(kinds, HEARD) & taken
        heard[draws] = True
        for part in self.follower.hours(rows.clock, np.flatnonzero(heard)):
            first, last = np.searchsorted(draws, (part[0], part[-1] + 1)).tolist()
            here = slice(first, last)
            said = self.follower.scorer.score(inputs[here], rules[here])
            scores.anomaly[here], scores.margin[here] = said.anomaly, said.margin
            scores.blended[here] = said.blended
            scores.versions[here] = self.follower.scorer.number
            for k in range(first, last):
                if rows.state[draws[k]] == JUDGED:
                    self._judge_risk(scores, k, inputs[k], has_hit=bool(rules[k] > 0.0))
            if self.pupil is None:
                continue
            places = dict(zip(draws[here].tolist(), range(first, last), strict=True))
            for row in part.tolist():
                if row not in places:
                    self.pupil.hear(rows, row)
                elif rows.state[row] == JUDGED:
                    k = places[row]
                    is_doubtful = outcomes[k] in ADVISED_AGAINST and int(kinds[row]) != PAID
                    example = _example(
                        rows.words[row], inputs[k], float(rules[k]), scores, k, is_doubtful
                    )
                    self.pupil.judged(rows, row, example)
        return scores

    def _judge_risk(
        self, scores: DrawScores, k: int, inputs: NDArray[np.float32], *, has_hit: bool
    ) -> None:  # fmt: skip
        margin, anomaly = float(scores.margin[k]), float(scores.anomaly[k])
        passed = self.thresholds.judge(margin, anomaly, has_hit=has_hit)
        if passed is not None:
            scores.risks[k] = [
                Risk(
                    one.part, score_of(one.part, one.level), score_of(one.part, one.threshold),
                    self.follower.scorer.carried(one.part, inputs),
                )
                for one in passed
            ]  # fmt: skip


def _example(
    words: NDArray[np.int64], inputs: NDArray[np.float32], rules: float, scores: DrawScores,
    k: int, is_doubtful: bool,
) -> Example:  # fmt: skip
    """What is to be learnt of a draw, the scores' k-th."""
    margin, parts = float(scores.margin[k]), None
    if not np.isnan(margin):
        parts = (rules, margin, float(np.nan_to_num(scores.anomaly[k])))
    return Example(
        int(words[OBJECT]), int(words[ACCOUNT]), int(words[T]), inputs.copy(), parts, is_doubtful,
        int(words[PAYEE]), int(words[DEVICE]),
    )  # fmt: skip
