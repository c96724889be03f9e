"""Writes contract events at a moving time, on few accounts, devices and payees that collide."""

from __future__ import annotations

import random
from typing import Any

from tests.reference_memory import DAY, HOUR, MINUTE, SECOND

START_MS = 1_767_571_200_000  # 2026-01-05
GAPS_MS = (
    0, 0, SECOND, 20 * SECOND, 3 * MINUTE, 3 * MINUTE, 12 * MINUTE, 40 * MINUTE,
    3 * HOUR, 11 * HOUR, 25 * HOUR, 25 * HOUR, 3 * DAY, 8 * DAY,
)  # fmt: skip
IPS = ("203.0.113.7", "203.0.113.90", "198.51.100.4", "2001:db8:1::5", "::ffff:203.0.113.9")
Event = dict[str, Any]


class Book:
    """Writes events at a moving time; every id comes from a small pool or a counter."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.now = START_MS + rng.randrange(DAY)
        self.events: list[Event] = []
        self.serial = 0
        self.accounts = [f"A{n}" for n in range(1, rng.choice((2, 4, 6, 9)))]
        self.devices = [f"D{n}" for n in range(1, rng.choice((2, 3, 5)))]
        self.payees = [f"P{n}" for n in range(1, rng.choice((2, 3, 5)))] + ["A1"]
        self.sessions = [f"S{n}" for n in range(1, rng.choice((2, 3, 6)))]

    def pass_time(self, most_ms: int = 400 * DAY) -> None:
        gap_ms = self.rng.choice([gap for gap in GAPS_MS if gap <= most_ms])
        self.now += gap_ms if self.rng.random() < 0.4 else int(gap_ms * self.rng.uniform(0.3, 1.6))

    def new(self, name: str) -> str:
        self.serial += 1
        return f"{name}{self.serial}"

    def write(self, type: str, account: str, **fields: Any) -> Event:
        event = {
            "type": type, "event_id": self.new("e"), "account_id": account,
            "occurred_at": self.now, **fields,
        }  # fmt: skip
        self.events.append({name: value for name, value in event.items() if value is not None})
        return self.events[-1]

    def account(self) -> str:
        return self.rng.choice(self.accounts)

    def place(self) -> dict[str, str]:
        """A session and a device, as they come."""
        rng = self.rng
        return {"session_id": rng.choice(self.sessions), "device_id": rng.choice(self.devices)}

    def login(self, account: str, outcome: str = "success", **fields: Any) -> Event:
        given = {
            **self.place(), "ip": self.rng.choice(IPS), "outcome": outcome, "method": "password",
            **fields,
        }  # fmt: skip
        return self.write("login", account, **given)

    def check(self, account: str, outcome: str = "passed", **fields: Any) -> Event:
        given = {
            **self.place(), "verification_id": self.new("v"), "provider": "v1", "method": "face",
            "outcome": outcome, "latency_ms": 900, **fields,
        }  # fmt: skip
        return self.write("identity_verification", account, **given)

    def draw(self, account: str, status: str = "paid", **fields: Any) -> Event:
        rng = self.rng
        given = {
            **self.place(), "ip": rng.choice(IPS), "disbursement_id": self.new("d"),
            "amount_minor": rng.choice((20_000, 20_000, 30_000, 90_000)), "currency": "CNY",
            "payee_id": rng.choice(self.payees),
            "payee_owner": rng.choice(("self", "self", "other", "unknown")),
            "payee_kind": rng.choice((None, None, "person", "merchant")),
            "credit_limit_minor": 100_000, "outstanding_minor": 0, "status": status, **fields,
        }  # fmt: skip
        if rng.random() < 0.3:
            self.check(account, **{name: given[name] for name in ("session_id", "device_id")})
        return self.write("disbursement", account, **given)

    def retell(self, told: Event, status: str) -> Event:
        """Another event of the same disbursement, now."""
        event = {**told, "event_id": self.new("e"), "occurred_at": self.now, "status": status}
        self.events.append(event)
        return event

    def debit(self, account: str, obligation: str, outcome: str, debited: int = 0) -> Event:
        return self.write(
            "auto_debit", account, debit_id=self.new("b"), obligation_id=obligation,
            mandate_id=f"m-{account}", channel="bank_a", amount_due_minor=1_000,
            amount_debited_minor=debited, currency="CNY", outcome=outcome, attempt=1,
            due_at=START_MS + 30 * DAY, overdue_at=START_MS + 33 * DAY,
        )  # fmt: skip

    def find(self, account: str, target: str | None, disposition: str, **fields: Any) -> Event:
        return self.write(
            "disposition", account, target_event_id=target, disposition=disposition, **fields
        )
