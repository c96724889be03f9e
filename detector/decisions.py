"""Decisions: the outcome and the score of a draw, and of a scheduled debit.

A draw's anomaly is its deviation from the account's own normal, 1 - exp(-z), where z adds what is
unusual: the amount against the normal amount and against what is left of the limit, a new device, a
new payee, draws in quick succession. A debit's chance of failing is the account's own record of the
last 90 days, smoothed. Both stand where no models are used, or these have nothing to say yet.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.alerts import Hit
from detector.jit import allocating
from detector.records import Versions, noisy_or

OUTCOMES: Final = ("approve", "review", "challenge", "decline")
ANOMALY_SHARE: Final = 0.5  # of the score, where no rule speaks
DRAW_COLUMNS: Final = (
    "amount_minor", "normal_amount_minor", "credit_limit_minor", "outstanding_minor",
    "device_age_ms", "payee_age_ms", "account_age_ms", "draws_30m",
)  # fmt: skip
DEBIT_COLUMNS: Final = (
    "debit_failures_90d", "debit_successes_90d", "debit_last_failure_age_ms",
)  # fmt: skip
REVIEW_CHANCE: Final = 0.5
PRIOR_FAILURES, PRIOR_ATTEMPTS = 0.5, 10.0  # what an unknown account is taken for
RECENT_MS: Final = 30 * 86_400_000
NO_HITS: Final[Mapping[str, Hit]] = MappingProxyType({})


class Said(NamedTuple):
    """What the models say of a draw; None: nothing yet. `version` 0: none is in force."""

    anomaly: float | None  # 0 to 1
    supervised: float | None  # a probability, by itself
    score: float | None  # of all parts together
    version: int


@allocating
def anomalies(
    rows: NDArray[np.int64], values: NDArray[np.float64], columns: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The anomaly of each row, row by row, so that a batch of one gives the same bits.

    `columns` are the places of DRAW_COLUMNS; NaN adds nothing.
    """
    out = np.empty(len(rows))
    for k in range(len(rows)):
        v = values[rows[k]]
        amount, normal, limit, owed = v[columns[0]], v[columns[1]], v[columns[2]], v[columns[3]]
        z = 0.0
        if normal > 0 and amount > normal:
            z += 0.7 * math.log(amount / normal)
        left = limit - owed
        if left > 0:
            z += 0.4 * min(amount / left, 2.0)
        account_age = v[columns[6]]
        if account_age > 86_400_000.0:
            for c, weight in ((4, 0.8), (5, 0.4)):
                age = v[columns[c]]
                if age >= 0:
                    z += weight * np.exp2(-age / 86_400_000.0)
        if v[columns[7]] > 1:
            z += 0.15 * min(v[columns[7]] - 1.0, 8.0)
        out[k] = 1.0 - math.exp(-z)
    return out


def draw_decision(
    event: Mapping[str, Any], hits: Mapping[str, Hit], anomaly: float, alert_ids: list[str],
    *, is_degraded: bool, versions: Versions, said: Said | None = None,
    risks: Mapping[str, Hit] = NO_HITS, by_cost: str = OUTCOMES[0],
) -> dict[str, Any]:  # fmt: skip
    """The contract's decision on a draw; `event` gives event_id, account_id, occurred_at.

    `anomaly`: the deviation from the account's own normal, where `said` has none. `risks`: what the
    models alone found, which is no part of what the rules say. `by_cost`: what its expected loss is
    worth, at least.
    """
    rules = rules_score(hits)
    by_hits = outcome_of({**hits, **risks}, is_degraded=is_degraded)
    outcome = max(by_hits, by_cost, key=OUTCOMES.index)
    supervised = None
    if said is not None:
        anomaly = anomaly if said.anomaly is None else said.anomaly
        supervised = None if said.supervised is None else round(said.supervised, 9)
    return {
        **event,
        "question": "unauthorized_transfer",
        "score": round(draw_score(rules, anomaly, said), 9),
        "outcome": outcome,
        "components": {"rules": rules, "supervised": supervised, "anomaly": round(anomaly, 9)},
        "alert_ids": alert_ids,
        "human_review": "required" if outcome == "decline" else "not_needed",
        "degraded": is_degraded,
        "versions": versions.of_models(said.version if said is not None else 0),
    }


def draw_score(rules: float, anomaly: float, said: Said | None) -> float:
    """Law 27: the score of a draw, by the models where they have one; arguments as above."""
    if said is not None and said.score is not None:
        return said.score
    if said is not None and said.anomaly is not None:
        anomaly = said.anomaly
    return 1.0 - (1.0 - rules) * (1.0 - ANOMALY_SHARE * anomaly)


def rules_score(hits: Mapping[str, Hit]) -> float:
    """What the rules say of an event, 0 to 1: 1 - product of (1 - weight) over those that hit."""
    return noisy_or([hit.severity for _, hit in sorted(hits.items())])


def outcome_of(hits: Mapping[str, Hit], *, is_degraded: bool) -> str:
    """Law 26: the strictest that any hit, or the want of an input, asks for."""
    strictest = 1 if is_degraded else 0
    for hit in hits.values():
        holds = "hold_disbursement" in hit.actions
        if holds and hit.severity == "critical":
            return "decline"
        if holds or "step_up_verification" in hit.actions:
            strictest = max(strictest, 2)
        elif hit.severity != "info":
            strictest = max(strictest, 1)
    return OUTCOMES[strictest]


def record_chance(history: tuple[float, float, float]) -> float:
    """The chance that a debit fails, by the account's own record alone.

    `history`: failures and successes of 90 days, age of the last failure in ms (NaN: unknown).
    """
    failures, successes, age = (0.0 if math.isnan(x) else x for x in history)
    chance = (failures + PRIOR_FAILURES) / (failures + successes + PRIOR_ATTEMPTS)
    if not math.isnan(history[2]):
        chance += (1.0 - chance) * 0.2 * math.exp(-age / RECENT_MS)
    return chance


def debit_decision(
    event: Mapping[str, Any], history: tuple[float, float, float], balance: int | None,
    due: int, *, is_degraded: bool, versions: Versions, said: tuple[float, int] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The contract's decision on a scheduled debit: will it fail for want of balance?

    `history`: as record_chance has it. `said`: the chance that the model tells instead, and its
    version. A balance that is known weighs four times as much as either.
    """
    chance, version = (record_chance(history), 0) if said is None else said
    supervised = round(chance, 9) if version else None
    if balance is not None and due > 0:
        known = 0.9 if balance < due else 0.1
        chance = 0.2 * chance + 0.8 * known
    score = round(chance, 9)
    return {
        **event,
        "question": "insufficient_balance",
        "score": score,
        "outcome": "review" if score >= REVIEW_CHANCE or is_degraded else "approve",
        "components": {"rules": 0.0, "supervised": supervised, "anomaly": score},
        "alert_ids": [],
        "human_review": "not_needed",
        "degraded": is_degraded,
        "versions": versions.of_models(version),
    }
