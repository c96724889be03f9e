"""From when on a score is an alert: what the budget for alerts leaves room for.

Online quantile tracking (Gibbs and Candes 2021, "Adaptive conformal inference under distribution
shift"; the quantile tracker of Angelopoulos, Candes and Tibshirani 2023, "Conformal PID control for
time series prediction"): an alert lifts the threshold by STEP x (1 - share), a draw without one
lowers it by STEP x share. In T draws the rate of alerts is then within (range + STEP) / (STEP x T)
of the share, whatever the scores are and however they drift. It is moved at each draw, in their
order, so that no batch decides anything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

STEP: Final = 0.5  # of a level: log-odds; of the anomaly -ln(1 - anomaly)
WARM_UP_DRAWS: Final = 200  # without a hit, whose highest level is the first threshold
LEVEL_MAX: Final = 16.0
SPEAKERS: Final = ("supervised", "anomaly")  # the parts that have a threshold each


class Threshold:
    """The threshold of one part of the score."""

    __slots__ = ("seen", "value")

    def __init__(self) -> None:
        self.seen = 0
        self.value = -math.inf

    def is_passed(self, level: float, share: float, *, is_free: bool) -> bool | None:
        """Whether a draw's level lies above; None while the first draws are looked at.

        `share`: of all draws, that may be alerts; `is_free`: whether this one would be an alert of
        this part's.
        """
        if self.seen < WARM_UP_DRAWS:
            if is_free:
                self.seen += 1
                self.value = max(self.value, level)
            return None
        is_above = level > self.value
        self.value += STEP * ((1.0 if is_above and is_free else 0.0) - share)
        return is_above


@dataclass(frozen=True, slots=True)
class Passed:
    """A part whose level passed its threshold."""

    part: str
    level: float
    threshold: float


class Thresholds:
    """The thresholds of all parts; those that speak share the budget evenly."""

    def __init__(self, share: float) -> None:
        """`share` of all draws, that may be alerts of models (0 to 1); 0: there are none."""
        self._share = share
        self._of = {part: Threshold() for part in SPEAKERS}

    @property
    def standing(self) -> dict[str, tuple[int, float]]:
        """Where they stand, by part: draws seen in the warm-up, and the level."""
        return {part: (one.seen, one.value) for part, one in self._of.items()}

    def stand_at(self, standing: Mapping[str, tuple[int, float]]) -> None:
        """Put them where they stood."""
        for part, one in self._of.items():
            one.seen, one.value = standing[part]

    def judge(self, margin: float, anomaly: float, *, has_hit: bool) -> list[Passed] | None:
        """The parts that one draw passes; None where nothing can be said of it yet.

        `margin`: log-odds of the supervised part; `anomaly`: 0 to 1; NaN: not there yet. A draw on
        which a rule has hit passes nothing, and uses none of the budget.
        """
        levels = {"supervised": margin, "anomaly": level_of(anomaly)}
        speaking = {part: level for part, level in levels.items() if not math.isnan(level)}
        passed: list[Passed] = []
        is_said = False
        for part, level in speaking.items():
            threshold = self._of[part]
            before = threshold.value
            is_free = not has_hit and not passed
            above = threshold.is_passed(level, self._share / len(speaking), is_free=is_free)
            is_said |= above is not None
            if above and not has_hit:
                passed.append(Passed(part, level, before))
        return passed if is_said and self._share > 0.0 else None


def level_of(anomaly: float) -> float:
    """An anomaly (0 to 1) on a scale on which deviations add up, 0 to LEVEL_MAX."""
    if math.isnan(anomaly):
        return math.nan
    return min(-math.log1p(-anomaly), LEVEL_MAX) if anomaly < 1.0 else LEVEL_MAX


def score_of(part: str, level: float) -> float:
    """A level as a number from 0 to 1: a chance, an anomaly."""
    return 1.0 / (1.0 + math.exp(-level)) if part == "supervised" else -math.expm1(-level)
