"""Events as rows of words (events.py says what each word holds), a type at a time.

Coordinates are kept in tenths of a degree: the float64 product `degrees * 10`, rounded to the
nearest whole number, a tie to the even one (so 31.25 is 31.2, and -0.05 is 0). An event that is no
login has none; where a login has them, a verification has its provider.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple
from zlib import crc32

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

_NO_PLACE: Final = e.COORDINATE_NULL << e.LATITUDE_SHIFT | e.COORDINATE_NULL << e.LONGITUDE_SHIFT
NO_NETWORK: Final = e.NULL_INT  # in place of a network: the address is none
_BLANK: Final = np.zeros(len(e.WORDS), dtype=np.int64)  # ids 0, integers not known
_BLANK[[e.AMOUNT, e.LIMIT, e.OUTSTANDING, e.NORMAL]] = e.NULL_INT


class _Layout(NamedTuple):
    """How the events of one type fill their words: which field goes where, and the code."""

    ids: dict[int, str]  # word -> field
    integers: dict[int, str]
    codes: Callable[[list[Any]], NDArray[np.int64]]
    has_address: bool = False
    optional_integers: dict[int, str] = {}  # noqa: RUF012 - never written to


def words_of(events: Sequence[Event], ids: Ids) -> NDArray[np.int64]:
    """The rows of `events`, (n, 14), in their order."""
    words = np.empty((len(events), len(e.WORDS)), dtype=np.int64)
    types = list(map(type, events))
    for struct, layout in _LAYOUTS.items():
        rows = [i for i, kind in enumerate(types) if kind is struct]
        if rows:
            words[rows] = _block([events[i] for i in rows], layout, ids)
    return words


def _block(group: list[Any], layout: _Layout, ids: Ids) -> NDArray[np.int64]:
    block = np.empty((len(group), len(e.WORDS)), dtype=np.int64)
    block[:] = _BLANK
    block[:, e.CODE] = layout.codes(group)
    texts = [text or "" for name in layout.ids.values() for text in map(attrgetter(name), group)]
    block[:, list(layout.ids)] = ids.hashes(texts).reshape(len(layout.ids), len(group)).T
    for word, name in layout.integers.items():
        block[:, word] = list(map(attrgetter(name), group))
    for word, name in layout.optional_integers.items():
        values = map(attrgetter(name), group)
        block[:, word] = [e.NULL_INT if value is None else value for value in values]
    if layout.has_address:
        addresses = list(map(attrgetter("ip"), group))
        networks = {ip: _network(ip, ids) for ip in set(addresses)}
        block[:, e.NETWORK] = [networks[ip] for ip in addresses]
    return block


def _network(ip: str | None, ids: Ids) -> int:
    """The hash of an address's network; 0 where there is no address."""
    if ip is None:
        return 0
    network = ids.network(ip)
    return NO_NETWORK if network is None else network[1]


# --- the code


def _kinds(prefix: str, words: Sequence[str]) -> dict[str, int]:
    return {word: e.KINDS[prefix + word] for word in words}


def _indices(words: Sequence[str], shift: int) -> dict[str, int]:
    return {word: index << shift for index, word in enumerate(words)}


_LOGIN_KIND: Final = _kinds("login_", e.LOGIN_OUTCOMES)
_LOGIN_METHOD: Final = _indices(e.LOGIN_METHODS, e.METHOD_SHIFT)
_VERIFICATION_KIND: Final = _kinds("verification_", e.VERIFICATION_OUTCOMES)
_VERIFICATION_METHOD: Final = _indices(e.VERIFICATION_METHODS, e.METHOD_SHIFT)
_DISBURSEMENT_KIND: Final = {
    word: e.KINDS["disbursement_" + word] for word in e.DISBURSEMENT_STATUSES
}
_OWNER: Final = _indices(e.PAYEE_OWNERS, e.OWNER_SHIFT)
_PAYEE_KIND: Final = _indices(e.PAYEE_KINDS, e.PAYEE_KIND_SHIFT)
_DEBIT_KIND: Final = {word: e.KINDS["debit_" + word] for word in e.DEBIT_OUTCOMES}
_DISPOSITION_KIND: Final = _kinds("", e.DISPOSITIONS)
_SIGNAL: Final = {word: 1 << e.SIGNALS_SHIFT + bit for bit, word in enumerate(e.SIGNALS)}


def _login_codes(group: list[Login]) -> NDArray[np.int64]:
    small = [
        _LOGIN_KIND[event.outcome] | _LOGIN_METHOD[event.method] | _signals(event.device_signals)
        if event.device_signals
        else _LOGIN_KIND[event.outcome] | _LOGIN_METHOD[event.method]
        for event in group
    ]
    codes = np.array(small, dtype=np.int64)
    codes |= _tenths([event.latitude for event in group], 900) << e.LATITUDE_SHIFT
    codes |= _tenths([event.longitude for event in group], 1800) << e.LONGITUDE_SHIFT
    return codes


def _signals(names: Sequence[str]) -> int:
    bits = 0
    for name in names:
        bits |= _SIGNAL.get(name, 0)  # others are ignored
    return bits


@lru_cache(maxsize=256)
def _currency(currency: str) -> int:
    return e.currency_code(currency) << e.CURRENCY_SHIFT


def _tenths(degrees: list[float | None], offset: int) -> NDArray[np.int64]:
    """Tenths of a degree, counted from `offset` tenths below 0; COORDINATE_NULL for None."""
    values = np.array(degrees, dtype=np.float64)  # None becomes NaN
    known = ~np.isnan(values)
    tenths = np.full(len(degrees), e.COORDINATE_NULL, dtype=np.int64)
    tenths[known] = np.rint(values[known] * 10.0).astype(np.int64) + offset
    return tenths


def _verification_codes(group: list[IdentityVerification]) -> NDArray[np.int64]:
    codes = [
        _VERIFICATION_KIND[event.outcome]
        | _VERIFICATION_METHOD[event.method]
        | provider_code(event.provider) << e.PROVIDER_SHIFT
        for event in group
    ]
    return np.array(codes, dtype=np.int64)


@lru_cache(maxsize=4096)
def provider_code(provider: str) -> int:
    """A provider in 24 bits, never 0: one knows the other again, nobody is judged by it."""
    return crc32(provider.encode()) & e.PROVIDER_MASK or 1


def _disbursement_codes(group: list[Disbursement]) -> NDArray[np.int64]:
    codes = [
        _DISBURSEMENT_KIND[event.status]
        | _OWNER[event.payee_owner]
        | _PAYEE_KIND[event.payee_kind or ""]
        | _currency(event.currency)
        for event in group
    ]
    return np.array(codes, dtype=np.int64)


def _debit_codes(group: list[AutoDebit]) -> NDArray[np.int64]:
    codes = [
        _DEBIT_KIND[event.outcome]
        | _currency(event.currency)
        | (e.OVERDUE_BIT if event.occurred_at >= event.overdue_at else 0)
        | _after(event.occurred_at, event.mandate_valid_until) << e.EXPIRED_SHIFT
        | _after(event.occurred_at, event.mandate_revoked_at) << e.REVOKED_SHIFT
        for event in group
    ]
    return np.array(codes, dtype=np.int64)


def _after(at: int, end: int | None) -> int:
    """Whether a time is after an end: 0 where that is not told, 1 no, 2 yes."""
    return 0 if end is None else 2 if at > end else 1


def _disposition_codes(group: list[Disposition]) -> NDArray[np.int64]:
    return _placeless([_DISPOSITION_KIND[event.disposition] for event in group])


def _placeless(codes: list[int]) -> NDArray[np.int64]:
    return np.array(codes, dtype=np.int64) | _NO_PLACE


# --- the layouts

_EVERY_ID: Final = {e.ID: "event_id", e.ACCOUNT: "account_id"}
_LAYOUTS: Final[dict[type[Event], _Layout]] = {
    Login: _Layout(
        ids={**_EVERY_ID, e.DEVICE: "device_id", e.SESSION: "session_id"},
        integers={e.T: "occurred_at"},
        codes=_login_codes,
        has_address=True,
    ),
    IdentityVerification: _Layout(
        ids={
            **_EVERY_ID,
            e.DEVICE: "device_id",
            e.SESSION: "session_id",
            e.OBJECT: "disbursement_id",
            e.VERIFICATION: "verification_id",
        },
        integers={e.T: "occurred_at", e.AMOUNT: "latency_ms"},
        codes=_verification_codes,
    ),
    Disbursement: _Layout(
        ids={
            **_EVERY_ID,
            e.DEVICE: "device_id",
            e.PAYEE: "payee_id",
            e.SESSION: "session_id",
            e.OBJECT: "disbursement_id",
            e.VERIFICATION: "verification_id",
        },
        integers={
            e.T: "occurred_at",
            e.AMOUNT: "amount_minor",
            e.LIMIT: "credit_limit_minor",
            e.OUTSTANDING: "outstanding_minor",
        },
        codes=_disbursement_codes,
        has_address=True,
    ),
    AutoDebit: _Layout(
        ids={
            **_EVERY_ID,
            e.OBJECT: "obligation_id",
            e.VERIFICATION: "mandate_id",
            e.SESSION: "payer_account_id",
        },
        integers={
            e.T: "occurred_at",
            e.AMOUNT: "amount_debited_minor",
            e.LIMIT: "amount_due_minor",
            e.PAYEE: "due_at",
        },
        optional_integers={e.OUTSTANDING: "penalty_due_minor", e.NORMAL: "mandate_max_minor"},
        codes=_debit_codes,
    ),
    Disposition: _Layout(
        ids={**_EVERY_ID, e.OBJECT: "target_event_id"},
        integers={e.T: "occurred_at"},
        codes=_disposition_codes,
    ),
}
