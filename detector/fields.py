"""The columns that rules read: an event's own fields, and how the compiled walk fills them.

Every column is a float64 and NaN is NULL: money (at most 10^15) and epoch milliseconds are exact in
it. Enumerations are codes. A column has a cause beside it, which speaks where the value is NULL.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.events import (
    AMOUNT,
    CODE,
    DEVICE,
    EXPIRED_SHIFT,
    KIND_MASK,
    LIMIT,
    METHOD_SHIFT,
    NETWORK,
    NORMAL,
    NULL_INT,
    OUTSTANDING,
    OVERDUE_BIT,
    OWNER_SHIFT,
    PAYEE,
    PAYEE_KIND_SHIFT,
    REVOKED_SHIFT,
    SESSION,
    SIGNALS,
    SIGNALS_SHIFT,
    SOURCE_MISSING,
    VERIFICATION,
    T,
)  # fmt: skip
from detector.jit import inlined
from detector.terms import DAY_MS, HOUR_MS, Terms, in_campaign, local_ms

FIELDS: Final = (
    "amount_minor", "credit_limit_minor", "outstanding_minor", "status", "payee_owner",
    "payee_kind", "has_session", "has_device", "has_network", "has_verification",
    "payee_allowed", "device_allowed", "network_allowed", "outcome", "method",
    "amount_due_minor", "amount_debited_minor", *(f"signal_{name}" for name in SIGNALS),
    "local_hour", "in_campaign", "days_early", "overdue_passed", "penalty_due_minor",
    "mandate_max_minor", "mandate_expired", "mandate_revoked", "has_payer",
)  # fmt: skip
FIELD_INDEX: Final = {name: index for index, name in enumerate(FIELDS)}
SIGNAL_FIELD: Final = FIELD_INDEX[f"signal_{SIGNALS[0]}"]
TIME_FIELD: Final = FIELD_INDEX["local_hour"]

# Fields that a stage after the account's still knows of an event in its memory, so that a rule
# which reads them can be judged again there.
KEPT_FIELDS: Final = frozenset(
    {
        "amount_minor",
        "status",
        "payee_owner",
        "payee_kind",
        "outcome",
        "method",
        "local_hour",
        "in_campaign",
    }
    | {f"signal_{name}" for name in SIGNALS}
)
KEPT_ALLOWED: Final = {
    "device": "device_allowed", "network": "network_allowed", "payee": "payee_allowed",
}  # fmt: skip


@inlined
def _holds(sorted_hashes: NDArray[np.int64], value: int) -> float:
    i = np.searchsorted(sorted_hashes, value)
    return 1.0 if i < len(sorted_hashes) and sorted_hashes[i] == value else 0.0


@inlined
def _number(value: int) -> float:
    return np.nan if value == NULL_INT else np.float64(value)


@inlined
def _told_flag(code: int, shift: int) -> float:
    """Two bits of a code: 0 not told, 1 no, 2 yes."""
    bits = (code >> shift) & 3
    return np.float64(bits - 1) if bits else np.nan


@inlined
def _fill_debit(w: NDArray[np.int64], values: NDArray[np.float64], terms: Terms) -> None:
    code, due_at = w[CODE], w[PAYEE]
    values[13] = np.float64(code & KIND_MASK & 15)
    values[15] = _number(w[LIMIT])
    values[16] = _number(w[AMOUNT])
    early = local_ms(terms, due_at) // DAY_MS - local_ms(terms, w[T]) // DAY_MS
    values[TIME_FIELD + 2] = np.float64(early)
    values[TIME_FIELD + 3] = 1.0 if code & OVERDUE_BIT else 0.0
    values[TIME_FIELD + 4] = _number(w[OUTSTANDING])
    values[TIME_FIELD + 5] = _number(w[NORMAL])
    values[TIME_FIELD + 6] = _told_flag(code, EXPIRED_SHIFT)
    values[TIME_FIELD + 7] = _told_flag(code, REVOKED_SHIFT)
    values[TIME_FIELD + 8] = 1.0 if w[SESSION] != 0 else 0.0


@inlined
def fill_fields(
    w: NDArray[np.int64], values: NDArray[np.float64], causes: NDArray[np.uint8], terms: Terms
) -> None:
    """Write the field columns of one event from its words."""
    code = w[CODE]
    kind = code & KIND_MASK
    values[6] = 1.0 if w[SESSION] != 0 else 0.0
    values[7] = 1.0 if w[DEVICE] != 0 else 0.0
    values[8] = 1.0 if w[NETWORK] != 0 else 0.0
    values[11] = _holds(terms.devices, w[DEVICE])
    values[12] = _holds(terms.networks, w[NETWORK])
    values[TIME_FIELD] = np.float64(local_ms(terms, w[T]) // HOUR_MS % 24)
    values[TIME_FIELD + 1] = in_campaign(terms, w[T])
    if 8 <= kind < 16:
        values[0] = _number(w[AMOUNT])
        values[1] = _number(w[LIMIT])
        values[2] = _number(w[OUTSTANDING])
        values[3] = np.float64(kind & 3)
        values[4] = np.float64((code >> OWNER_SHIFT) & 3)
        payee_kind = (code >> PAYEE_KIND_SHIFT) & 3
        values[5] = np.float64(payee_kind) if payee_kind else np.nan
        values[9] = 1.0 if w[VERIFICATION] != 0 else 0.0
        values[10] = _holds(terms.payees, w[PAYEE])
    elif kind < 8:
        values[13] = np.float64(kind & 3)
        values[14] = np.float64((code >> METHOD_SHIFT) & 7)
        if kind < 4:
            for bit in range(8):
                values[SIGNAL_FIELD + bit] = np.float64((code >> (SIGNALS_SHIFT + bit)) & 1)
    elif kind < 32:
        _fill_debit(w, values, terms)
    for column in range(len(terms.absent)):
        causes[column] = SOURCE_MISSING
        if terms.absent[column]:
            values[column] = np.nan
