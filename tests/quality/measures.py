"""How well a ranking finds what it should, in the measures that the field uses."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

DAY_MS: Final = 86_400_000
ATEC: Final = ((0.001, 0.4), (0.005, 0.3), (0.01, 0.3))  # share of false alarms, weight

Scores = NDArray[np.float64]
Labels = NDArray[np.bool_]


def curve(scores: Scores, labels: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """True and false alarms at each threshold, from the strictest; equal scores are one step."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    hits = np.cumsum(labels[order])[ends]
    return hits, ends + 1 - hits


def area(scores: Scores, labels: Labels) -> float:
    """The area under the ROC curve."""
    hits, alarms = curve(scores, labels)
    x = np.concatenate(([0.0], alarms / alarms[-1]))
    y = np.concatenate(([0.0], hits / hits[-1]))
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2.0))


def average_precision(scores: Scores, labels: Labels) -> float:
    """The mean precision over the steps of recall."""
    hits, alarms = curve(scores, labels)
    steps = np.diff(hits, prepend=0) / hits[-1]
    return float(np.sum(steps * hits / (hits + alarms)))


def atec(scores: Scores, labels: Labels) -> float:
    """Recall at three shares of false alarms, weighted as the ATEC competition does."""
    hits, alarms = curve(scores, labels)
    x = np.concatenate(([0.0], alarms / alarms[-1]))
    y = np.concatenate(([0.0], hits / hits[-1]))
    return float(sum(weight * np.interp(share, x, y) for share, weight in ATEC))


def daily_precision(
    scores: Scores, labels: Labels, times_ms: NDArray[np.int64], most: int
) -> float:
    """The mean over days of the share of frauds among the day's `most` highest scores."""
    found = []
    for rows in _days(times_ms):
        top = rows[np.argsort(-scores[rows], kind="stable")[:most]]
        found.append(labels[top].mean())
    return float(np.mean(found))


def top_of_days(scores: Scores, times_ms: NDArray[np.int64], most: int) -> Labels:
    """Which rows are among the `most` highest of their day."""
    is_top = np.zeros(len(scores), np.bool_)
    for rows in _days(times_ms):
        is_top[rows[np.argsort(-scores[rows], kind="stable")[:most]]] = True
    return is_top


def account_precision(
    scores: Scores, labels: Labels, times_ms: NDArray[np.int64], accounts: list[str], most: int
) -> float:
    """Card precision: the same of the day's `most` accounts, each by its highest score."""
    found = []
    for rows in _days(times_ms):
        best: dict[str, float] = {}
        is_fraud: dict[str, bool] = {}
        for row in rows.tolist():
            account = accounts[row]
            best[account] = max(best.get(account, -1.0), float(scores[row]))
            is_fraud[account] = is_fraud.get(account, False) or bool(labels[row])
        top = sorted(best, key=lambda name: -best[name])[:most]
        found.append(np.mean([is_fraud[name] for name in top]))
    return float(np.mean(found))


def _days(times_ms: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    days = times_ms // DAY_MS
    return [np.flatnonzero(days == day) for day in np.unique(days)]
