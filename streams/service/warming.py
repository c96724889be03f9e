"""Compiled code, ready before the service joins its groups: no transaction waits for a compiler."""

from __future__ import annotations

import orjson

from detector.decode import Decoder
from detector.engine import Engine
from detector.events import TIME_MAX_MS
from detector.ids import Ids
from detector.policy import Policy
from detector.rulebook import Rulebook

_DAY_MS = 86_400_000
_DRAW = {
    "type": "disbursement", "account_id": "a", "session_id": "s", "device_id": "d",
    "ip": "192.0.2.1", "amount_minor": 100, "currency": "CNY", "payee_id": "p",
    "payee_owner": "other", "credit_limit_minor": 1000, "outstanding_minor": 0,
    "status": "requested",
}  # fmt: skip
_LOGIN = {
    "type": "login", "account_id": "a", "device_id": "d", "ip": "192.0.2.1", "outcome": "success",
    "method": "otp",
}  # fmt: skip


def warm(policy: Policy, rulebook: Rulebook) -> None:
    """Take a few made-up events through an engine that is then thrown away."""
    ids = Ids()
    engine, decoder = Engine(rulebook, policy, ids), Decoder(ids, TIME_MAX_MS)
    for at in range(3):
        told = {"event_id": f"l{at}", "occurred_at": _DAY_MS * (at + 1)}
        drawn = {"event_id": f"d{at}", "occurred_at": _DAY_MS * (at + 1) + 1,
                 "disbursement_id": f"x{at}"}  # fmt: skip
        engine.process(decoder.decode([orjson.dumps(_LOGIN | told), orjson.dumps(_DRAW | drawn)]))
