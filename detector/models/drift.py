"""Whether scores have moved: the population stability index of recent ones against earlier ones.

    PSI = sum over bins of (recent share - earlier share) x ln(recent share / earlier share)

(Siddiqi 2006, "Credit risk scorecards": above .25 a population is another one; Yurdakul and Naranjo
2020 on what chance alone makes of it: some (bins - 1) x (1 / recent + 1 / earlier rows).) Bins are
fixed: tenths of the earlier scores would take for a move what shifts the many that are all but
certain by a hundredth. Both samples are scored by the weights in force when they are compared. So
a new forest on another scale is no drift: only who comes, and with what, can be one. And it must
last: a payday or a feast moves a week as much as another population does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.models.examples import DAY_MS

BINS: Final = 16
# Of each part: where the lowest bin begins, how wide one is. Log-odds; -ln(1 - anomaly).
SCALES: Final[Mapping[str, tuple[float, float]]] = {
    "supervised": (-8.0, 1.0), "anomaly": (0.0, 0.25),
}  # fmt: skip
ROWS_A_DAY: Final = 200  # one an account, kept by the account's keyed hash and the day
HALF: Final = 0.5  # added to the count of each bin, so that an empty one has a logarithm
MIX: Final = (0x9E37_79B9_7F4A_7C15, 0xD6E8_FEB8_6659_FD93)
WORD: Final = (1 << 64) - 1
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DriftTerms:
    """When scores have drifted. Spans in days; `rows`: that each of both must have.

    `looks`: days in a row on which the index must be above `psi_max`.
    """

    psi_max: float
    rows: int
    looks: int
    recent_days: int
    earlier_days: int
    fill_days: int  # of a log, at first, in which the memory that inputs are read from still fills


class Sample:
    """Inputs of the newest days: of each day at most ROWS_A_DAY events, one an account.

    Which is decided by a hash that nobody can choose and by no order, so that neither a busy
    account nor a busy hour is more than one of many.
    """

    def __init__(self, days: int) -> None:
        """`days`: how many, the newest, are kept."""
        self._most = days
        self._of_day: dict[int, dict[int, NDArray[np.float32]]] = {}  # by rank
        self._last: dict[int, int] = {}  # rank of each day that is full

    def add(self, account: int, at_ms: int, inputs: NDArray[np.float32]) -> None:
        """An event was judged."""
        day = at_ms // DAY_MS
        rank, kept = _rank(account, day), self._of_day.setdefault(day, {})
        if rank in kept or (len(kept) == ROWS_A_DAY and rank > self._last[day]):
            return
        kept[rank] = inputs
        if len(kept) > ROWS_A_DAY:
            del kept[self._last[day]]
        if len(kept) == ROWS_A_DAY:
            self._last[day] = max(kept)

    def rows(self, first: int, last: int) -> NDArray[np.float32] | None:
        """The inputs of some days, the last one left out; by day and hash. None: there are none."""
        found = [
            inputs for day in sorted(self._of_day) if first <= day < last
            for _, inputs in sorted(self._of_day[day].items(), key=lambda one: one[0])
        ]  # fmt: skip
        return np.stack(found) if found else None

    def forget(self, today: int) -> None:
        """Drop what no later day asks for."""
        self.drop_before(today - self._most)

    def drop_before(self, first: int) -> None:
        """Drop all of the days before one."""
        self._of_day = {day: kept for day, kept in self._of_day.items() if day >= first}
        self._last = {day: rank for day, rank in self._last.items() if day >= first}

    def drop_from(self, first: int) -> None:
        """Drop all of a day and of those after it."""
        self._of_day = {day: kept for day, kept in self._of_day.items() if day < first}

    def drop_account(self, account: int) -> None:
        """Drop all of an account."""
        for day, kept in self._of_day.items():
            kept.pop(_rank(account, day), None)


def _rank(account: int, day: int) -> int:
    """A number of 64 bits by which accounts are in another order each day."""
    mixed = ((account ^ (day * MIX[0])) * MIX[1]) & WORD
    return ((mixed ^ (mixed >> 32)) * MIX[1]) & WORD


def stability_index(earlier: Scores, recent: Scores, scale: tuple[float, float]) -> float:
    """The population stability index of two samples of scores, 0 or more; neither is empty.

    `scale`: where the lowest bin begins, and how wide one is.
    """
    shares = [_shares(scores, *scale) for scores in (earlier, recent)]
    return math.fsum((b - a) * math.log(b / a) for a, b in zip(*shares, strict=True))


def _shares(scores: Scores, low: float, width: float) -> list[float]:
    """The share of each bin; what lies outside is in the first or the last."""
    bins = np.clip((scores - low) // width, 0, BINS - 1).astype(np.int64)
    counts = np.bincount(bins, minlength=BINS).tolist()
    return [(n + HALF) / (len(scores) + BINS * HALF) for n in counts]


def drifted(
    sample: Sample, terms: DriftTerms, began_day: int, today: int,
    part: str, score: Callable[[NDArray[np.float32]], Scores],
) -> float | None:  # fmt: skip
    """The index of a part's scores at the beginning of a day; None where too little is known.

    `began_day`: that of the first event, -1 where there is none; `score`: by the weights in force.
    """
    since = today - terms.recent_days
    before = since - terms.earlier_days
    if not 0 <= began_day <= before - terms.fill_days:
        return None
    earlier, recent = sample.rows(before, since), sample.rows(since, today)
    if earlier is None or recent is None or min(len(earlier), len(recent)) < terms.rows:
        return None
    return stability_index(score(earlier), score(recent), SCALES[part])
