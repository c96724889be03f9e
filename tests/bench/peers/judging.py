"""Five of the typologies, as a small team would write them first.

Plain functions over a plain dictionary, one an account and one a payee, which either app keeps in
its own kind of state. They are the same in both, so that what is compared is what carries them.
Amounts are minor units, times epoch milliseconds. A state stays small: what no rule can read any
more is dropped as it is written.
"""

from __future__ import annotations

from typing import Any

State = dict[str, Any]
Event = dict[str, Any]
Alert = dict[str, Any]

MINUTE_MS, DAY_MS = 60_000, 86_400_000
VERIFIED_WITHIN_MS = 10 * MINUTE_MS
BURST_COUNT, BURST_MS = 5, 30 * MINUTE_MS
LARGE_SHARE, TIMES_USUAL = 0.8, 2.0
MULE_ACCOUNTS, YOUNG_MULE_ACCOUNTS, YOUNG_MS = 6, 3, 7 * DAY_MS
KNOWN_MAX, OBLIGATIONS_MAX = 32, 64
USUAL_WEIGHT = 0.1  # of the newest amount in an account's usual one
DRAWN, FAILED = ("requested", "paid"), ("insufficient_balance", "partial")


def see_login(account: State, event: Event) -> None:
    """Remember the device of a log-in."""
    _know(account, "devices", event.get("device_id"), event["occurred_at"])


def see_verification(account: State, event: Event) -> None:
    """Remember a check that was passed, for as long as it can release money."""
    at = event["occurred_at"]
    _know(account, "devices", event.get("device_id"), at)
    if event["outcome"] == "passed":
        passes = [one for one in account.get("passes", ()) if one[0] > at - VERIFIED_WITHIN_MS]
        passes.append([at, event.get("session_id"), event.get("device_id")])
        account["passes"] = passes


def judge_disbursement(account: State, event: Event) -> list[Alert]:
    """Alerts of the account about a draw, at the first word of it."""
    at, draw = event["occurred_at"], event["disbursement_id"]
    draws = [one for one in account.get("draws", ()) if one[0] > at - DAY_MS]
    if event["status"] not in DRAWN or any(one[1] == draw for one in draws):
        return []
    draws.append([at, draw, event["event_id"]])
    account["draws"] = draws
    found = []
    if not _verified(account, event):
        found.append(_alert("verification_bypass", "account", event["account_id"], event))
    burst = [one[2] for one in draws if one[0] > at - BURST_MS]
    if len(burst) >= BURST_COUNT:
        found.append(_alert("velocity_burst", "account", event["account_id"], event, burst))
    new_device = _is_new(account, "devices", event.get("device_id"), at)
    new_payee = _is_new(account, "payees", event["payee_id"], at)
    if new_device and new_payee and event["payee_owner"] != "self" and _is_large(account, event):
        found.append(_alert("account_takeover", "account", event["account_id"], event))
    usual = account.get("usual_minor", event["amount_minor"])
    account["usual_minor"] = usual + USUAL_WEIGHT * (event["amount_minor"] - usual)
    return found


def judge_debit(account: State, event: Event) -> list[Alert]:
    """An alert at the first failure of an obligation for want of balance."""
    failed: list[str] = account.get("failed", [])
    if event["outcome"] not in FAILED or event["obligation_id"] in failed:
        return []
    account["failed"] = [*failed[1 - OBLIGATIONS_MAX :], event["obligation_id"]]
    return [_alert("debit_failed", "account", event["account_id"], event)]


def judge_payee(payee: State, event: Event) -> list[Alert]:
    """An alert where many accounts pay one person of a sudden."""
    at = event["occurred_at"]
    foreign = event["payee_owner"] != "self" and event.get("payee_kind", "person") == "person"
    if event["status"] not in DRAWN or not foreign:
        return []
    first = payee.setdefault("first", at)
    paid = [one for one in payee.get("paid", ()) if one[0] > at - DAY_MS]
    if all(one[2] != event["disbursement_id"] for one in paid):
        paid.append([at, event["account_id"], event["disbursement_id"], event["event_id"]])
    payee["paid"] = paid
    accounts = len({one[1] for one in paid})
    needed = YOUNG_MULE_ACCOUNTS if at - first < YOUNG_MS else MULE_ACCOUNTS
    if accounts < needed or accounts <= payee.get("told", 0):
        return []
    payee["told"] = accounts
    evidence = [one[3] for one in paid]
    return [_alert("mule_fan_in", "payee", event["payee_id"], event, evidence)]


def _verified(account: State, event: Event) -> bool:
    at = event["occurred_at"]
    keys = (event.get("session_id"), event.get("device_id"))
    recent = [one for one in account.get("passes", ()) if at - VERIFIED_WITHIN_MS < one[0] <= at]
    if keys == (None, None):
        return bool(recent)
    return any(
        own is not None and own == passed
        for one in recent
        for own, passed in zip(keys, one[1:], strict=True)
    )


def _know(account: State, kind: str, key: str | None, at: int) -> int:
    """When a device or payee was first seen with an account, which is now at the latest."""
    account.setdefault("since", at)
    if key is None:
        return 0
    known: dict[str, int] = account.setdefault(kind, {})
    if key not in known and len(known) >= KNOWN_MAX:
        del known[next(iter(known))]
    return known.setdefault(key, at)


def _is_new(account: State, kind: str, key: str | None, at: int) -> bool:
    """Whether it was first seen in the last day, on an account known for longer."""
    return _know(account, kind, key, at) > at - DAY_MS > account["since"]


def _is_large(account: State, event: Event) -> bool:
    amount = event["amount_minor"]
    usual = account.get("usual_minor")
    much = amount >= LARGE_SHARE * event["credit_limit_minor"]
    return much or (usual is not None and amount >= TIMES_USUAL * usual)


def _alert(
    typology: str, kind: str, entity: str, event: Event, evidence: list[str] | None = None
) -> Alert:
    trigger = event["event_id"]
    return {
        "alert_id": f"{typology}/{entity}/{trigger}",
        "status": "open",
        "typology": typology,
        "entity": {"kind": kind, "id": entity},
        "account_id": event["account_id"],
        "trigger_event_id": trigger,
        "occurred_at": event["occurred_at"],
        "opened_at": event["occurred_at"],
        "evidence": evidence or [trigger],
    }
