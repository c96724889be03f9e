"""Events as rows of words (events.py says what each word holds), a type at a time.

Coordinates are kept in tenths of a degree: the float64 product `degrees * 10`, rounded to the
nearest whole number, a tie to the even one (so 31.25 is 31.2, and -0.05 is 0).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detector import events as e
from detector.ids import Ids
from detector.schema import (
    AutoDebit,
    Disbursement,
    Disposition,
    Event,
    IdentityVerification,
    Login,
)

_Columns = dict[int, Any]  # word -> a column of int64, or a list of as many ints

_NO_PLACE: Final = (
    e.COORDINATE_NULL << e.LATITUDE_SHIFT | e.COORDINATE_NULL << e.LONGITUDE_SHIFT
)
_BLANK: Final = np.zeros(len(e.WORDS), dtype=np.int64)  # ids 0, integers not known
_BLANK[[e.AMOUNT, e.LIMIT, e.OUTSTANDING, e.NORMAL]] = e.NULL_INT


def _kinds(prefix: str, words: Sequence[str]) -> dict[str, int]:
    return {word: e.KINDS[prefix + word] | _NO_PLACE for word in words}


def _indices(words: Sequence[str], shift: int) -> dict[str, int]:
    return {word: index << shift for index, word in enumerate(words)}


_LOGIN_KIND: Final = {word: e.KINDS["login_" + word] for word in e.LOGIN_OUTCOMES}
_LOGIN_METHOD: Final = _indices(e.LOGIN_METHODS, e.METHOD_SHIFT)
_VERIFICATION_KIND: Final = _kinds("verification_", e.VERIFICATION_OUTCOMES)
_VERIFICATION_METHOD: Final = _indices(e.VERIFICATION_METHODS, e.METHOD_SHIFT)
_DISBURSEMENT_KIND: Final = _kinds("disbursement_", e.DISBURSEMENT_STATUSES)
_OWNER: Final = _indices(e.PAYEE_OWNERS, e.OWNER_SHIFT)
_PAYEE_KIND: Final[dict[str | None, int]] = {
    None: 0, **dict(_indices(e.PAYEE_KINDS, e.PAYEE_KIND_SHIFT))
}  # fmt: skip
_DEBIT_KIND: Final = _kinds("debit_", e.DEBIT_OUTCOMES)
_DISPOSITION_KIND: Final = _kinds("", e.DISPOSITIONS)
_SIGNAL: Final = {word: 1 << e.SIGNALS_SHIFT + bit for bit, word in enumerate(e.SIGNALS)}


def words_of(events: Sequence[Event], ids: Ids) -> NDArray[np.int64]:
    """The rows of `events`, (n, 14), in their order."""
    words = np.empty((len(events), len(e.WORDS)), dtype=np.int64)
    types = list(map(type, events))
    for struct, columns in _COLUMNS.items():
        rows = [i for i, kind in enumerate(types) if kind is struct]
        if rows:
            words[rows] = _block([events[i] for i in rows], columns, ids)
    return words


def _block(
    group: list[Any], columns: Callable[[list[Any], Ids], _Columns], ids: Ids
) -> NDArray[np.int64]:
    block = np.empty((len(group), len(e.WORDS)), dtype=np.int64)
    block[:] = _BLANK
    block[:, e.T] = [event.occurred_at for event in group]
    block[:, e.ID] = ids.fresh_column([event.event_id for event in group])
    block[:, e.ACCOUNT] = ids.column([event.account_id for event in group])
    for word, column in columns(group, ids).items():
        block[:, word] = column
    return block


def _login(group: list[Login], ids: Ids) -> _Columns:
    small = np.array(
        [_LOGIN_KIND[x.outcome] | _LOGIN_METHOD[x.method] for x in group], dtype=np.int64
    )
    small |= _tenths([x.latitude for x in group], 900) << e.LATITUDE_SHIFT
    small |= _tenths([x.longitude for x in group], 1800) << e.LONGITUDE_SHIFT
    for row, login in enumerate(group):
        if login.device_signals:
            small[row] |= _signals(login.device_signals)
    return {
        e.CODE: small,
        e.DEVICE: ids.column([x.device_id for x in group]),
        e.NETWORK: _networks([x.ip for x in group], ids),
        e.SESSION: ids.column([x.session_id for x in group]),
    }


def _verification(group: list[IdentityVerification], ids: Ids) -> _Columns:
    return {
        e.CODE: [_VERIFICATION_KIND[x.outcome] | _VERIFICATION_METHOD[x.method] for x in group],
        e.DEVICE: ids.column([x.device_id for x in group]),
        e.SESSION: ids.column([x.session_id for x in group]),
        e.OBJECT: ids.column([x.disbursement_id for x in group]),
        e.VERIFICATION: ids.column([x.verification_id for x in group]),
        e.AMOUNT: [x.latency_ms for x in group],
    }


def _disbursement(group: list[Disbursement], ids: Ids) -> _Columns:
    return {
        e.CODE: [
            _DISBURSEMENT_KIND[x.status] | _OWNER[x.payee_owner] | _PAYEE_KIND[x.payee_kind]
            for x in group
        ],
        e.DEVICE: ids.column([x.device_id for x in group]),
        e.NETWORK: _networks([x.ip for x in group], ids),
        e.PAYEE: ids.column([x.payee_id for x in group]),
        e.SESSION: ids.column([x.session_id for x in group]),
        e.OBJECT: ids.column([x.disbursement_id for x in group]),
        e.VERIFICATION: ids.column([x.verification_id for x in group]),
        e.AMOUNT: [x.amount_minor for x in group],
        e.LIMIT: [x.credit_limit_minor for x in group],
        e.OUTSTANDING: [x.outstanding_minor for x in group],
    }


def _debit(group: list[AutoDebit], ids: Ids) -> _Columns:
    return {
        e.CODE: [_DEBIT_KIND[x.outcome] for x in group],
        e.OBJECT: ids.column([x.obligation_id for x in group]),
        e.AMOUNT: [x.amount_debited_minor for x in group],
        e.LIMIT: [x.amount_due_minor for x in group],
    }


def _disposition(group: list[Disposition], ids: Ids) -> _Columns:
    return {
        e.CODE: [_DISPOSITION_KIND[x.disposition] for x in group],
        e.OBJECT: ids.column([x.target_event_id for x in group]),
    }


def _tenths(degrees: list[float | None], offset: int) -> NDArray[np.int64]:
    values = np.array(degrees, dtype=np.float64)  # None becomes NaN
    known = ~np.isnan(values)
    tenths = np.full(len(degrees), e.COORDINATE_NULL, dtype=np.int64)
    tenths[known] = np.rint(values[known] * 10.0).astype(np.int64) + offset
    return tenths


def _signals(names: Sequence[str]) -> int:
    bits = 0
    for name in names:
        bits |= _SIGNAL.get(name, 0)  # others are ignored
    return bits


def _networks(ips: list[str | None], ids: Ids) -> list[int]:
    network = ids.network
    found = [None if ip is None else network(ip) for ip in ips]
    return [0 if pair is None else pair[1] for pair in found]


_COLUMNS: Final[dict[type, Callable[[list[Any], Ids], _Columns]]] = {
    Login: _login,
    IdentityVerification: _verification,
    Disbursement: _disbursement,
    AutoDebit: _debit,
    Disposition: _disposition,
}
