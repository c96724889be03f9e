"""The plan of a stage's features: the arrays that the compiled reading goes by."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

# Aggregates over matching ring entries come first, readings of the row after them.
AGGREGATES: Final = (
    "count", "sum", "max", "min", "mean", "last", "distinct", "newcomers", "age_of_last",
    "age_of_first", "new_signals", "travel_kmh",
    "since_draw", "entity_age", "age", "seen_accounts", "fraud_accounts", "cleared",
    "login_after_failure", "since_login", "normal_amount", "usual_accounts", "minute_logins",
    "minute_failures", "population_logins", "population_failures", "covered",
)  # fmt: skip
(
    COUNT, SUM, MAX, MIN, MEAN, LAST, DISTINCT, NEWCOMERS, AGE_OF_LAST,
    AGE_OF_FIRST, NEW_SIGNALS, TRAVEL_KMH,
    SINCE_DRAW, ENTITY_AGE, AGE, SEEN_ACCOUNTS, FRAUD_ACCOUNTS, CLEARED,
    LOGIN_AFTER_FAILURE, SINCE_LOGIN, NORMAL_AMOUNT, USUAL_ACCOUNTS, MINUTE_LOGINS,
    MINUTE_FAILURES, POPULATION_LOGINS, POPULATION_FAILURES, COVERED,
) = range(len(AGGREGATES))  # fmt: skip
OF_RING: Final = SINCE_DRAW  # the first so many are aggregates over the ring


class Plan(NamedTuple):
    """The catalogue of one stage's features, compiled: arrays of one entry a feature."""

    aggregate: NDArray[np.int64]
    of: NDArray[np.int64]  # word, or which familiar set
    kinds: NDArray[np.uint64]  # accepted kinds, a bit each
    draws_only: NDArray[np.uint8]  # "disbursement": draws, not void
    span_ms: NDArray[np.int64]  # -1: all that is remembered
    same: NDArray[np.int64]  # (features, 4) words, -1 for none
    same_any: NDArray[np.int64]
    agree: NDArray[np.int64]
    differ: NDArray[np.int64]
    owners: NDArray[np.int64]  # accepted codes, a bit each; 0: all
    payee_kinds: NDArray[np.int64]
    signals: NDArray[np.int64]
    methods: NDArray[np.int64]
    amount_from: NDArray[np.float64]  # NaN: any amount
    amount_below: NDArray[np.float64]
    over_km: NDArray[np.float64]
    anchor: NDArray[np.int64]  # the column whose age sets where the window begins or ends; -1: none
    is_until: NDArray[np.uint8]  # it ends there
    first_to_payee: NDArray[np.uint8]
    before: NDArray[np.uint8]
    whole: NDArray[np.uint8]
    plain: NDArray[np.uint8]  # no condition on ids, no filter
    absent: NDArray[np.float64]  # NaN: NULL
    unsourced: NDArray[np.uint8]  # no feed that it reads is there
    column: NDArray[np.int64]
    feature_at: NDArray[np.int64]  # by column: this stage's feature, or -1
    type_starts: NDArray[np.int64]  # (types + 1): features of a type, in `type_features`
    type_features: NDArray[np.int64]
    eager_starts: NDArray[np.int64]  # (types + 1): those that are read whoever asks, in `eager`
    eager: NDArray[np.int64]
    partitions: NDArray[np.float64]  # (1,): what the population's counts are multiplied by
