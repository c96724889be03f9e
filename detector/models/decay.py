"""Whether a model has decayed: the share of frauds among what it flags, now and usually.

Flagged are the draws that its score puts among the highest FLAGGED_SHARE, by an online quantile
(thresholds.py); what was flagged is right where its label is positive. Labels count on the day on
which they arrive. Precision has decayed where that of a week is below half of its usual, and where
chance alone would make it so at most once in CHANCE such weeks (the exact binomial test). With
fewer labels than that needs, nothing can be said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from detector.models.examples import DAY_MS, NEGATIVE, POSITIVE, is_sampled
from detector.models.thresholds import Threshold

FLAGGED_MAX: Final = 100_000  # flagged events that are known


@dataclass(frozen=True, slots=True)
class DecayTerms:
    """When a model has decayed. Spans in days."""

    share: float  # of the usual precision, below which it has
    flagged_share: float  # of all events, that its score puts highest
    chance: float  # 0 to 1: that an unchanged model would seem to have decayed
    recent_days: int
    usual_days: int
    known_days: int  # of the usual, at least


@dataclass(frozen=True, slots=True)
class Precision:
    """Right ones among the labelled ones that were flagged, recently and before."""

    right: int
    labelled: int
    usual_right: int
    usual_labelled: int

    @property
    def recent(self) -> float:
        """Of the recent days, 0 to 1."""
        return self.right / self.labelled

    @property
    def usual(self) -> float:
        """Of the days before them, 0 to 1."""
        return self.usual_right / self.usual_labelled


@dataclass(slots=True)
class Flagged:
    """An event that was flagged: whose, on which day; day and kind of its label, once there."""

    account: int
    day: int
    label: tuple[int, int] | None = None


class DecayWatch:
    """Follows what is flagged to its label."""

    def __init__(self, terms: DecayTerms, delay_ms: int) -> None:
        """`delay_ms`: after which no label is a label; what arrives earlier is mostly positives."""
        self._terms = terms
        self._delay_days = -(-delay_ms // DAY_MS)
        self._threshold = Threshold()
        self._flagged: dict[int, Flagged] = {}
        self._rate = 1.0
        self._days: dict[int, list[int]] = {}  # negatives, positives that arrived on it
        self._first_day = -1

    def judged(self, key: int, account: int, at_ms: int, margin: float) -> None:
        """An event was scored: `margin` in log-odds."""
        if not self._threshold.is_passed(margin, self._terms.flagged_share, is_free=True):
            return
        if self._first_day < 0:
            self._first_day = at_ms // DAY_MS
        if key in self._flagged or not is_sampled(key, self._rate):
            return
        self._flagged[key] = Flagged(account, at_ms // DAY_MS)
        if len(self._flagged) > FLAGGED_MAX:
            self._rate /= 2.0
            self._flagged = {k: v for k, v in self._flagged.items() if is_sampled(k, self._rate)}

    def settled(self, labels: Sequence[tuple[int, int]], hour_ms: int) -> None:
        """Labels that became known before an hour; a later one takes the place of an earlier one.

        `labels`: key and NEGATIVE or POSITIVE.
        """
        day = (hour_ms - 1) // DAY_MS
        for key, label in labels:
            flagged = self._flagged.get(key)
            if flagged is None:
                continue
            if flagged.label is not None and flagged.label[0] in self._days:
                self._days[flagged.label[0]][flagged.label[1]] -= 1
            flagged.label = day, label
            self._days.setdefault(day, [0, 0])[label] += 1

    def precision(self, today: int) -> Precision | None:
        """What is known at the beginning of a day; None where it says nothing."""
        terms = self._terms
        since = today - terms.recent_days
        known = max(since - terms.usual_days, self._first_day + self._delay_days)
        if self._first_day < 0 or since - known < terms.known_days:
            return None
        recent, usual = self._counted(since, today), self._counted(known, since)
        if not sum(recent) or not usual[POSITIVE]:
            return None
        found = Precision(recent[POSITIVE], sum(recent), usual[POSITIVE], sum(usual))
        least = terms.share * found.usual * found.labelled
        if chance_below(least, found.labelled, found.usual) > terms.chance:
            return None
        return found

    def forget(self, today: int) -> None:
        """Drop what no later day asks for."""
        oldest = today - self._terms.recent_days - self._terms.usual_days
        self._days = {day: counts for day, counts in self._days.items() if day >= oldest}
        first = oldest - self._delay_days
        self._flagged = {key: one for key, one in self._flagged.items() if one.day >= first}

    def forget_account(self, account: int) -> None:
        """Follow nothing of an account any more; what was counted stays."""
        self._flagged = {k: one for k, one in self._flagged.items() if one.account != account}

    def _counted(self, first: int, last: int) -> tuple[int, int]:
        """Negatives and positives that arrived on some days, the last one left out."""
        days = [counts for day, counts in self._days.items() if first <= day < last]
        return sum(one[NEGATIVE] for one in days), sum(one[POSITIVE] for one in days)


def chance_below(least: float, n: int, share: float) -> float:
    """The chance that of n trials, each of chance `share` (0 to 1), fewer than `least` succeed."""
    if share >= 1.0:
        return 0.0 if least <= n else 1.0
    logs = (
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        + k * math.log(share) + (n - k) * math.log1p(-share)
        for k in range(min(math.ceil(least), n + 1))
    )  # fmt: skip
    return math.fsum(math.exp(x) for x in logs)
