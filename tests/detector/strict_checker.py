"""A second opinion on one line: the data contract in plain Python, sharing nothing with detector.

`verdict(line, as_of_ms)` is ("event", {field: value}) or (reason, path). The order of faults is the
one that detector/strict.py states.
"""

from __future__ import annotations

import json
from decimal import Decimal
from ipaddress import ip_address
from typing import Any

TIME = ("int", 0, 4_102_444_800_000)
MONEY = ("int", 0, 10**15)
COUNT = ("int", 0, 2**63 - 1)
ID = ("id",)
CURRENCY = ("currency",)
BOOL = ("bool",)


def words(text: str) -> tuple[str, ...]:
    return ("words", *text.split())


EVERY = {"event_id": ID, "occurred_at": TIME, "person_id?": ID}
FIELDS: dict[str, dict[str, tuple[Any, ...]]] = {
    "login": {
        **EVERY, "account_id": ID, "session_id?": ID, "device_id?": ID, "ip?": ("ip",),
        "outcome": words("success failure"),
        "method": words("password otp biometric sso other"),
        "latitude?": ("float", -90, 90), "longitude?": ("float", -180, 180),
        "device_signals?": ("strings",),
    },
    "identity_verification": {
        **EVERY, "account_id": ID, "verification_id": ID, "session_id?": ID, "device_id?": ID,
        "provider": ID, "method": words("face otp id_document bank_card password"),
        "outcome": words("passed failed error timeout"), "latency_ms": COUNT,
        "disbursement_id?": ID,
    },
    "disbursement": {
        **EVERY, "account_id": ID, "disbursement_id": ID, "session_id?": ID, "device_id?": ID,
        "ip?": ("ip",), "amount_minor": MONEY, "currency": CURRENCY, "payee_id": ID,
        "payee_owner": words("self other unknown"),
        "payee_kind?": words("person merchant institution"), "verification_id?": ID,
        "credit_limit_minor": MONEY, "outstanding_minor": MONEY,
        "status": words("requested paid rejected reversed"),
    },
    "auto_debit": {
        **EVERY, "account_id": ID, "debit_id": ID, "obligation_id": ID, "mandate_id": ID,
        "channel": ID, "amount_due_minor": MONEY, "amount_debited_minor": MONEY,
        "currency": CURRENCY,
        "outcome": words(
            "scheduled success partial insufficient_balance channel_error mandate_invalid "
            "account_frozen settled reversed"
        ),
        "attempt": COUNT, "due_at": TIME, "overdue_at": TIME, "available_balance_minor?": MONEY,
        "penalty_due_minor?": MONEY, "payer_account_id?": ID, "mandate_max_minor?": MONEY,
        "mandate_valid_until?": TIME, "mandate_revoked_at?": TIME, "hardship?": BOOL,
    },
    "disposition": {
        **EVERY, "account_id?": ID, "target_event_id?": ID, "alert_id?": ID,
        "disposition": words(
            "confirmed_fraud false_positive inconclusive customer_confirmed system_fault held "
            "released paid_anyway contacted unreachable plan_agreed hardship_granted complaint "
            "appeal_opened appeal_upheld appeal_rejected handled"
        ),
        "fraud_kind?": words("takeover scam_victim first_party insider identity_theft"),
        "until_at?": TIME, "contact_channel?": words("voice sms in_app other"),
        "contact_reached?": BOOL, "contact_party?": words("borrower other"),
        "contact_consent?": BOOL, "agency_id?": ID, "analyst?": ID,
    },
}  # fmt: skip


class Pairs(list[tuple[str, Any]]):
    """An object of JSON, repeated keys and all."""


class NotJson(Exception):
    """The line is no JSON object of the contract."""


def verdict(line: bytes, as_of_ms: int) -> tuple[str, Any]:
    if len(line) > 1_048_576:
        return "too_large", "$"
    try:
        pairs = parsed(line)
    except (NotJson, ValueError, RecursionError):
        return "not_json", "$"
    types = [value for key, value in pairs if key == "type"]
    if len(types) != 1:
        return ("unknown_type" if types else "missing_field"), "$.type"
    if not isinstance(types[0], str):
        return "wrong_type", "$.type"
    if types[0] not in FIELDS:
        return "unknown_type", "$.type"
    event: dict[str, Any] = {}
    for marked, rule in FIELDS[types[0]].items():
        name, optional = marked.rstrip("?"), marked.endswith("?")
        told = [value for key, value in pairs if key == name]
        fault = fault_of(told, optional, rule)
        if fault:
            return fault, f"$.{name}"
        event[name] = plain(told[-1], rule) if told else None
    return across_fields(types[0], event, as_of_ms)


def across_fields(kind: str, event: dict[str, Any], as_of_ms: int) -> tuple[str, Any]:
    if kind == "disposition" and event["alert_id"] is None:
        for name in ("target_event_id", "account_id"):
            if event[name] is None:
                return "missing_field", f"$.{name}"
    if event["occurred_at"] - as_of_ms > 5 * 60 * 1000:
        return "future_timestamp", "$.occurred_at"
    return "event", event


def parsed(line: bytes) -> Pairs:
    value = json.loads(
        str(line, "utf-8"),
        object_pairs_hook=Pairs,
        parse_int=Decimal,
        parse_constant=refuse,
    )
    if not isinstance(value, Pairs):
        raise NotJson
    level: list[Any] = [value]
    for _ in range(501):  # out of the event itself and five hundred within it
        level = [part for whole in level for part in parts_of(whole)]
    if any(isinstance(whole, list) for whole in level):
        raise NotJson
    return value


def parts_of(value: Any) -> list[Any]:
    if isinstance(value, str):
        value.encode()  # half a surrogate pair is no text
    if isinstance(value, Pairs):
        return [part for pair in value for part in pair]
    return value if isinstance(value, list) else []


def refuse(_: str) -> None:
    raise NotJson


def fault_of(told: list[Any], optional: bool, rule: tuple[Any, ...]) -> str | None:
    if not told:
        return None if optional else "missing_field"
    if not all((optional and value is None) or typed(value, rule[0]) for value in told):
        return "wrong_type"
    return None if told[-1] is None or within(told[-1], rule) else "out_of_range"


def typed(value: Any, kind: str) -> bool:
    if kind == "int":
        return isinstance(value, Decimal)
    if kind == "float":
        return isinstance(value, (Decimal, float))
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "strings":
        return type(value) is list and all(isinstance(item, str) for item in value)
    return isinstance(value, str)


def within(value: Any, rule: tuple[Any, ...]) -> bool:
    kind = rule[0]
    if kind in ("int", "float"):
        return bool(rule[1] <= value <= rule[2])
    if kind == "words":
        return value in rule[1:]
    if kind == "id":
        return 1 <= len(value) <= 128
    if kind == "currency":
        return len(value) == 3 and all("A" <= letter <= "Z" for letter in value)
    return kind != "ip" or is_address(value)


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def plain(value: Any, rule: tuple[Any, ...]) -> Any:
    if value is None or rule[0] not in ("int", "float"):
        return value
    return int(value) if rule[0] == "int" else float(value)
