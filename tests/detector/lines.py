"""Lines for the tests of decoding: one full and one bare event of each type, and hostile values."""

from __future__ import annotations

import json
from typing import Any

AS_OF_MS = 1_750_000_000_000

EVERY: dict[str, Any] = {
    "event_id": "evt_1",
    "account_id": "acc_1",
    "occurred_at": AS_OF_MS - 1000,
}
BARE: dict[str, dict[str, Any]] = {
    "login": {**EVERY, "outcome": "success", "method": "otp"},
    "identity_verification": {
        **EVERY, "verification_id": "ver_1", "provider": "face-one", "method": "face",
        "outcome": "passed", "latency_ms": 812,
    },
    "disbursement": {
        **EVERY, "disbursement_id": "dis_1", "amount_minor": 123_400, "currency": "CNY",
        "payee_id": "pay_1", "payee_owner": "self", "credit_limit_minor": 5_000_000,
        "outstanding_minor": 0, "status": "requested",
    },
    "auto_debit": {
        **EVERY, "debit_id": "deb_1", "obligation_id": "obl_1", "mandate_id": "man_1",
        "channel": "bank-a", "amount_due_minor": 43_210, "amount_debited_minor": 210,
        "currency": "CNY", "outcome": "partial", "attempt": 1, "due_at": AS_OF_MS,
        "overdue_at": AS_OF_MS + 86_400_000,
    },
    "disposition": {**EVERY, "target_event_id": "evt_0", "disposition": "confirmed_fraud"},
}  # fmt: skip
OPTIONAL: dict[str, dict[str, Any]] = {
    "login": {
        "person_id": "per_1", "session_id": "ses_1", "device_id": "dev_1", "ip": "203.0.113.9",
        "latitude": 31.25, "longitude": -121.5, "device_signals": ["vpn", "emulator", "unheard"],
    },
    "identity_verification": {
        "person_id": "per_1", "session_id": "ses_1", "device_id": "dev_1",
        "disbursement_id": "dis_1",
    },
    "disbursement": {
        "person_id": "per_1", "session_id": "ses_1", "device_id": "dev_1", "ip": "2001:db8::7",
        "payee_kind": "merchant", "verification_id": "ver_1",
    },
    "auto_debit": {
        "person_id": "per_1", "available_balance_minor": 10, "penalty_due_minor": 5,
        "payer_account_id": "acc_2", "mandate_max_minor": 10**15,
        "mandate_valid_until": 4_102_444_800_000, "mandate_revoked_at": 0, "hardship": True,
    },
    "disposition": {
        "person_id": "per_1", "alert_id": "alr_1", "fraud_kind": "takeover", "until_at": AS_OF_MS,
        "contact_channel": "voice", "contact_reached": True, "contact_party": "borrower",
        "contact_consent": False, "agency_id": "agy_1", "analyst": "ana_1",
    },
}  # fmt: skip
TYPES = tuple(BARE)


def bare(kind: str, **changes: Any) -> bytes:
    """An event with its required fields alone; a change to `...` leaves the field out."""
    return line({"type": kind, **BARE[kind], **changes})


def full(kind: str, **changes: Any) -> bytes:
    """An event with every field of its type."""
    return line({"type": kind, **BARE[kind], **OPTIONAL[kind], **changes})


def line(fields: dict[str, Any]) -> bytes:
    told = {name: value for name, value in fields.items() if value is not ...}
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()


def with_raw(kind: str, name: str, value: str | bytes) -> bytes:
    """A full event in which field `name` (known or not) is written as `value`, whatever that is."""
    raw = value.encode() if isinstance(value, str) else value
    return full(kind, **{name: "@here@"}).replace(b'"@here@"', raw)


def with_last(kind: str, text: str | bytes) -> bytes:
    """A full event with `text` written behind its last field."""
    raw = text.encode() if isinstance(text, str) else text
    return full(kind)[:-1] + b"," + raw + b"}"


def nested(depth: int) -> str:
    """A value of `depth` lists and objects in one another."""
    return '[{"k":' * (depth // 2) + ("[]" if depth % 2 else "0") + "}]" * (depth // 2)


NUMBERS = (
    "0", "-0", "1", "-1", "5", "1.0", "1000.0", "1e3", "1E2", "1e-1", "-0.0", "0e0", "1e999",
    "-1e999", "1e-999", "90", "90.1", "-90.0", "180", "-180.5", "90.00000000000000000001",
    "1000000000000000", "1000000000000001", "4102444800000", "4102444800001", "1750000300000",
    "1750000300001", "9223372036854775807", "9223372036854775808", "18446744073709551615",
    "18446744073709551616", "-9223372036854775809", "9" * 30, "-" + "9" * 30, "9" * 400,
    "9" * 5000, "-" + "9" * 5000, "0." + "3" * 5000, "1" + "0" * 5000 + "e-5000",
)  # fmt: skip
NO_JSON = (
    "01", "-", "1.", "+1", ".5", "NaN", "Infinity", "-Infinity", "nan", "0x10", "1_0", "True",
    "tru", "", "'x'", "[1,]", '{"a":1,}', "[", "}", '"', '"\t"', '"\\q"', '"\\u12"', '"\\ud800"',
    '"\\udc00"', '"\\ud800\\ud800"', '"\\ud800x"', '"a\x00"', "1 1", "//", "\ufeff1", "１",
    '{"a"}', "{1:2}", '["\\ud800"]', '{"\\udfff":1}',
)  # fmt: skip
STRINGS = (
    '""', '"x"', '"5"', '" "', '"\\u0000"', '"\\ud83d\\ude00"', '"\\\\ud800"', '"\u501f"',
    '"' + "k" * 128 + '"', '"' + "k" * 129 + '"', '"' + "\U0001f600" * 128 + '"',
    '"' + "\U0001f600" * 129 + '"', '"1.2.3.4"', '"256.1.1.1"', '"01.2.3.4"', '"1.2.3"', '"::1"',
    '"::ffff:1.2.3.4"', '"fe80::1%eth0"', '"1.2.3.4\\n"', '"\uff11.2.3.4"', '"CNY"', '"cny"',
    '"CN"', '"CNYY"', '"CNY\\n"', '"\u00c0BC"', '"success"', '"passed"', '"otp"', '"paid"',
    '"settled"', '"held"', '"Success"', '"login"', '"disposition"', '"self"', '"log\\u0069n"',
)  # fmt: skip
OTHERS = (
    "true", "false", "null", "[]", "{}", '["vpn"]', "[1]", "[null]", "[[]]", '["vpn",null]',
    '{"type":1}', '{"type":"login","type":2}', '[{"event_id":1}]', nested(10), nested(499),
    nested(500), nested(501), nested(502), nested(999), nested(1500), nested(50_000),
    "[" * 500 + "]" * 500, "[" * 501 + "]" * 501, "[]," * 600 + "[]", '"' + "[" * 600 + '"',
    '["\\"' + "[" * 600 + '"]', "[" * 600,
)  # fmt: skip
BYTES = (
    b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xe5\x80"', b'["\xff"]', b'{"\xff":1}',
    b"\xef\xbb\xbf1", b'"\xf4\x90\x80\x80"',
)  # fmt: skip
VALUES = tuple(
    value if isinstance(value, bytes) else value.encode()
    for value in (*NUMBERS, *NO_JSON, *STRINGS, *OTHERS, *BYTES)
)
