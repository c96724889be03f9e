"""What models read: each input one number, made of one to three columns of the catalogue.

Rules read the columns themselves; here they are brought to scales on which more is comparable:
logarithms of amounts, counts and ages, ratios to what is normal for the account or the payee, and
rates of confirmed fraud that are smoothed (Micci-Barreca 2001), so that one fraud among two draws
is less than ten among twenty. A column that is NULL makes the input NaN: not known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.jit import compiled

KINDS: Final = ("plain", "money", "count", "age", "ratio", "burst", "rate", "left", "lapsed")
PLAIN, MONEY, COUNT, AGE, RATIO, BURST, RATE, LEFT, LAPSED = range(len(KINDS))
MINOR: Final = 100.0  # added to amounts before the logarithm: what is below is small
DAYS: Final = 30.0  # of the longer span of a burst
PRIOR_FRAUDS, PRIOR_DRAWS = (
    0.1,
    5.0,
)  # a rate's smoothing: one fraud in fifty draws, worth five
COLUMNS_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class Input:
    """An input: its name, how it is made (one of KINDS), and of which columns.

    plain x; money ln(x + 100); count ln(1 + x); age ln(1 + minutes); ratio ln((x + 100) /
    (y + 100)); burst ln((x + .5) / (y / 30 + .5)); rate ln((x + .1) / (y + 5)); left ln((x + 100)
    / (y - z + 100)); lapsed: y < x, ages: x lies further back than y.
    """

    name: str
    kind: str
    columns: tuple[str, ...]


def _inputs(*rows: tuple[str, str, str]) -> tuple[Input, ...]:
    return tuple(Input(name, kind, tuple(columns.split())) for name, kind, columns in rows)


DRAW_INPUTS: Final = _inputs(
    ("amount", "money", "amount_minor"),
    ("amount_to_normal", "ratio", "amount_minor normal_amount_minor"),
    ("amount_to_largest", "ratio", "amount_minor account_largest_30d_minor"),
    ("mean_24h_to_30d", "ratio", "account_mean_24h_minor account_mean_30d_minor"),
    ("drawn_24h", "money", "account_drawn_24h_minor"),
    ("amount_to_payee", "ratio", "amount_minor payee_mean_30d_minor"),
    ("amount_to_left", "left", "amount_minor credit_limit_minor outstanding_minor"),
    ("burst", "burst", "account_draws_24h account_draws_30d"),
    ("draws_60m", "count", "draws_60m"),
    ("payee_draws_7d", "count", "payee_draws_7d"),
    ("payee_draws_30d", "count", "payee_draws_30d"),
    ("payee_accounts_30d", "count", "payee_accounts_30d"),
    ("payee_frauds_30d", "count", "payee_frauds_30d"),
    ("payee_rate_7d", "rate", "payee_frauds_7d payee_draws_7d"),
    ("payee_rate_30d", "rate", "payee_frauds_30d payee_draws_30d"),
    ("account_rate_30d", "rate", "account_frauds_30d account_draws_30d"),
    ("device_frauds", "count", "device_fraud_accounts_90d"),
    ("network_frauds", "count", "network_fraud_accounts_90d"),
    ("device_accounts", "count", "device_accounts_7d"),
    ("account_age", "age", "account_age_ms"),
    ("device_age", "age", "device_age_ms"),
    ("payee_age", "age", "payee_age_ms"),
    ("payee_entity_age", "age", "payee_entity_age_ms"),
    ("last_pass_age", "age", "verification_pass_age_ms"),
    ("failed_checks_24h", "count", "verification_failures_24h"),
    ("failed_logins_24h", "count", "login_failures_24h"),
    ("login_age", "age", "first_login_24h_age_ms"),
    ("remote_logins_60m", "count", "remote_logins_60m"),
    ("local_hour", "plain", "local_hour"),
    ("payee_kind", "plain", "payee_kind"),
    ("payee_owner", "plain", "payee_owner"),
    ("has_verification", "plain", "has_verification"),
)
# For scheduled debits: an account's own repayment and nothing else (purpose "repayment").
DEBIT_INPUTS: Final = _inputs(
    ("due", "money", "amount_due_minor"),
    ("due_to_mean", "ratio", "amount_due_minor debit_due_mean_minor"),
    ("due_to_last", "ratio", "amount_due_minor debit_due_last_minor"),
    ("debited_to_due", "ratio", "debited_180d_minor amount_due_minor"),
    ("failed_35d", "count", "debit_failures_35d"),
    ("failed_90d", "count", "debit_failures_90d"),
    ("paid_35d", "count", "debit_successes_35d"),
    ("paid_90d", "count", "debit_successes_90d"),
    ("settled_180d", "count", "debit_settled_180d"),
    ("failure_age", "age", "debit_last_failure_age_ms"),
    ("paid_age", "age", "debit_closed_age_ms"),
    ("cured", "lapsed", "debit_last_failure_age_ms debit_closed_age_ms"),
    ("failure_rate", "rate", "debit_failures_90d debit_scheduled_180d"),
    ("days_early", "plain", "days_early"),
)


def columns_read() -> tuple[str, ...]:
    """The columns of all inputs."""
    return tuple(sorted({c for one in (*DRAW_INPUTS, *DEBIT_INPUTS) for c in one.columns}))


class Reader:
    """Reads inputs from rows of columns."""

    def __init__(self, inputs: tuple[Input, ...], places: Mapping[str, int]) -> None:
        """`places`: the columns' places by name; KeyError where one is not there."""
        self.names = [one.name for one in inputs]
        self._kinds = np.array([KINDS.index(one.kind) for one in inputs], np.int64)
        self._columns = np.zeros((len(inputs), COLUMNS_MAX), np.int64)
        for k, one in enumerate(inputs):
            for c, name in enumerate(one.columns):
                self._columns[k, c] = places[name]

    def read(self, rows: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float32]:
        """(rows, inputs): the inputs of these rows of `values`, each row by itself."""
        out = np.empty((len(rows), len(self._kinds)), np.float32)
        _read(rows, values, self._kinds, self._columns, out)
        return out


@compiled
def _log_ratio(x: float, y: float, add_x: float, add_y: float) -> float:
    """NaN where either is not known or has no logarithm."""
    above, below = x + add_x, y + add_y
    return math.log(above / below) if above > 0.0 and below > 0.0 else np.nan


@compiled
def _read(
    rows: NDArray[np.int64], values: NDArray[np.float64], kinds: NDArray[np.int64],
    columns: NDArray[np.int64], out: NDArray[np.float32],
) -> None:  # fmt: skip
    for i in range(len(rows)):
        v = values[rows[i]]
        for k in range(len(kinds)):
            kind = kinds[k]
            x, y, z = v[columns[k, 0]], v[columns[k, 1]], v[columns[k, 2]]
            if kind == MONEY:
                x = _log_ratio(x, 1.0, MINOR, 0.0)
            elif kind == COUNT:
                x = _log_ratio(x, 1.0, 1.0, 0.0)
            elif kind == AGE:
                x = _log_ratio(x / 60_000.0, 1.0, 1.0, 0.0)
            elif kind == RATIO:
                x = _log_ratio(x, y, MINOR, MINOR)
            elif kind == BURST:
                x = _log_ratio(x, y / DAYS, 0.5, 0.5)
            elif kind == RATE:
                x = _log_ratio(x, y, PRIOR_FRAUDS, PRIOR_DRAWS)
            elif kind == LEFT:
                x = _log_ratio(x, y - z if y > z or np.isnan(y - z) else 0.0, MINOR, MINOR)
            elif kind == LAPSED:
                x = np.nan if np.isnan(x) else 1.0 if y < x else 0.0
            out[i, k] = x
