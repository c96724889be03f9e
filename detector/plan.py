"""The plan of a stage's features: the arrays that the compiled reading goes by."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

# Aggregates over matching ring entries come first, readings of the row after them.
AGGREGATES: Final = (
    "count", "sum", "max", "min", "mean", "distinct", "newcomers", "age_of_last", "age_of_first",
    "entity_age", "age", "seen_accounts", "fraud_accounts", "cleared", "login_after_failure",
    "since_login", "normal_amount", "usual_accounts", "minute_logins", "minute_failures",
    "population_logins", "population_failures", "covered",
)  # fmt: skip
OF_RING: Final = 9  # the first so many are aggregates over the ring


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
    first_to_payee: NDArray[np.uint8]
    before: NDArray[np.uint8]
    whole: NDArray[np.uint8]
    plain: NDArray[np.uint8]  # no condition on ids, no filter
    absent: NDArray[np.float64]  # NaN: NULL
    unsourced: NDArray[np.uint8]  # no feed that it reads is there
    column: NDArray[np.int64]
    type_starts: NDArray[np.int64]  # (types + 1): features of a type, in `type_features`
    type_features: NDArray[np.int64]
