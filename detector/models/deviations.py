"""The anomaly model: how far a draw deviates in the directions in which money is lost. No labels.

Each of a few inputs is held against its running mean and spread over draws (river's
StandardScaler), and only a deviation in its risky direction counts: more than usual, faster, to a
payee that few use, from a device just met. What density models do beside (LODA, half-space trees)
is to call the harmless side as strange as the other; the README has the figures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from river.preprocessing import StandardScaler

from detector.jit import compiled

# The input and its risky direction: 1 where more is riskier, -1 where less is.
DIRECTIONS: Final[Mapping[str, int]] = {
    "amount": 1, "amount_to_normal": 1, "burst": 1, "payee_age": -1, "payee_accounts_30d": -1,
    "account_age": -1, "device_age": -1,
}  # fmt: skip
DEVIATION_MAX: Final = 8.0  # standard deviations of one input that count at most
SCALE: Final = 4.0  # the sum of deviations that gives 1 - 1/e
WARM_UP_DRAWS: Final = 200  # learnt before the model says anything


class DeviationWeights(msgspec.Struct, frozen=True):
    """Mean and variance by input, in the order of DIRECTIONS; `seen` draws made them."""

    seen: int
    counts: list[int]
    means: list[float]
    variances: list[float]


class Deviations:
    """The model ready to score."""

    def __init__(self, weights: DeviationWeights, names: Sequence[str]) -> None:
        """`names`: the columns of what will be scored; ValueError if the weights do not fit."""
        told = (weights.counts, weights.means, weights.variances)
        if any(len(one) != len(DIRECTIONS) for one in told):
            raise ValueError("counts, means, variances: one a direction; write the weights anew")
        self.weights = weights
        self.columns = np.array([names.index(name) for name in DIRECTIONS], np.int64)
        spreads = [math.sqrt(x) if x > 0.0 else math.inf for x in weights.variances]
        signs = np.array(list(DIRECTIONS.values()), np.float64)
        self._means = np.array(weights.means, np.float64)
        self._slopes = signs / np.array(spreads, np.float64)

    def deviations(self, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """(rows, DIRECTIONS): what each input adds to the sum, 0 to DEVIATION_MAX."""
        out = np.empty((len(inputs), len(self.columns)))
        _deviate(inputs, self.columns, self._means, self._slopes, out)
        return out

    def levels(self, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """-ln(1 - anomaly) of each row, 0 or more: a scale on which deviations add up."""
        total = np.zeros(len(inputs))
        for column in self.deviations(inputs).T:  # in one fixed order
            total += column
        return total / SCALE

    def scores(self, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """The anomaly of each row, 0 to 1; the same scale for every account."""
        return 1.0 - np.exp(-self.levels(inputs))


@compiled
def _deviate(
    inputs: NDArray[np.float32], columns: NDArray[np.int64], means: NDArray[np.float64],
    slopes: NDArray[np.float64], out: NDArray[np.float64],
) -> None:  # fmt: skip
    for i in range(len(inputs)):
        for k in range(len(columns)):
            z = (np.float64(inputs[i, columns[k]]) - means[k]) * slopes[k]
            out[i, k] = min(z, DEVIATION_MAX) if z > 0.0 else 0.0  # NaN adds nothing


class DeviationLearner:
    """Learns means and spreads, one draw at a time."""

    def __init__(self, names: Sequence[str], weights: DeviationWeights | None = None) -> None:
        """`weights`: where an earlier life left off."""
        self._columns = [(name, names.index(name)) for name in DIRECTIONS]
        self._scaler = StandardScaler()
        self._seen = 0
        if weights is not None:
            self._seen = weights.seen
            for k, name in enumerate(DIRECTIONS):
                self._scaler.counts[name] = weights.counts[k]
                self._scaler.means[name] = weights.means[k]
                self._scaler.vars[name] = weights.variances[k]

    @property
    def is_warm(self) -> bool:
        """Whether enough was seen for the model to speak."""
        return self._seen >= WARM_UP_DRAWS

    def learn(self, row: Sequence[float]) -> None:
        """Learn one draw's inputs; what is not known is left out."""
        told = {name: row[place] for name, place in self._columns}
        self._scaler.learn_one({name: x for name, x in told.items() if not math.isnan(x)})
        self._seen += 1

    def weights(self) -> DeviationWeights:
        """What was learnt so far."""
        scaler = self._scaler
        return DeviationWeights(
            self._seen,
            [int(scaler.counts[name]) for name in DIRECTIONS],
            [float(scaler.means[name]) for name in DIRECTIONS],
            [float(scaler.vars[name]) for name in DIRECTIONS],
        )
