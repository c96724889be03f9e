"""The learner of one question: from judged events and their labels to versions of weights.

It learns at hour boundaries of event time alone, from what was known by then, and scores nothing:
whoever decides takes the newest version before the first event of an hour. So a replay is the
same however its log is cut into batches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.models.blend import MARGIN_MAX, BlendLearner, BlendWeights
from detector.models.contest import Contest, Settled, Trial
from detector.models.deviations import DeviationLearner, Deviations, DeviationWeights
from detector.models.examples import DAY_MS, Example, Examples
from detector.models.forest import ForestWeights, fit
from detector.models.inputs import Input
from detector.models.watch import Score, Watch

POSITIVES_MIN: Final = 30  # before the first forest
NEGATIVES_MIN: Final = 200
GROWTH: Final = 0.25  # a forest is fitted anew when so much more was learnt since the last one ...
REFIT_MS: Final = 7 * DAY_MS  # ... or after so long, where anything was
ANEW_MIN: Final = 50
BLENDED_MIN: Final = 200  # examples before the blend is used


class Version(msgspec.Struct, frozen=True, omit_defaults=True):
    """Weights in force from an hour on. A part that is None is as in the version before."""

    question: str
    number: int
    from_ms: int
    deviations: DeviationWeights | None = None
    forest: ForestWeights | None = None
    correction: float = 0.0  # of the forest's log-odds, for the sampling of what it learnt from
    blend: BlendWeights | None = None
    trial: Trial | None = None  # of the forest, which is None where it did not pass


@dataclass(frozen=True, slots=True)
class Terms:
    """What a question asks of its learner."""

    question: str
    inputs: tuple[Input, ...]
    delay_ms: int
    unlabelled_is_negative: bool
    has_anomaly: bool
    span_min_ms: int = 0  # that the examples of a first forest must cover


class Learner:
    """Takes judged events and labels, gives versions."""

    def __init__(self, terms: Terms, watch: Watch | None = None) -> None:
        """`watch`: over its models; None: nobody watches."""
        self.terms, self.watch = terms, watch
        names = [one.name for one in terms.inputs]
        self._names = names
        self.examples = Examples(
            len(names), terms.delay_ms, unlabelled_is_negative=terms.unlabelled_is_negative
        )
        self._deviations = DeviationLearner(names) if terms.has_anomaly else None
        self._blend = BlendLearner()
        self._of_hour: dict[int, NDArray[np.float32]] = {}  # one draw an account
        self._fitted_at, self._fitted_ms = 0, -1
        self._number = 0
        self.contest = Contest()

    def judged(self, example: Example) -> None:
        """An event was decided."""
        self.examples.add(example)
        if self.watch is not None:
            self.watch.judged(example)
        if self._deviations is not None and not example.is_doubtful:
            self._of_hour.setdefault(example.account, example.inputs)

    def learn(self, hour_ms: int) -> Version | None:
        """Learn all that is known at the beginning of an hour; None where nothing came of it."""
        ready = self.examples.take_ready(hour_ms)
        settled = self.examples.take_settled()
        if self.watch is not None:
            self.watch.settled(settled, hour_ms)
            if self._is_frozen(self.watch, hour_ms):
                return None
        blend = self._learn_blend(ready)
        deviations = self._learn_deviations()
        forest, correction, trial = self._learn_forest(hour_ms)
        if blend is None and deviations is None and forest is None and trial is None:
            return None
        self._number += 1
        return Version(
            self.terms.question, self._number, hour_ms, deviations, forest, correction, blend,
            trial,
        )  # fmt: skip

    def forget_account(self, account: int) -> None:
        """Drop all that would still be learnt of an account; weights that were made stay."""
        self.examples.forget_account(account)
        self._of_hour.pop(account, None)
        if self.watch is not None:
            self.watch.forget_account(account)

    def forget_before(self, oldest_ms: int) -> None:
        """Drop what is older than anything may be kept."""
        self.examples.forget_before(oldest_ms)
        if self.watch is not None:
            self.watch.forget_before(oldest_ms)

    def _is_frozen(self, watch: Watch, hour_ms: int) -> bool:
        """Let the watch look; whether nothing may be learnt. Examples are kept all the same."""
        false_since_ms = watch.decide(hour_ms)
        if false_since_ms is not None:
            self.examples.forget_since(false_since_ms)
        watch.look(hour_ms, self._scores)
        if watch.is_frozen:
            self._of_hour = {}
        return watch.is_frozen

    def _scores(self) -> dict[str, Score]:
        """What each part says of inputs, on a scale on which it adds up; none: nothing yet."""
        champion, of_anomaly = self.contest.champion, self._deviations
        scores: dict[str, Score] = {}
        if champion is not None:
            scores["supervised"] = champion.forest.margins
        if of_anomaly is not None and of_anomaly.is_warm:
            deviations = Deviations(of_anomaly.weights(), self._names)
            scores["anomaly"] = deviations.levels
        return scores

    def _learn_blend(self, ready: Sequence[Example]) -> BlendWeights | None:
        taught = [one for one in ready if one.parts is not None]
        self._blend.at_rates(*self.examples.rates)
        for one in taught:
            assert one.parts is not None
            self._blend.learn(one.parts, one.label == 1)
        if not taught or self._blend.steps < BLENDED_MIN:
            return None
        return self._blend.weights()

    def _learn_deviations(self) -> DeviationWeights | None:
        rows, self._of_hour = self._of_hour, {}
        if self._deviations is None or not rows:
            return None
        for row in rows.values():
            self._deviations.learn(row.tolist())
        return self._deviations.weights() if self._deviations.is_warm else None

    def _learn_forest(self, hour_ms: int) -> Settled:
        """A forest that comes into force, its correction, and how it did in its trial."""
        if self.contest.challenger is None and self._is_due(hour_ms):
            self._fitted_at, self._fitted_ms = self.examples.learnt, hour_ms
            inputs, labels = self.examples.kept()
            if 0 < labels.sum() < len(labels):
                self.contest.enter(fit(self._names, inputs, labels), self.examples)
        return self.contest.settle(self.examples)

    def _is_due(self, hour_ms: int) -> bool:
        """Whether a forest is to be fitted."""
        examples = self.examples
        anew = examples.learnt - self._fitted_at
        if examples.positives < POSITIVES_MIN or examples.negatives < NEGATIVES_MIN:
            return False
        is_due = self._fitted_ms >= 0 and hour_ms - self._fitted_ms >= REFIT_MS
        if anew < max(ANEW_MIN, 0 if is_due else GROWTH * self._fitted_at):
            return False
        return examples.span_ms() >= self.terms.span_min_ms


def clipped(margin: float) -> float:
    """A margin as the blend reads it."""
    return min(max(margin, -MARGIN_MAX), MARGIN_MAX) if not math.isnan(margin) else 0.0


def encoded(versions: Sequence[Version]) -> bytes:
    """Versions as JSON lines."""
    return b"".join(msgspec.json.encode(version) + b"\n" for version in versions)


def decoded(lines: Sequence[bytes]) -> list[Version]:
    """Versions from JSON lines; msgspec.ValidationError or DecodeError where a line is none."""
    decoder: Any = msgspec.json.Decoder(Version)
    return [decoder.decode(line) for line in lines]
