"""Attempts and answers, made for tests of incidents, and what the engine says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from detector.decode import Decoder
from detector.engine import Engine
from detector.events import TIME_MAX_MS
from detector.ids import Ids
from detector.policy import load_policy
from detector.rulebook import load_rulebook

HOUR, MINUTE, DAY = 3_600_000, 60_000, 86_400_000
START_MS = 1_772_416_800_000  # 2026-03-02 02:00 UTC, ten in the morning in Shanghai
Record = dict[str, Any]


def engine_of(lateness_hours: float) -> tuple[Engine, Decoder]:
    policy = replace(load_policy(), lateness_hours=lateness_hours)
    ids = Ids()
    return Engine(load_rulebook(None, policy), policy, ids), Decoder(ids, TIME_MAX_MS)


def told(
    events: Sequence[Record], sizes: Sequence[int], lateness_hours: float,
    until_ms: int | None = None,
) -> list[Record]:  # fmt: skip
    """All alerts, the events taken in batches of these sizes in turn; then the clock goes on."""
    engine, decoder = engine_of(lateness_hours)
    said, at, turn = [], 0, 0
    while at < len(events):
        size = sizes[turn % len(sizes)]
        batch = decoder.decode([orjson.dumps(event) for event in events[at : at + size]])
        assert not batch.dead
        said += engine.process(batch).alerts
        at, turn = at + size, turn + 1
    return said if until_ms is None else said + engine.advance(until_ms + 1).alerts


def debit(n: int, at_ms: int, channel: str, outcome: str) -> Record:
    return {
        "type": "auto_debit", "event_id": f"e{n}", "account_id": f"a{n}", "occurred_at": at_ms,
        "debit_id": f"d{n}", "obligation_id": f"o{n}", "mandate_id": "m", "channel": channel,
        "amount_due_minor": 1_000, "amount_debited_minor": 1_000 if outcome == "success" else 0,
        "currency": "CNY", "outcome": outcome, "attempt": 1, "due_at": at_ms,
        "overdue_at": at_ms + 72 * HOUR,
    }  # fmt: skip


def check(n: int, at_ms: int, provider: str, outcome: str) -> Record:
    return {
        "type": "identity_verification", "event_id": f"e{n}", "account_id": f"a{n}",
        "occurred_at": at_ms, "verification_id": f"v{n}", "provider": provider, "method": "otp",
        "outcome": outcome, "latency_ms": 100,
    }  # fmt: skip
