"""The peers' rules do what the typologies say, each once past its number and once short of it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 1_767_196_800_000


@pytest.fixture(scope="module")
def rules() -> ModuleType:
    path = Path(__file__).parent / "peers" / "judging.py"
    spec = importlib.util.spec_from_file_location("judging", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check(at: int, device: str = "D1", outcome: str = "passed") -> dict[str, Any]:
    return {"account_id": "A", "occurred_at": START + at, "device_id": device,
            "session_id": "S1", "outcome": outcome, "event_id": f"v{at}"}  # fmt: skip


def draw(at: int, **told: Any) -> dict[str, Any]:
    return {"event_id": f"d{at}", "account_id": "A", "occurred_at": START + at,
            "disbursement_id": f"B{at}", "session_id": "S1", "device_id": "D1",
            "amount_minor": 1_000, "payee_id": "P", "payee_owner": "self", "payee_kind": "person",
            "credit_limit_minor": 100_000, "status": "requested", **told}  # fmt: skip


def typologies(alerts: list[dict[str, Any]]) -> list[str]:
    return [alert["typology"] for alert in alerts]


def test_a_draw_without_a_fresh_pass_of_its_session_or_device_is_a_bypass(
    rules: ModuleType,
) -> None:
    account: dict[str, Any] = {}
    rules.see_verification(account, check(0))
    assert rules.judge_disbursement(account, draw(9 * MINUTE)) == []
    assert typologies(rules.judge_disbursement(account, draw(11 * MINUTE))) == [
        "verification_bypass"
    ]
    failed: dict[str, Any] = {}
    rules.see_verification(failed, check(0, outcome="failed"))
    assert typologies(rules.judge_disbursement(failed, draw(MINUTE))) == ["verification_bypass"]
    other = draw(12 * MINUTE, session_id="S2", device_id="D2")
    rules.see_verification(account, check(12 * MINUTE))
    assert "verification_bypass" in typologies(rules.judge_disbursement(account, other))


def test_one_draw_is_judged_once_whatever_is_told_of_it(rules: ModuleType) -> None:
    first = draw(MINUTE)
    account: dict[str, Any] = {}
    assert rules.judge_disbursement(account, first)
    again = {**first, "event_id": "again", "status": "paid"}
    assert rules.judge_disbursement(account, again) == []


def test_five_draws_in_half_an_hour_are_a_burst_and_four_are_none(rules: ModuleType) -> None:
    account: dict[str, Any] = {}
    rules.see_verification(account, check(0))
    told = [rules.judge_disbursement(account, draw(n * MINUTE)) for n in range(1, 6)]
    assert [typologies(each) for each in told] == [[], [], [], [], ["velocity_burst"]]
    assert len(told[-1][0]["evidence"]) == 5
    slow: dict[str, Any] = {}
    spread = [rules.judge_disbursement(slow, draw(n * 8 * MINUTE)) for n in range(5)]
    assert not any("velocity_burst" in typologies(each) for each in spread)


def test_a_large_draw_to_a_stranger_from_a_new_device_is_a_takeover(rules: ModuleType) -> None:
    account: dict[str, Any] = {}
    rules.see_login(account, check(0))
    rules.judge_disbursement(account, draw(MINUTE))
    rules.see_verification(account, check(2 * DAY, "D2"))
    theft = {"device_id": "D2", "payee_id": "Q", "payee_owner": "other", "amount_minor": 90_000}
    for short in ({"device_id": "D1"}, {"payee_owner": "self"}, {"amount_minor": 1_100}):
        copy = {key: list(value) if isinstance(value, list) else value
                for key, value in account.items()}  # fmt: skip
        copy |= {kind: dict(account[kind]) for kind in ("devices", "payees")}
        assert rules.judge_disbursement(copy, draw(2 * DAY + 1, **(theft | short))) == []
    assert typologies(rules.judge_disbursement(account, draw(2 * DAY + 1, **theft))) == [
        "account_takeover"
    ]


def test_an_obligation_is_told_once_when_it_first_fails(rules: ModuleType) -> None:
    account: dict[str, Any] = {}
    debit = {"event_id": "x", "account_id": "A", "occurred_at": START, "obligation_id": "O"}
    tell = lambda word: rules.judge_debit(account, {**debit, "outcome": word})  # noqa: E731
    assert tell("success") == tell("channel_error") == []
    assert typologies(tell("insufficient_balance")) == ["debit_failed"]
    assert tell("partial") == []


def test_three_strangers_in_a_day_make_a_young_payee_a_mule_and_six_an_old_one(
    rules: ModuleType,
) -> None:
    def paid(state: dict[str, Any], at: int, account: str, **told: Any) -> list[str]:
        event = draw(at, payee_owner="other", account_id=account, disbursement_id=account, **told)
        return typologies(rules.judge_payee(state, event))

    young: dict[str, Any] = {}
    assert [paid(young, n * HOUR, f"A{n}") for n in range(3)] == [[], [], ["mule_fan_in"]]
    shop: dict[str, Any] = {}
    assert not any(paid(shop, n, f"A{n}", payee_kind="merchant") for n in range(9))
    old: dict[str, Any] = {}
    paid(old, 0, "A")
    told = [paid(old, 8 * DAY + n, f"A{n}") for n in range(6)]
    assert told[:5] == [[]] * 5 and told[5] == ["mule_fan_in"]
