"""The five events as the simulator writes them: one function an event type.

Every function returns a plain dict ready for `orjson.dumps`. A person is `who`, the pair
(account_id, person_id). Times are epoch milliseconds, money is minor units (fen).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

Event = dict[str, Any]
Who = tuple[str, str]
CURRENCY: Final = "CNY"


def login(
    event_id: str,
    who: Who,
    at: int,
    session_id: str,
    device_id: str,
    ip: str,
    outcome: str = "success",
    method: str = "password",
    place: tuple[float, float] | None = None,
    signals: Sequence[str] = (),
) -> Event:
    """A login; `place` is (latitude, longitude) where the device measured it."""
    event: Event = {
        "type": "login",
        "event_id": event_id,
        "account_id": who[0],
        "occurred_at": at,
        "person_id": who[1],
        "session_id": session_id,
        "device_id": device_id,
        "ip": ip,
        "outcome": outcome,
        "method": method,
    }
    if place is not None:
        event["latitude"], event["longitude"] = place
    if signals:
        event["device_signals"] = list(signals)
    return event


def verification(
    event_id: str,
    who: Who,
    at: int,
    verification_id: str,
    session_id: str,
    device_id: str,
    method: str = "face",
    outcome: str = "passed",
    latency_ms: int = 900,
    disbursement_id: str | None = None,
) -> Event:
    """An identity verification; the provider follows from the method."""
    event: Event = {
        "type": "identity_verification",
        "event_id": event_id,
        "account_id": who[0],
        "occurred_at": at,
        "person_id": who[1],
        "verification_id": verification_id,
        "session_id": session_id,
        "device_id": device_id,
        "provider": PROVIDERS[method],
        "method": method,
        "outcome": outcome,
        "latency_ms": latency_ms,
    }
    if disbursement_id is not None:
        event["disbursement_id"] = disbursement_id
    return event


def disbursement(
    event_id: str,
    who: Who,
    at: int,
    disbursement_id: str,
    session_id: str,
    device_id: str,
    ip: str,
    amount_minor: int,
    payee: tuple[str, str, str],
    verification_id: str | None,
    limit_minor: int,
    outstanding_minor: int,
    status: str,
) -> Event:
    """A step of a disbursement; `payee` is (id, owner, kind), outstanding is before the draw."""
    event: Event = {
        "type": "disbursement",
        "event_id": event_id,
        "account_id": who[0],
        "occurred_at": at,
        "person_id": who[1],
        "disbursement_id": disbursement_id,
        "session_id": session_id,
        "device_id": device_id,
        "ip": ip,
        "amount_minor": amount_minor,
        "currency": CURRENCY,
        "payee_id": payee[0],
        "payee_owner": payee[1],
        "payee_kind": payee[2],
        "credit_limit_minor": limit_minor,
        "outstanding_minor": outstanding_minor,
        "status": status,
    }
    if verification_id is not None:
        event["verification_id"] = verification_id
    return event


def auto_debit(
    event_id: str,
    who: Who,
    at: int,
    obligation: tuple[str, str, str, str],
    due_minor: int,
    debited_minor: int,
    outcome: str,
    attempt: int,
    due_at: int,
    overdue_at: int,
    **more: Any,
) -> Event:
    """A step of an instalment; `obligation` is (obligation, mandate, channel, payer account).

    `more`: what else the contract lets a debit say; None is left out."""
    obligation_id, mandate_id, channel, payer = obligation
    event: Event = {
        "type": "auto_debit",
        "event_id": event_id,
        "account_id": who[0],
        "occurred_at": at,
        "person_id": who[1],
        "debit_id": f"{obligation_id}.{attempt}",
        "obligation_id": obligation_id,
        "mandate_id": mandate_id,
        "channel": channel,
        "amount_due_minor": due_minor,
        "amount_debited_minor": debited_minor,
        "currency": CURRENCY,
        "outcome": outcome,
        "attempt": attempt,
        "due_at": due_at,
        "overdue_at": overdue_at,
        "payer_account_id": payer,
    }
    return event | {name: value for name, value in more.items() if value is not None}


def disposition(
    event_id: str,
    who: Who,
    at: int,
    target_event_id: str,
    word: str,
    analyst: str,
    fraud_kind: str | None = None,
    until_at: int | None = None,
) -> Event:
    """What a person found about one event."""
    event: Event = {
        "type": "disposition",
        "event_id": event_id,
        "account_id": who[0],
        "occurred_at": at,
        "person_id": who[1],
        "target_event_id": target_event_id,
        "disposition": word,
        "analyst": analyst,
    }
    if fraud_kind is not None:
        event["fraud_kind"] = fraud_kind
    if until_at is not None:
        event["until_at"] = until_at
    return event


PROVIDERS: Final = {
    "face": "face-one",
    "otp": "sms-one",
    "id_document": "document-one",
    "bank_card": "card-one",
    "password": "own",
}
