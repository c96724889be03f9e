"""The scorer of one question: the newest version of each part, and what they say together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.models.blend import MARGIN_MAX, Blend
from detector.models.deviations import DIRECTIONS, Deviations
from detector.models.forest import Forest
from detector.models.learner import Version
from detector.models.wording import Carried

CARRIED_MAX: Final = 3  # inputs that are named of a score


@dataclass(slots=True)
class Scores:
    """What the models say of some rows. NaN: that part has nothing to say yet."""

    anomaly: NDArray[np.float64]  # 0 to 1
    margin: NDArray[np.float64]  # log-odds of the supervised part
    blended: NDArray[np.float64]  # a probability


class Scorer:
    """Scores rows of inputs with the weights in force."""

    def __init__(self, question: str, names: list[str]) -> None:
        """`names`: the inputs that it will be given."""
        self.question, self.names = question, names
        self._deviations: Deviations | None = None
        self._forest: Forest | None = None
        self._correction = 0.0
        self._blend: Blend | None = None
        self.number = 0

    def take(self, version: Version) -> None:
        """A version comes into force. ValueError if it is not of this question and inputs."""
        if version.question != self.question:
            raise ValueError(f"question: {version.question}, where {self.question} is scored")
        if version.deviations is not None:
            self._deviations = Deviations(version.deviations, self.names)
        if version.forest is not None:
            if version.forest.inputs != self.names:
                raise ValueError("inputs: not those of this version; learn anew")
            self._forest, self._correction = Forest(version.forest), version.correction
        if version.blend is not None:
            self._blend = Blend(version.blend)
        self.number = version.number

    def carried(self, part: str, row: NDArray[np.float32]) -> list[Carried]:
        """The inputs that lift a part's score most, at most CARRIED_MAX, the weightiest first."""
        if part == "supervised":
            assert self._forest is not None, "nothing scored this row"
            names, columns = self.names, np.arange(len(self.names))
            weights, usual = self._forest.lifts(row), self._forest.usual.tolist()
        else:
            assert self._deviations is not None, "nothing scored this row"
            names, columns = list(DIRECTIONS), self._deviations.columns
            weights = self._deviations.deviations(row[np.newaxis])[0]
            usual = self._deviations.weights.means
        order = np.argsort(-weights, kind="stable")[:CARRIED_MAX].tolist()
        return [
            Carried(names[k], float(row[columns[k]]), usual[k], float(weights[k]))
            for k in order if weights[k] > 0.0
        ]  # fmt: skip

    def score(self, inputs: NDArray[np.float32], rules: NDArray[np.float64]) -> Scores:
        """The scores of each row by itself; `rules`: what the rules said of it, 0 to 1."""
        nothing = np.full(len(inputs), np.nan)
        anomaly, margin, blended = nothing, nothing, nothing
        if self._deviations is not None:
            anomaly = self._deviations.scores(inputs)
        if self._forest is not None:
            margin = np.clip(
                self._forest.margins(inputs) + self._correction, -MARGIN_MAX, MARGIN_MAX
            )
        if self._blend is not None and self._forest is not None:
            parts = np.column_stack([rules, margin, np.nan_to_num(anomaly, nan=0.0)])
            blended = self._blend.scores(parts)
        return Scores(anomaly, margin, blended)
