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
from detector.models.deviations import DeviationLearner, DeviationWeights
from detector.models.examples import HOUR_MS, Example, Examples
from detector.models.forest import ForestWeights, fit
from detector.models.inputs import Input

DAY_MS: Final = 24 * HOUR_MS
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

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
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

    def judged(self, example: Example) -> None:
        """An event was decided."""
        self.examples.add(example)
        if self._deviations is not None and not example.is_doubtful:
            self._of_hour.setdefault(example.account, example.inputs)

    def learn(self, hour_ms: int) -> Version | None:
        """Learn all that is known at the beginning of an hour; None where nothing came of it."""
        ready = self.examples.take_ready(hour_ms)
        blend = self._learn_blend(ready)
        deviations = self._learn_deviations()
        forest, correction = self._learn_forest(hour_ms)
        if blend is None and deviations is None and forest is None:
            return None
        self._number += 1
        return Version(
            self.terms.question, self._number, hour_ms, deviations, forest, correction, blend
        )

    def _learn_blend(self, ready: Sequence[Example]) -> BlendWeights | None:
        taught = [one for one in ready if one.parts is not None]
        for one in taught:
            assert one.parts is not None
            self._blend.learn(one.parts, one.label == 1)
        if not taught or self._blend.steps < BLENDED_MIN:
            return None
        weights = self._blend.weights()
        negatives, positives = self.examples.rates  # it was taught so many of them
        sampled = math.log(negatives / positives)
        return msgspec.structs.replace(weights, intercept=weights.intercept + sampled)

    def _learn_deviations(self) -> DeviationWeights | None:
        rows, self._of_hour = self._of_hour, {}
        if self._deviations is None or not rows:
            return None
        for row in rows.values():
            self._deviations.learn(row.tolist())
        return self._deviations.weights() if self._deviations.is_warm else None

    def _learn_forest(self, hour_ms: int) -> tuple[ForestWeights | None, float]:
        examples = self.examples
        anew = examples.learnt - self._fitted_at
        if examples.positives < POSITIVES_MIN or examples.negatives < NEGATIVES_MIN:
            return None, 0.0
        is_due = self._fitted_ms >= 0 and hour_ms - self._fitted_ms >= REFIT_MS
        if anew < max(ANEW_MIN, 0 if is_due else GROWTH * self._fitted_at):
            return None, 0.0
        if examples.span_ms() < self.terms.span_min_ms:
            return None, 0.0
        self._fitted_at, self._fitted_ms = examples.learnt, hour_ms
        return fit(self._names, *examples.kept()), examples.correction()


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
