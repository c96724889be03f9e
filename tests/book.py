"""Writes contract events at a moving time, on few accounts, devices and payees that collide."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.reference_memory import DAY, HOUR, MINUTE, SECOND

STARTS_MS = (  # 2026-01-05; a week before summer time in America; before winter time in Europe
    1_767_571_200_000, 1_767_571_200_000, 1_772_409_600_000, 1_792_454_400_000,
)  # fmt: skip
GAPS_MS = (
    0, 0, SECOND, 20 * SECOND, 3 * MINUTE, 3 * MINUTE, 12 * MINUTE, 40 * MINUTE,
    3 * HOUR, 11 * HOUR, 25 * HOUR, 25 * HOUR, 3 * DAY, 8 * DAY,
)  # fmt: skip
IPS = ("203.0.113.7", "203.0.113.90", "198.51.100.4", "2001:db8:1::5", "::ffff:203.0.113.9")
SIGNALS = (
    "emulator", "rooted", "remote_control", "screen_sharing", "accessibility_service",
    "sim_changed", "vpn", "tor",
)  # fmt: skip
METHODS = ("face", "face", "otp", "otp", "id_document", "bank_card", "password")
CITIES = (
    (31.2, 121.5), (30.6, 104.1), (31.2, 117.4), (31.23, 116.27), (0.0, 0.0), (0.0, 4.4), (0, 4.5),
    (31.25, 121.35), (-0.05, 0.15), (0.0, 179.9), (0.0, -175.6), (90.0, 0.0), (90.0, 77.7),
    (-33.9, 151.2), (-33.86, 151.23),
)  # fmt: skip
ZONES = ("Asia/Shanghai",) * 5 + ("America/New_York", "Europe/Berlin", "Asia/Kolkata")
CAMPAIGNS = ((3 * DAY, 20 * DAY), (15 * DAY, 60 * DAY), (0, 400 * DAY))  # after the start
Event = dict[str, Any]


class Book:
    """Writes events at a moving time; every id comes from a small pool or a counter."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.start = rng.choice(STARTS_MS)
        self.now = self.start + rng.randrange(DAY)
        self.events: list[Event] = []
        self.serial = 0
        self.accounts = [f"A{n}" for n in range(1, rng.choice((2, 4, 6, 9)))]
        self.devices = [f"D{n}" for n in range(1, rng.choice((2, 3, 5)))]
        self.payees = [f"P{n}" for n in range(1, rng.choice((2, 3, 5)))] + ["A1"]
        self.sessions = [f"S{n}" for n in range(1, rng.choice((2, 3, 6)))]
        self.zone = rng.choice(ZONES)
        spans = rng.sample(CAMPAIGNS, rng.choice((0, 0, 0, 0, 1, 2)))
        reliefs = rng.sample(CAMPAIGNS, rng.choice((0, 0, 0, 0, 0, 1)))
        channels = rng.choice(((), ("bank_a",), ("bank_b",)))
        self.reliefs = tuple((self.start + a, self.start + b, channels) for a, b in reliefs)
        self.campaigns = tuple((self.start + start, self.start + end) for start, end in spans)
        self.delays: dict[str, int] = {}  # of events that are told late, by id

    def pass_time(self, most_ms: int = 400 * DAY) -> None:
        gap_ms = self.rng.choice([gap for gap in GAPS_MS if gap <= most_ms])
        self.now += gap_ms if self.rng.random() < 0.4 else int(gap_ms * self.rng.uniform(0.3, 1.6))

    def wait_for_hour(self, hour: int) -> None:
        """To the next beginning of an hour of the local day, or beside it."""
        local = datetime.fromtimestamp(self.now // SECOND, ZoneInfo(self.zone))
        day = local + timedelta(days=local.hour >= hour)
        at = day.replace(hour=hour, minute=0, second=0, microsecond=0)
        self.now = int(at.timestamp()) * SECOND + self.beside(0)

    def beside(self, bound: float) -> int:
        """A number at a bound or beside it."""
        return int(bound) + self.rng.choice((-1, 0, 0, 0, 1, 1))

    def beside_time(self, at: int) -> int:
        return at + self.rng.choice((-SECOND, -1, 0, 0, 1, SECOND, 40 * SECOND))

    def late(self, *told: Event, share: float = 0.2) -> None:
        """Now and then these events are told after what followed them."""
        if self.rng.random() < share:
            late_ms = self.rng.choice((MINUTE, HOUR, 5 * HOUR, 20 * HOUR, 25 * HOUR))
            self.delays.update({event["event_id"]: late_ms for event in told})

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
        rng = self.rng
        given = {
            **self.place(), "ip": rng.choice(IPS), "outcome": outcome,
            "method": rng.choice(("password", "otp")), **fields,
        }  # fmt: skip
        if rng.random() < 0.15 and "latitude" not in fields:
            given["latitude"], given["longitude"] = rng.choice(CITIES)
        if rng.random() < 0.15 and "device_signals" not in fields:
            given["device_signals"] = rng.sample(SIGNALS, rng.randrange(1, 3))
        return self.write("login", account, **given)

    def check(self, account: str, outcome: str = "passed", **fields: Any) -> Event:
        given = {
            **self.place(), "verification_id": self.new("v"), "provider": "v1",
            "method": self.rng.choice(METHODS), "outcome": outcome, "latency_ms": 900, **fields,
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

    def debit(
        self, account: str, obligation: str, outcome: str, debited: int = 0, **fields: Any
    ) -> Event:
        given = {
            "debit_id": self.new("b"), "obligation_id": obligation, "mandate_id": f"m-{account}",
            "channel": "bank_a", "amount_due_minor": 1_000, "amount_debited_minor": debited,
            "currency": "CNY", "outcome": outcome, "attempt": 1, "due_at": self.start + 30 * DAY,
            "overdue_at": self.start + 33 * DAY, **fields,
        }  # fmt: skip
        return self.write("auto_debit", account, **given)

    def find(self, account: str, target: str | None, disposition: str, **fields: Any) -> Event:
        return self.write(
            "disposition", account, target_event_id=target, disposition=disposition, **fields
        )
