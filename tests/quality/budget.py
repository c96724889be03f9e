"""How well the alerts of models keep to their budget: thresholds over what the parts said."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.models.thresholds import Thresholds
from tests.quality.judged import Judged
from tests.quality.measures import DAY_MS

BUDGETS: Final = (2.0, 20.0, 100.0)  # for 10,000 draws
NEAR: Final = 0.15  # of the target
LENDER_DRAWS: Final = 200_000  # a day of a lender who is large enough for two in 10,000
LENDER_DAYS: Final = 20
SEED: Final = 17


def show_budgets(of: Judged) -> None:
    """Alerts a day against their target, of the set as it is and as a large lender's."""
    print(f"{'alerts for 10,000 draws':>24}{'found':>9}{'a day':>8}{'days within 15 %':>18}"
          f"{'mean error':>12}{'frauds':>8}")  # fmt: skip
    for budget in BUDGETS:
        _show(f"{budget:g}", of, np.arange(len(of.times_ms)), budget)
    rows = _of_large_lender(of)
    _show(f"{BUDGETS[0]:g}, {LENDER_DRAWS:,} a day", of, rows, BUDGETS[0])


def _show(title: str, of: Judged, rows: NDArray[np.int64], budget: float) -> None:
    share = budget / 10_000.0
    alerts = alerts_of(of, rows, share)
    days = np.unique(of.times_ms[rows] // DAY_MS, return_inverse=True)[1]
    half = days >= days.max() // 2  # the second half: thresholds and models have settled
    draws = np.bincount(days[half])[days[half].min() :]
    told = np.bincount(days[half], weights=alerts[half])[days[half].min() :]
    errors = np.abs(told - share * draws) / (share * draws)
    frauds = of.labels[rows][alerts & half].mean() if (alerts & half).any() else float("nan")
    print(f"{title:>24}{10_000 * told.sum() / draws.sum():9.2f}{told.mean():8.1f}"
          f"{(errors <= NEAR).mean():18.0%}{errors.mean():12.1%}{frauds:8.0%}")  # fmt: skip


def alerts_of(of: Judged, rows: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Which of these draws, in this order, are alerts of models under a budget."""
    thresholds = Thresholds(share)
    with np.errstate(divide="ignore"):
        margins = np.log(of.supervised) - np.log1p(-of.supervised)
    parts = zip(
        margins[rows].tolist(), of.anomaly[rows].tolist(), (of.rules[rows] > 0.0).tolist(),
        strict=True,
    )  # fmt: skip
    return np.array(
        [bool(thresholds.judge(margin, anomaly, has_hit=hit)) for margin, anomaly, hit in parts],
        np.bool_,
    )


def _of_large_lender(of: Judged) -> NDArray[np.int64]:
    """The last days, each with so many draws: drawn from the day's own, in their order."""
    draw, days = np.random.default_rng(SEED), of.times_ms // DAY_MS
    newest = np.unique(days)[-LENDER_DAYS:]
    chosen = [
        np.sort(draw.choice(np.flatnonzero(days == day), LENDER_DRAWS, replace=True))
        for day in newest.tolist()
    ]
    return np.concatenate(chosen)
