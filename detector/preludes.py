"""Preludes: the past that a story may begin with. Times are ms relative to the story's base."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from detector.toml_section import UNITS_MS

_DAY: Final = UNITS_MS["d"]
_HOUR: Final = UNITS_MS["h"]
_MINUTE: Final = UNITS_MS["m"]
OTHERS: Final = 100  # borrowers of `other_borrowers`


def _known_borrower() -> list[dict[str, Any]]:
    """Account A, 60 to 2 days ago: each week a log-in, a pass and a usual draw to its own card."""
    events: list[dict[str, Any]] = []
    for week, day in enumerate((*range(60, 2, -7), 2), start=1):
        common = {"account_id": "A", "session_id": f"KS{week}", "device_id": "D1"}
        at_ms = -day * _DAY
        events += [
            {"at_ms": at_ms, "type": "login", **common},
            {"at_ms": at_ms + _MINUTE, "type": "identity_verification", **common,
             "verification_id": f"KV{week}"},
            {"at_ms": at_ms + 2 * _MINUTE, "type": "disbursement", **common,
             "amount_minor": 20_000, "verification_id": f"KV{week}"},
        ]  # fmt: skip
    return events


def _other_borrowers() -> list[dict[str, Any]]:
    """Others with devices and networks of their own: 100 log-ins in 7 days.

    One of them logged in and drew 20 days ago, so that the log of every stage covers that long.
    """

    def of(n: int) -> dict[str, Any]:
        return {"account_id": f"KO{n}", "session_id": f"KOS{n}", "device_id": f"KOD{n}",
                "ip": f"172.16.{n}.1"}  # fmt: skip

    first: list[dict[str, Any]] = [
        {"at_ms": -20 * _DAY, "type": "login", **of(1)},
        {"at_ms": -20 * _DAY + _MINUTE, "type": "disbursement", **of(1), "payee_id": "KOP1"},
    ]
    return first + [
        {"at_ms": (n - 1 - OTHERS) * 100 * _MINUTE, "type": "login", **of(n)}
        for n in range(1, OTHERS + 1)
    ]


def _steady_channel() -> list[dict[str, Any]]:
    """Channel KC, three and two days ago in this hour: 300 attempts, 3 of them the channel's error;
    one a few hours since."""
    at = [-day * _DAY + n * 24_000 for day in (3, 2) for n in range(150)]
    at += [-12 * _HOUR, -_MINUTE]
    return [
        {"at_ms": ms, "type": "auto_debit", "account_id": f"KA{n}", "obligation_id": f"KB{n}",
         "channel": "KC", "outcome": "channel_error" if n % 100 == 50 else "success",
         "amount_debited_minor": 0 if n % 100 == 50 else 100_000}
        for n, ms in enumerate(at)
    ]  # fmt: skip


def _steady_provider() -> list[dict[str, Any]]:
    """Provider KV, three and two days ago in this hour: 300 answers, 6 of 10 of them passes."""
    at = [-day * _DAY + n * 24_000 for day in (3, 2) for n in range(150)]
    at += [-12 * _HOUR, -_MINUTE]
    return [
        {"at_ms": ms, "type": "identity_verification", "account_id": f"KA{n}",
         "provider": "KV", "outcome": "failed" if n % 5 < 2 else "passed"}
        for n, ms in enumerate(at)
    ]  # fmt: skip


def _steady_feeds() -> list[dict[str, Any]]:
    """Log-ins and verifications in this hour of each of nine days, every two minutes; the last of
    each a minute ago."""
    at = [-day * _DAY + n * _MINUTE for day in range(9, 0, -1) for n in range(0, 60, 2)]
    at += [-12 * _HOUR, -_MINUTE]
    return [
        {"at_ms": ms, "type": kind, "account_id": f"KA{n % 7}"}
        for n, ms in enumerate(at) for kind in ("login", "identity_verification")
    ]  # fmt: skip


def _many_draws() -> list[dict[str, Any]]:
    """Thirty borrowers KM1 to KM30, each on a device of its own to a card of its own: 600 draws of
    40 days, of much the same amount."""
    return [
        {"at_ms": (n - 600) * 96 * _MINUTE, "type": "disbursement", "account_id": f"KM{n % 30 + 1}",
         "session_id": "none", "ip": "none", "device_id": f"KMD{n % 30 + 1}",
         "payee_id": f"KMP{n % 30 + 1}", "amount_minor": 18_000 + 40 * (n * 7 % 100)}
        for n in range(600)
    ]  # fmt: skip


def _judged_draws() -> list[dict[str, Any]]:
    """Borrowers KJ1 to KJ300, each with a device and a card of its own: 3,000 draws of 75 days, of
    much the same amount. Every twentieth is a fraud, large, by a strange device to a mule, and is
    confirmed the same day."""
    events: list[dict[str, Any]] = []
    for k in range(3000):
        n, at_ms = k % 300 + 1, (k - 3000) * 36 * _MINUTE
        draw = {
            "at_ms": at_ms, "type": "disbursement", "account_id": f"KJ{n}", "session_id": "none",
            "ip": "none", "device_id": f"KJD{n}", "payee_id": f"KJP{n}", "event_id": f"KJE{k}",
            "amount_minor": 18_000 + 40 * (k * 7 % 100),
        }  # fmt: skip
        events.append(draw)
        if k % 20 == 7:
            draw |= {"device_id": f"KJX{k}", "payee_id": f"KJM{k % 3}", "amount_minor": 200_000}
            events.append({
                "at_ms": at_ms + 12 * _HOUR, "type": "disposition", "account_id": f"KJ{n}",
                "target_event_id": f"KJE{k}", "disposition": "confirmed_fraud",
            })  # fmt: skip
    return events


def _debits_of_a_week() -> list[dict[str, Any]]:
    """A log of nine days: a log-in on each, and an hour ago debits KD1 to KD20 of the accounts KA1
    to KA20 by channel KC."""
    events: list[dict[str, Any]] = [
        {"at_ms": -day * _DAY, "type": "login", "account_id": "B"} for day in range(9, 0, -1)
    ]
    return events + [
        {"at_ms": -_HOUR + n * 1000, "type": "auto_debit", "account_id": f"KA{n}",
         "obligation_id": f"KB{n}", "channel": "KC", "outcome": "success",
         "event_id": f"KD{n}", "amount_debited_minor": 100_000}
        for n in range(1, 21)
    ]  # fmt: skip


def _debits_of_months() -> list[dict[str, Any]]:
    """On this day of each of the three months before, forty debits of channel KC, due and overdue
    then: two find the balance short at first, and all are paid."""
    events: list[dict[str, Any]] = []
    for month, day in enumerate((90, 59, 28)):
        for n in range(40):
            common = {"type": "auto_debit", "account_id": f"KA{n}", "channel": "KC",
                      "obligation_id": f"KB{month}-{n}", "due_at": f"-{day}d",
                      "overdue_at": f"-{day * 24 - 10}h"}  # fmt: skip
            at_ms, is_short = -day * _DAY + n * _MINUTE, n % 20 == 7
            if is_short:
                events.append({**common, "at_ms": at_ms, "outcome": "insufficient_balance"})
            events.append({
                **common, "at_ms": at_ms + _HOUR * is_short, "outcome": "success",
                "amount_debited_minor": 100_000,
            })  # fmt: skip
    return events


def _many_logins() -> list[dict[str, Any]]:
    """1,500 log-ins with all that they usually carry, from six hours ago to an hour ago."""
    return [
        {"at_ms": -6 * _HOUR + n * 12_000, "type": "login", "account_id": f"KA{n % 50}"}
        for n in range(1500)
    ]


PRELUDES: Final[Mapping[str, Callable[[], list[dict[str, Any]]]]] = {
    "known_borrower": _known_borrower,
    "other_borrowers": _other_borrowers,
    "steady_channel": _steady_channel,
    "steady_provider": _steady_provider,
    "steady_feeds": _steady_feeds,
    "many_draws": _many_draws,
    "judged_draws": _judged_draws,
    "debits_of_a_week": _debits_of_a_week,
    "many_logins": _many_logins,
    "debits_of_months": _debits_of_months,
}
