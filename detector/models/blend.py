"""One score from rules, supervised and anomaly parts: a logistic regression over the three.

    log-odds = intercept + rules x (0 to 1) + supervised x (log-odds) + anomaly x (0 to 1)

so that each part's contribution is a number of log-odds and they add up. river's logistic
regression learns it from what the parts had said when a draw was decided, once its label is known
(stacking, Wolpert 1992; as its input is one model's log-odds it is Platt's calibration, too). No
part may count against another: a weight below 0 is used as 0.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from river.linear_model import LogisticRegression
from river.optim import SGD
from river.utils import VectorDict

from detector.jit import compiled

PARTS: Final = ("rules", "supervised", "anomaly")
FIRST: Final = (1.0, 1.0, 1.0)  # weights before anything is learnt: the supervised part, mostly
LEARNING_RATE: Final = 0.01
MARGIN_MAX: Final = 8.0  # log-odds of the supervised part, either way


class BlendWeights(msgspec.Struct, frozen=True):
    """An intercept (log-odds) and a weight a part; `steps` examples made them."""

    steps: int
    intercept: float
    weights: list[float]


class Blend:
    """The blend ready to score."""

    def __init__(self, weights: BlendWeights) -> None:
        """ValueError if there is not one weight a part."""
        if len(weights.weights) != len(PARTS):
            raise ValueError("weights: one each for rules, supervised, anomaly; write them anew")
        self.weights = weights
        self._weights = np.array(weights.weights, np.float64)

    def contributions(self, parts: NDArray[np.float64]) -> NDArray[np.float64]:
        """(rows, PARTS): what each part adds to the log-odds."""
        return np.maximum(self._weights, 0.0) * parts

    def scores(self, parts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability of each row of parts, each row by itself."""
        out = np.empty(len(parts))
        _blend(parts, self._weights, self.weights.intercept, out)
        return out


@compiled
def _blend(
    parts: NDArray[np.float64], weights: NDArray[np.float64], intercept: float,
    out: NDArray[np.float64],
) -> None:  # fmt: skip
    for i in range(parts.shape[0]):
        total = intercept
        for k in range(parts.shape[1]):
            total += max(weights[k], 0.0) * parts[i, k]
        out[i] = 1.0 / (1.0 + math.exp(-total))


class BlendLearner:
    """Learns the blend, one labelled example at a time."""

    def __init__(self, weights: BlendWeights | None = None) -> None:
        """`weights`: where an earlier life left off."""
        told = BlendWeights(0, 0.0, list(FIRST)) if weights is None else weights
        self.steps = told.steps
        self._sampled = 0.0  # what the sampling of examples adds to log-odds
        self._model = LogisticRegression(
            SGD(LEARNING_RATE), intercept_init=told.intercept, intercept_lr=LEARNING_RATE
        )
        self._model._weights = VectorDict(dict(zip(PARTS, told.weights, strict=True)))

    def at_rates(self, negatives: float, positives: float) -> None:
        """From now on it is taught these shares (0 to 1) of all negatives and positives.

        Log-odds among what it is taught shift by ln(positives / negatives); the intercept is
        shifted with them at once, for step by step it would lag behind and tell too little or much.
        """
        sampled = math.log(positives / negatives)
        if sampled != self._sampled:
            self._model.intercept += sampled - self._sampled
            self._sampled = sampled

    def learn(self, parts: tuple[float, float, float], is_positive: bool) -> None:
        """Learn one example: its parts as they were when it was decided, and its label."""
        self._model.learn_one(dict(zip(PARTS, parts, strict=True)), is_positive)
        self.steps += 1

    def weights(self) -> BlendWeights:
        """What was learnt so far, the intercept as it is where nothing is left out."""
        weights = self._model.weights
        intercept = float(self._model.intercept) - self._sampled
        return BlendWeights(self.steps, intercept, [float(weights[name]) for name in PARTS])
