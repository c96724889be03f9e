"""Many events of one type as lines of JSON at once: a template an event type, filled by columns.

A column is a numpy array, a list, or one value that all rows share. Whoever is meant (`who`), the
payee, a check's method and a mandate's terms come as ready fragments of JSON, made once a person.
One event as a dict is what `shapes.py` makes; both say the same.
"""

from __future__ import annotations

from itertools import repeat
from typing import Any, Final

import numpy as np

from streams.simulate.shapes import CURRENCY, PROVIDERS

_HEAD: Final = '{"type":"%s","event_id":"e%%08d",%%s,"occurred_at":%%d,'
_LOGIN: Final = (
    _HEAD % "login"
    + '"session_id":"s%07d","device_id":"%s","ip":"%s","outcome":"%s","method":"%s"%s}'
)
_CHECK: Final = (
    _HEAD % "identity_verification"
    + '"verification_id":"v%07d","session_id":"s%07d","device_id":"%s",%s,"outcome":"%s",'
    + '"latency_ms":%d%s}'
)
_DRAW: Final = (
    _HEAD % "disbursement"
    + '"disbursement_id":"w%07d","session_id":"s%07d","device_id":"%s","ip":"%s",'
    + '"amount_minor":%d,"currency":"'
    + CURRENCY
    + '",%s,"credit_limit_minor":%d,"outstanding_minor":%d,"status":"%s",'
    + '"verification_id":"v%07d"}'
)
_DEBIT: Final = (
    _HEAD % "auto_debit"
    + '"debit_id":"o%07d.%d","obligation_id":"o%07d",%s,"amount_due_minor":%d,'
    + '"amount_debited_minor":%d,"currency":"'
    + CURRENCY
    + '","outcome":"%s","attempt":%d,"due_at":%d,"overdue_at":%d%s}'
)
METHODS: Final = {
    method: f'"provider":"{provider}","method":"{method}"' for method, provider in PROVIDERS.items()
}


def who(account: str, person: str) -> str:
    """The fragment that says whose event it is."""
    return f'"account_id":"{account}","person_id":"{person}"'


def payee(payee_id: str, owner: str, kind: str) -> str:
    """The fragment that says who receives the money."""
    return f'"payee_id":"{payee_id}","payee_owner":"{owner}","payee_kind":"{kind}"'


def terms(mandate: str, channel: str, payer: str) -> str:
    """The fragment of a mandate."""
    return f'"mandate_id":"{mandate}","channel":"{channel}","payer_account_id":"{payer}"'


def logins(head: tuple[Any, Any, Any], *columns: Any) -> list[str]:
    """`head`: event number, who, time. Columns: session, device, ip, outcome, method, extra."""
    return _filled(_LOGIN, *head, *columns)


def checks(head: tuple[Any, Any, Any], *columns: Any) -> list[str]:
    """Columns: verification, session, device, method, outcome, latency, extra."""
    return _filled(_CHECK, *head, *columns)


def draws(head: tuple[Any, Any, Any], *columns: Any) -> list[str]:
    """Columns: draw, session, device, ip, amount, payee, limit, owed, status, verification."""
    return _filled(_DRAW, *head, *columns)


def debits(head: tuple[Any, Any, Any], obligation: Any, attempt: Any, *columns: Any) -> list[str]:
    """Columns: obligation, attempt; terms, due, debited, outcome; due_at, overdue_at, extra."""
    terms_, due, debited, outcome, due_at, overdue_at, extra = columns
    words = (obligation, attempt, obligation, terms_, due, debited, outcome, attempt)
    return _filled(_DEBIT, *head, *words, due_at, overdue_at, extra)


def _filled(template: str, *columns: Any) -> list[str]:
    plain = [
        column.tolist()
        if isinstance(column, np.ndarray)
        else (column if isinstance(column, list) else repeat(column))
        for column in columns
    ]
    return [template % row for row in zip(*plain, strict=False)]
