"""Lines of event logs for the tests of streams."""

from __future__ import annotations

from typing import Any

import orjson

BASE_MS = 1_772_416_800_000  # 2026-03-02T02:00:00Z


def login(event_id: str, at_ms: int = 0, **fields: Any) -> bytes:
    """A successful login, `at_ms` after the base."""
    event = {
        "type": "login", "event_id": event_id, "account_id": "A", "occurred_at": BASE_MS + at_ms,
        "outcome": "success", "method": "password",
    }  # fmt: skip
    return orjson.dumps(event | fields)


def disbursement(event_id: str, at_ms: int = 0, **fields: Any) -> bytes:
    """A small draw to the borrower's own payee, behind no verification."""
    event = {
        "type": "disbursement", "event_id": event_id, "account_id": "A",
        "occurred_at": BASE_MS + at_ms, "disbursement_id": f"D-{event_id}",
        "session_id": "S", "device_id": "D", "ip": "203.0.113.7",
        "amount_minor": 20_000, "currency": "CNY", "payee_id": "P", "payee_owner": "self",
        "credit_limit_minor": 1_000_000, "outstanding_minor": 0, "status": "paid",
    }  # fmt: skip
    return orjson.dumps(event | fields)


def disposition(event_id: str, at_ms: int = 0, **fields: Any) -> bytes:
    """A person's word about an event."""
    event = {
        "type": "disposition", "event_id": event_id, "account_id": "A",
        "occurred_at": BASE_MS + at_ms, "target_event_id": "x", "disposition": "contacted",
    }  # fmt: skip
    return orjson.dumps(event | fields)


def debit(event_id: str, at_ms: int = 0, **fields: Any) -> bytes:
    """A step of an instalment that is due at the base and overdue four days later."""
    event = {
        "type": "auto_debit", "event_id": event_id, "account_id": "A",
        "occurred_at": BASE_MS + at_ms, "debit_id": "b", "obligation_id": "O", "mandate_id": "M",
        "channel": "bank", "amount_due_minor": 1_000, "amount_debited_minor": 0,
        "currency": "CNY", "outcome": "insufficient_balance", "attempt": 1, "due_at": BASE_MS,
        "overdue_at": BASE_MS + 4 * 86_400_000,
    }  # fmt: skip
    return orjson.dumps(event | fields)
