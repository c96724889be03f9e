"""The slow engine on cases worked out by hand: from debits to fields of time (laws 20a to 20h)."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.reference import Reference
from tests.reference_logic import INPUT_MISSING, NO_HISTORY, SOURCE_MISSING, Number
from tests.reference_memory import DAY, HOUR, MINUTE, SECOND
from tests.reference_readings import View
from tests.reference_terms import Terms
from tests.reference_windows import (
    age_of_first,
    age_of_last,
    all_of,
    days_early,
    distance_km,
    draws,
    is_after,
    new_signals,
    newest,
    number,
    same,
    since,
    since_draw,
    total,
    travel_kmh,
    until,
    whole,
)
from tests.telling import T0_MS, Event, check, debit, draw, login, told, view

SHANGHAI = {"latitude": 31.2, "longitude": 121.5}
CHENGDU = {"latitude": 30.6, "longitude": 104.1}


def seen(*events: Event, terms: Terms | None = None) -> View:
    """What the account stage sees of the last of these events, once all are told."""
    reference, _ = told(*events, terms=terms)
    return view(reference, "account", "A", events[-1]["event_id"])


def found(reference: Reference, rule: str, id: str) -> str:
    return reference.stages["account"].found[rule, id]


# -- 20a: debits --


def test_a_debit_holds_its_obligation_mandate_and_payer_and_makes_nothing_familiar() -> None:
    see = seen(
        debit("a", 0, payer_account_id="K1"), debit("b", 1, mandate_id="n"),
        debit("c", 2, obligation_id="p", payer_account_id="K1"),
    )  # fmt: skip
    debits = all_of(see, lambda e: e.is_debit)
    counted = [number(see, same(see, name, debits)) for name in ("obligation", "mandate", "payer")]
    assert counted == [1, 2, 2]
    assert see.entity.known["device"].places == []
    assert number(see, same(seen(debit("a", 0)), "payer", [])) == SOURCE_MISSING


def test_another_payer_is_told_only_where_the_debit_names_one() -> None:
    rule = "out_of_mandate_debit.payer"
    first = debit("a", 0, payer_account_id="K1", amount_debited_minor=1)
    for payer, expected in (("K2", "hit"), ("K1", "clear"), (None, "abstain")):
        second = debit("b", 1, payer_account_id=payer, amount_debited_minor=1, obligation_id="p")
        assert found(told(first, second)[0], rule, "b") == expected
    third = debit("c", 2, payer_account_id="K1", amount_debited_minor=1)
    assert found(told(first, second, third)[0], rule, "c") == "clear"


def test_what_was_debited_before_a_reversal_is_not_added_up() -> None:
    steps = [
        debit("a", 0, amount_debited_minor=1_000), debit("r", 1, outcome="reversed"),
        debit("b", 1, outcome="partial", amount_debited_minor=600),
        debit("c", 2, amount_debited_minor=501),
    ]  # fmt: skip
    reference, _ = told(*steps)
    rules = [f"out_of_mandate_debit.{name}" for name in ("amount", "closed")]
    assert [found(reference, rule, "c") for rule in rules] == ["hit", "clear"]  # 1,101 of 1,000
    steps[-1]["amount_debited_minor"] = 500
    assert found(told(*steps)[0], rules[0], "c") == "clear"


def test_a_late_settlement_makes_a_later_debit_a_hit() -> None:
    _, outputs = told(
        debit("a", HOUR, amount_debited_minor=1_000), debit("s", 0, outcome="settled"),
    )  # fmt: skip
    said = [
        (alert["trigger_event_id"], alert["rules"])
        for alert in outputs[1].alerts if alert["typology"] == "out_of_mandate_debit"
    ]  # fmt: skip
    assert said == [("a", ["out_of_mandate_debit.closed"])]


# -- 20b: filters --


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        ((4_250_000, 4_999_999, 4_600_000), "hit"),
        ((4_249_999, 4_999_999, 4_600_000), "clear"),
        ((5_000_000, 4_999_999, 4_600_000), "clear"),
    ],
)
def test_a_band_holds_its_lower_bound_and_not_its_upper(
    amounts: tuple[int, ...], expected: str
) -> None:
    events = [draw(f"d{n}", n * HOUR, amount_minor=amount) for n, amount in enumerate(amounts)]
    assert found(told(*events)[0], "threshold_evasion.band", "d2") == expected


def test_only_codes_that_were_answered_are_a_flood() -> None:
    codes = [check(f"c{n}", n * MINUTE, method="otp", outcome="failed") for n in range(8)]
    rule = "otp_flood.codes"
    assert found(told(*codes)[0], rule, "c7") == "hit"
    assert found(told(*codes[:7], {**codes[7], "method": "face"})[0], rule, "c7") == "clear"
    codes[0]["occurred_at"] = T0_MS - 3 * MINUTE  # ten minutes before the last one
    assert found(told(*codes)[0], rule, "c7") == "clear"


# -- 20c: anchors --


def test_since_counts_from_the_anchor_on_and_everything_where_there_is_none() -> None:
    see = seen(
        login("x", 0), check("a", 9), check("b", 10), login("l", 10), check("c", 11), draw("d", 20)
    )
    passes = all_of(see, lambda e: e.passed_check)
    age = age_of_last(see, all_of(see, lambda e: e.id == "l"))
    assert age == 10
    assert number(see, since(see, age, passes)) == 2  # what is of the anchor's time too
    assert number(see, since(see, NO_HISTORY, passes)) == 3
    assert since(see, SOURCE_MISSING, passes) == SOURCE_MISSING


def test_until_counts_between_its_ends_and_neither_of_them() -> None:
    see = seen(*(check(f"c{at}", at) for at in (0, 1, 9, 10, 11)), draw("d", 20))
    checks = all_of(see, lambda e: e.is_check)
    assert number(see, until(see, 10, checks, 10)) == 2  # of (0, 10)
    assert number(see, until(see, 10, checks, 9)) == 1
    assert until(see, NO_HISTORY, checks, 10) == NO_HISTORY
    assert until(see, NO_HISTORY, checks, 10, absent=True) == []
    assert until(see, SOURCE_MISSING, checks, 10, absent=True) == SOURCE_MISSING


def test_whole_looks_at_the_window_that_was_moved() -> None:
    see = seen(*(login(f"l{n}", n) for n in range(65)), draw("d", 100))
    assert see.entity.put_away_ms == T0_MS + 1
    assert whole(see, [], T0_MS + 1) == [] and whole(see, [], T0_MS) == NO_HISTORY


@pytest.mark.parametrize(
    ("before_ms", "expected"), [(15 * MINUTE, "clear"), (15 * MINUTE - 1, "hit"), (0, "clear")]
)
def test_guesses_stand_before_a_pass_and_a_second_pass_does_not_wash_the_first(
    before_ms: int, expected: str
) -> None:
    fails = [check(f"f{n}", -MINUTE, method="otp", outcome="failed") for n in range(4)]
    last = check("f4", -before_ms, method="otp", outcome="failed")
    later = check("q", 20 * MINUTE)
    reference, _ = told(*fails, last, check("p", 0), later, draw("d", 29 * MINUTE))
    assert found(reference, "verification_guessing.failures", "d") == expected


def test_a_late_sim_change_is_counted_and_the_passes_since_it() -> None:
    place = {"device_id": "E"}
    reference, _ = told(
        login("x", -9 * DAY), check("f", -2), check("p", 0, method="otp", **place),
        draw("d", HOUR, **place),
    )  # fmt: skip
    rule = "sim_swap.new_device"
    assert found(reference, rule, "d") == "clear"
    reference.handle(login("s", 0, device_id="E", device_signals=["sim_changed"]))
    assert found(reference, rule, "d") == "hit"  # the face passed before it


@pytest.mark.parametrize(("slept_ms", "expected"), [(90 * DAY, "hit"), (90 * DAY - 1, "clear")])
def test_a_sleep_of_ninety_days_leaves_out_both_its_ends(slept_ms: int, expected: str) -> None:
    reference, _ = told(
        login("x", -slept_ms), login("l", 0, device_id="E"),
        draw("d", HOUR, device_id="E", amount_minor=5_000),
    )  # fmt: skip
    assert found(reference, "dormant_awakening.new_device", "d") == expected


# -- 20d, 20e: the last amount, the last draw --


def test_the_last_limit_is_that_of_the_newest_draw_that_stands() -> None:
    events = [
        draw("a", 0, credit_limit_minor=1), draw("b", 1, credit_limit_minor=2),
        draw("x", 2, disbursement_id="d-b", status="rejected", credit_limit_minor=3),
    ]  # fmt: skip
    for before, limit in ((events[:2], 2), (events, 1), ([], NO_HISTORY)):
        see = seen(*before, draw("c", 3))
        earlier = draws(see, HOUR, before=True)
        assert newest(see, earlier, "credit_limit_minor") == limit
    see = seen(*events, draw("c", 3))
    assert total(see, draws(see, HOUR), "amount_minor") == 200


def test_the_last_draw_may_have_left_the_ring() -> None:
    assert since_draw(seen(draw("a", 0))) == NO_HISTORY
    assert since_draw(seen(draw("a", 0), draw("b", 5))) == 5
    gone = [draw("a", 0), *(login(f"l{n}", n + 1) for n in range(64))]
    assert since_draw(seen(*gone, draw("b", 100))) == 100
    void = [draw("c", 70), draw("x", 71, status="reversed", disbursement_id="d-c")]
    assert since_draw(seen(*gone, *void, draw("b", 100))) == 100


# -- 20f: signals --


def signalling(*shown: tuple[str | None, list[str]]) -> int:
    events = [
        login(f"l{n}", n, session_id="S", ip=ip, device_signals=signals)
        for n, (ip, signals) in enumerate(shown)
    ]
    see = seen(*events, draw("d", 100, session_id="S"))
    return new_signals(all_of(see, lambda e: e.is_login))


def test_new_signals_are_those_first_shown_on_another_network() -> None:
    home, away = "203.0.113.7", "198.51.100.4"
    assert signalling() == 0
    assert signalling((home, ["rooted"]), (away, ["rooted", "vpn"])) == 1
    assert signalling((home, []), (away, ["rooted"]), (away, ["rooted", "vpn"])) == 2
    assert signalling((home, []), (home, ["vpn"]), (away, ["vpn"])) == 0
    assert signalling((home, []), (None, ["vpn"]), (away, ["vpn"])) == 0
    assert signalling((None, []), (away, ["vpn"])) == 0  # nobody knows where it began


def test_a_session_that_is_not_told_is_not_known() -> None:
    usual = [draw(f"q{n}", n, session_id="S") for n in range(20)]
    reference, outputs = told(*usual, draw("d", 100))
    assert found(reference, "session_hijack.second_place", "d") == "abstain"
    assert outputs[-1].decisions[0]["degraded"]
    assert view(reference, "account", "A", "d").cause("session") == INPUT_MISSING


def test_a_check_made_for_a_draw_that_was_rejected_was_seen_all_the_same() -> None:
    reference, _ = told(
        check("c", 0, session_id="S", device_id="E", disbursement_id="d-x"),
        draw("x", 1, status="rejected", session_id=None), draw("d", 2, session_id="S"),
    )  # fmt: skip
    assert found(reference, "session_hijack.second_place", "d") == "hit"


# -- 20g: travel --


def travelled(*logins: tuple[int, dict[str, Any]], at: int = DAY) -> Number:
    events = [login(f"l{n}", when, **fields) for n, (when, fields) in enumerate(logins)]
    return travel_kmh(seen(*events, draw("d", at)), DAY, 500)


def test_the_great_circle_is_measured_on_a_sphere() -> None:
    quarter = math.pi / 2 * 6_371.0088
    assert distance_km(0, 0, 90, 77.7) == pytest.approx(quarter)
    assert distance_km(0, 179.9, 0, -179.9) == pytest.approx(quarter / 450)
    assert distance_km(31.2, 121.5, 30.6, 104.1) == pytest.approx(1_659.0, abs=1)
    assert distance_km(0, 0, 0, 180) == pytest.approx(2 * quarter)


def test_speed_is_that_between_two_devices_far_apart() -> None:
    here, there = {**SHANGHAI, "device_id": "D"}, {**CHENGDU, "device_id": "E"}
    km = distance_km(31.2, 121.5, 30.6, 104.1)
    assert travelled((HOUR, here), (2 * HOUR, there)) == pytest.approx(km)
    assert travelled((HOUR, here), (HOUR, there)) == pytest.approx(km * HOUR)  # one ms at least
    assert travelled((HOUR, here), (2 * HOUR, {**there, "device_id": "D"})) == 0
    near = {"latitude": 31.2, "longitude": 117.4, "device_id": "E"}
    assert travelled((HOUR, here), (2 * HOUR, near)) == 0
    rounded = {"latitude": 31.21, "longitude": 121.46}
    assert travelled((HOUR, here | rounded), (2 * HOUR, there)) == pytest.approx(km)


def test_the_later_of_a_pair_is_in_the_window_and_the_earlier_may_be_old() -> None:
    here, there = {**SHANGHAI, "device_id": "D"}, {**CHENGDU, "device_id": "E"}
    assert travelled((HOUR, here)) == NO_HISTORY
    assert travelled((-30 * DAY, here), (0, there), at=DAY) == NO_HISTORY
    assert travelled((-30 * DAY, here), (1, there), at=DAY) == pytest.approx(1_659 / 720, rel=1e-3)
    failed = {**there, "outcome": "failure"}
    assert travelled((HOUR, here), (2 * HOUR, failed), (3 * HOUR, here)) == 0


@pytest.mark.parametrize(
    "lack",
    [{"device_signals": ["vpn"]}, {"device_signals": ["tor"]}, {"longitude": None},
     {"device_id": None}],
)  # fmt: skip
def test_a_pair_of_which_something_is_not_known_is_not_zero(lack: dict[str, Any]) -> None:
    here, there = {**SHANGHAI, "device_id": "D"}, {**CHENGDU, "device_id": "E"}
    hidden = {**there, **lack}
    assert travelled((HOUR, here), (2 * HOUR, hidden)) == SOURCE_MISSING
    assert travelled((HOUR, hidden), (2 * HOUR, here)) == SOURCE_MISSING
    known = travelled((HOUR, here), (2 * HOUR, there), (3 * HOUR, {**here, **lack}))
    assert known == pytest.approx(1_659, abs=1)
    if lack.get("device_id", "E"):
        assert travelled((HOUR, hidden), (2 * HOUR, {**hidden, **CHENGDU})) == 0


# -- 20h: time --


def test_the_local_hour_is_that_of_the_policy_by_summer_and_by_winter() -> None:
    shanghai, berlin = Terms(), Terms(timezone="Europe/Berlin")
    winter_ms, summer_ms = 1_774_745_999_999, 1_774_746_000_000  # 2026-03-29 01:00 UTC
    assert [berlin.local_hour(at) for at in (winter_ms, summer_ms)] == [1, 3]
    assert [shanghai.local_hour(at) for at in (winter_ms, summer_ms)] == [8, 9]


def test_a_campaign_begins_at_its_first_moment_and_is_over_at_its_last() -> None:
    terms = Terms(campaigns=((10, 20), (30, 40)))
    assert [terms.in_campaign(t) for t in (9, 10, 19, 20, 30)] == [False, True, True, False, True]


@pytest.mark.parametrize(("due_ms", "days"), [(0, 0), (SECOND, 0), (2 * HOUR, 1), (-DAY, -1)])
def test_days_are_local_dates(due_ms: int, days: int) -> None:
    # T0 is 2023-11-15 06:13:20 in Shanghai; the debit is made at 23:13:20 of that day.
    see = seen(debit("a", 17 * HOUR, due_at=T0_MS + 17 * HOUR + due_ms))
    assert days_early(see) == days


def test_what_a_mandate_does_not_tell_is_not_known() -> None:
    assert is_after(seen(debit("a", 0)), "mandate_valid_until") == SOURCE_MISSING
    for until_ms, after in ((-1, True), (0, False), (1, False)):
        see = seen(debit("a", 0, mandate_valid_until=T0_MS + until_ms))
        assert is_after(see, "mandate_valid_until") is after


@pytest.mark.parametrize(
    ("at", "penalty", "expected"),
    [(0, None, "hit"), (3 * DAY - 1, None, "hit"), (3 * DAY, None, "abstain"),
     (3 * DAY, 0, "hit"), (3 * DAY, 1, "clear")],
)  # fmt: skip
def test_once_overdue_a_penalty_must_be_told(at: int, penalty: int | None, expected: str) -> None:
    over = debit("a", at, amount_debited_minor=1_101, penalty_due_minor=penalty)
    assert found(told(over)[0], "out_of_mandate_debit.amount", "a") == expected


def test_an_age_is_that_of_the_first_or_of_the_last() -> None:
    see = seen(login("a", 0), login("b", 3), draw("d", 10))
    logins = all_of(see, lambda e: e.is_login)
    assert (age_of_first(see, logins), age_of_last(see, logins)) == (10, 7)
