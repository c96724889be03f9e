"""Obligations of which nothing is to be said, known without a fold: scheduled, then paid.

Nine of ten looks are at such ones. What is said here is what a fold says
(obligation_states.py), at a fifth of its cost.
"""

from __future__ import annotations

from detector.obligation_states import Limits, imminent_ms
from detector.obligation_steps import NEVER_MS, Obligation


def calm_until_ms(obligation: Obligation, at_ms: int, limits: Limits, *, is_plain: bool) -> int:
    """The deadline that may move an obligation of which nothing is to be said at a time; -1 where
    that is not plain to see. NEVER_MS: none, it is paid.

    `is_plain`: no relief, no hardship of the account and no outage is known that could matter.
    """
    if obligation.is_open:
        return -1
    newest = obligation.steps[-1]
    if newest.word in ("success", "settled"):
        return NEVER_MS
    is_alone = newest.word == "scheduled" and len(obligation.steps) == 1
    if not is_alone or not is_plain:
        return -1
    next_ms = min(
        obligation.overdue_ms,
        obligation.due_ms + limits.missed_after_ms,
        imminent_ms(obligation, limits),
    )
    if obligation.chance >= limits.forecast_chance and "shortfall_forecast" in limits.states:
        next_ms = min(next_ms, obligation.due_ms - limits.forecast_ahead_ms)
    return next_ms if at_ms <= next_ms else -1
