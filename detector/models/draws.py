"""The models of draws: will it turn out to be unauthorized? Scored, learnt from, in event order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.entering import JUDGED, TOO_LATE, Rows
from detector.events import ACCOUNT, CODE, DEVICE, ID, KIND_MASK, KINDS, OBJECT, PAYEE, T
from detector.models.examples import Example
from detector.models.follower import Follower
from detector.models.inputs import DRAW_INPUTS, Reader
from detector.models.learner import Terms, Version
from detector.models.thresholds import Thresholds, score_of
from detector.models.watch import Watch
from detector.models.wording import Carried

QUESTION: Final = "unauthorized_transfer"
VERDICTS: Final[Mapping[int, bool]] = {  # what people found, and whether it is fraud
    KINDS["confirmed_fraud"]: True, KINDS["label_fraud"]: True,
    KINDS["false_positive"]: False, KINDS["label_cleared"]: False,
    KINDS["customer_confirmed"]: False,
}  # fmt: skip
STEPS: Final[Mapping[int, bool | None]] = {  # a disbursement's own; whether silence means nothing
    KINDS["disbursement_rejected"]: True, KINDS["disbursement_reversed"]: True,
    KINDS["disbursement_paid_echo"]: False, KINDS["disbursement_requested_echo"]: None,
}  # fmt: skip
WORDS_ABOUT: Final[Mapping[int, bool]] = {
    KINDS["held"]: True, KINDS["released"]: False, KINDS["paid_anyway"]: False,
}  # fmt: skip
PAID: Final = KINDS["disbursement_paid"]
HEARD: Final = np.array(sorted({*VERDICTS, *STEPS, *WORDS_ABOUT}), np.int64)
ADVISED_AGAINST: Final = ("challenge", "decline")
TARGETS_MAX: Final = 400_000  # event ids by which a disposition may name a draw


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
        self._thresholds = Thresholds(alert_share)
        self.follower = Follower(
            Terms(QUESTION, DRAW_INPUTS, delay_ms, True, True), history_ms, recorded, version_max,
            watch,
        )  # fmt: skip
        self._targets: dict[int, int] = {}  # id of a disbursement's event: the disbursement's

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
            if self.follower.learner is None:
                continue
            places = dict(zip(draws[here].tolist(), range(first, last), strict=True))
            for row in part.tolist():
                if row not in places:
                    self._hear(rows.words[row], int(kinds[row]))
                elif rows.state[row] == JUDGED:
                    k = places[row]
                    is_doubtful = outcomes[k] in ADVISED_AGAINST and int(kinds[row]) != PAID
                    self._judged(
                        rows.words[row], inputs[k], float(rules[k]), scores, k, is_doubtful
                    )
        return scores

    def _judge_risk(
        self, scores: DrawScores, k: int, inputs: NDArray[np.float32], *, has_hit: bool
    ) -> None:  # fmt: skip
        margin, anomaly = float(scores.margin[k]), float(scores.anomaly[k])
        passed = self._thresholds.judge(margin, anomaly, has_hit=has_hit)
        if passed is not None:
            scores.risks[k] = [
                Risk(
                    one.part, score_of(one.part, one.level), score_of(one.part, one.threshold),
                    self.follower.scorer.carried(one.part, inputs),
                )
                for one in passed
            ]  # fmt: skip

    def _judged(
        self, words: NDArray[np.int64], inputs: NDArray[np.float32], rules: float,
        scores: DrawScores, k: int, is_doubtful: bool,
    ) -> None:  # fmt: skip
        assert self.follower.learner is not None
        key, margin = int(words[OBJECT]), float(scores.margin[k])
        parts = None
        if not np.isnan(margin):
            parts = (rules, margin, float(np.nan_to_num(scores.anomaly[k])))
        self._name(int(words[ID]), key)
        self.follower.learner.judged(
            Example(
                key, int(words[ACCOUNT]), int(words[T]), inputs.copy(), parts, is_doubtful,
                int(words[PAYEE]), int(words[DEVICE]),
            )
        )  # fmt: skip

    def _hear(self, words: NDArray[np.int64], kind: int) -> None:
        assert self.follower.learner is not None
        examples, told = self.follower.learner.examples, int(words[OBJECT])
        if kind in STEPS:
            self._name(int(words[ID]), told)
            is_doubtful = STEPS[kind]
            if is_doubtful is not None:
                examples.doubt(told, is_doubtful)
            return
        key = self._targets.get(told, told)
        if kind in VERDICTS:
            examples.label(key, VERDICTS[kind])
        else:
            examples.doubt(key, WORDS_ABOUT[kind])

    def _name(self, event_id: int, key: int) -> None:
        self._targets[event_id] = key
        if len(self._targets) > TARGETS_MAX:
            del self._targets[next(iter(self._targets))]
