"""Short words for events of hand-made cases, told to the slow engine. Times are from `T0_MS` on."""

from __future__ import annotations

from typing import Any

from tests.reference import Output, Reference
from tests.reference_memory import DAY
from tests.reference_readings import View
from tests.reference_terms import Terms

T0_MS = 1_700_000_000_000  # a whole second and a whole minute + 20 s
Event = dict[str, Any]


def login(id: str, at: int, account: str = "A", **fields: Any) -> Event:
    given = {"device_id": "D", "ip": "203.0.113.7", "outcome": "success", "method": "otp"}
    return event("login", id, at, account, **{**given, **fields})


def check(id: str, at: int, account: str = "A", **fields: Any) -> Event:
    given = {
        "device_id": "D", "verification_id": f"v-{id}", "outcome": "passed", "method": "face",
    }  # fmt: skip
    return event("identity_verification", id, at, account, **{**given, **fields})


def draw(id: str, at: int, account: str = "A", **fields: Any) -> Event:
    given = {
        "disbursement_id": f"d-{id}", "device_id": "D", "ip": "203.0.113.7", "status": "paid",
        "amount_minor": 100, "payee_id": "P", "payee_owner": "self",
        "credit_limit_minor": 10_000, "outstanding_minor": 0,
    }  # fmt: skip
    return event("disbursement", id, at, account, **{**given, **fields})


def debit(id: str, at: int, account: str = "A", **fields: Any) -> Event:
    given = {
        "obligation_id": "o", "mandate_id": "m", "channel": "k", "outcome": "success",
        "amount_due_minor": 1_000, "amount_debited_minor": 0, "due_at": T0_MS,
        "overdue_at": T0_MS + 3 * DAY,
    }  # fmt: skip
    return event("auto_debit", id, at, account, **{**given, **fields})


def find(id: str, at: int, target: str, word: str = "confirmed_fraud", account: str = "A") -> Event:
    return event("disposition", id, at, account, target_event_id=target, disposition=word)


def event(type: str, id: str, at: int, account: str, **fields: Any) -> Event:
    given = {
        "type": type,
        "event_id": id,
        "account_id": account,
        "occurred_at": T0_MS + at,
        **fields,
    }
    return {name: value for name, value in (given | fields).items() if value is not None}


def told(*events: Event, terms: Terms | None = None) -> tuple[Reference, list[Output]]:
    reference = Reference(terms)
    return reference, [reference.handle(event) for event in events]


def ring(reference: Reference, stage: str, key: str) -> list[str]:
    return [entry.id for entry in reference.stages[stage].entities[key].ring]


def view(reference: Reference, stage: str, key: str, id: str) -> View:
    """What the rules of a stage would see of an event that it remembers."""
    entity = reference.stages[stage].entities[key]
    entry = next(entry for entry in entity.ring if entry.id == id)
    since_ms = reference.stages[stage].since_ms
    assert since_ms is not None
    return View(entity, entry, since_ms, reference.terms, False, [])
