"""The slow engine on cases worked out by hand: memory and reading (laws 7 to 20)."""

from __future__ import annotations

from tests.reference_logic import INPUT_MISSING, NO_HISTORY, Unknown, eq, k_and, k_not, k_or, over
from tests.reference_memory import DAY, HOUR, MINUTE, SECOND, Entity, Minutes
from tests.reference_readings import differ
from tests.reference_terms import Terms
from tests.telling import T0_MS, Event, check, draw, find, login, told, view

# -- memory: laws 7 to 14 --


def test_familiar_keeps_whole_seconds_and_the_longest_unseen_gives_way() -> None:
    events = [login(f"l{n}", n * SECOND + 999, device_id=f"D{n}") for n in range(8)]
    reference, _ = told(*events, login("m", 20 * SECOND, device_id="D0"),
                        login("n", 21 * SECOND, device_id="new"))  # fmt: skip
    places = reference.stages["account"].entities["A"].known["device"].places
    assert [known.key for known in places] == ["D0", "new", *(f"D{n}" for n in range(2, 8))]
    assert (places[0].first, places[0].last) == (T0_MS // SECOND, T0_MS // SECOND + 20)


def test_failed_logins_and_checks_make_nothing_familiar_and_payees_come_from_draws() -> None:
    reference, _ = told(
        login("l", 0, outcome="failure"), check("c", 1, outcome="timeout"),
        draw("x", 2, status="rejected", device_id="E", payee_id="Q"),
        draw("r", 3, device_id=None, ip=None),
    )  # fmt: skip
    known = reference.stages["account"].entities["A"].known
    assert [member.key for member in known["device"].places] == ["E"]
    assert [member.key for member in known["payee"].places] == ["P"]
    seen = reference.stages["device"].entities["D"].known["account"].places
    assert [member.key for member in seen] == ["A"]  # a device does know who only failed


def test_an_account_with_a_recent_fraud_label_does_not_give_way() -> None:
    reference, _ = told(draw("a", 0), find("f", 1, "a"))
    for number in range(96):
        reference.handle(draw(f"q{number}", MINUTE + number * SECOND, f"B{number}"))
    keys = [known.key for known in reference.stages["payee"].entities["P"].known["account"].places]
    assert keys[:2] == ["A", "B95"] and len(keys) == 96


def test_normal_is_read_before_it_is_written_and_half_is_gone_in_30_days() -> None:
    amounts = [(0, 100), (0, 100), (30, 400), (30, 1)]
    events = [draw(f"q{n}", d * DAY + n, amount_minor=a) for n, (d, a) in enumerate(amounts)]
    reference, _ = told(*events)
    normals = [entry.normal for entry in reference.stages["account"].entities["A"].ring]
    assert normals == [None, None, None, 250]  # (50 + 50 + 400) / (0.5 + 0.5 + 1)


def test_normal_is_rounded_half_to_even() -> None:
    entity = Entity()
    entity.draws = [(0, 2), (0, 2), (0, 3), (0, 3)]
    assert entity.normal() == 2
    entity.draws = [(0, 3), (0, 3), (0, 4), (0, 4)]
    assert entity.normal() == 4


def test_a_draw_that_was_taken_back_is_not_counted_from_there_on() -> None:
    reference, _ = told(
        draw("a", 0, disbursement_id="d"), draw("b", 1),
        draw("x", 2, status="reversed", disbursement_id="d"), draw("c", 3),
    )  # fmt: skip
    assert len(view(reference, "account", "A", "b").draws(HOUR)) == 2
    assert [entry.id for entry in view(reference, "account", "A", "c").draws(HOUR)] == ["b", "c"]


def test_a_disbursement_without_an_id_takes_the_newest_check_bound_to_it() -> None:
    reference, _ = told(
        check("c1", 0, disbursement_id="d-a"), check("c2", 1, disbursement_id="d-a"),
        check("c3", 2, disbursement_id="d-a", outcome="failed"), draw("a", 3),
        draw("b", 4, verification_id="mine"),
    )  # fmt: skip
    taken = {
        entry.id: entry.verification for entry in reference.stages["account"].entities["A"].ring
    }
    assert (taken["a"], taken["b"]) == ("v-c2", "mine")
    assert view(reference, "account", "A", "a").named(passed_only=True) == 1


def test_minutes_are_counted_as_far_back_as_they_are_kept() -> None:
    minutes = Minutes(20, 1)
    minutes.count(0, failed=True)
    minutes.count(9 * MINUTE, failed=False)
    assert minutes.read(9 * MINUTE, MINUTE, 10) == (2, 1)
    assert minutes.read(10 * MINUTE, MINUTE, 10) == (1, 0)
    minutes.count(19 * MINUTE, failed=False)
    minutes.count(0, failed=False)  # 19 behind: counted
    assert minutes.read(9 * MINUTE, MINUTE, 10) == (3, 1)
    minutes.count(20 * MINUTE, failed=False)
    minutes.count(0, failed=False)  # 20 behind: not
    assert minutes.read(9 * MINUTE, MINUTE, 10) is None  # 11 behind
    assert minutes.read(10 * MINUTE, MINUTE, 10) == (1, 0)


def test_usual_accounts_are_openings_a_day_without_the_last_24_hours() -> None:
    def fan(id: str, at: int, account: str) -> Event:
        return draw(id, at, account, payee_owner="other")

    reference, _ = told(
        fan("a", 0, "A"), fan("a2", HOUR, "A"), fan("b", HOUR, "B"), fan("a3", 25 * HOUR, "A"),
        draw("s", 26 * HOUR, "S"), fan("c", 3 * DAY, "C"),
    )  # fmt: skip
    entity = reference.stages["payee"].entities["P"]
    openings = [entry.id for entry in entity.ring if entry.opening]
    assert openings == ["a", "b", "a3", "c"]  # 24 h after a2 is no longer within 24 h
    assert view(reference, "payee", "P", "c").usual_accounts() == 3 / 2
    assert view(reference, "payee", "P", "b").usual_accounts() == NO_HISTORY


def test_a_label_goes_where_the_draw_went_but_not_to_what_the_account_had_long_known() -> None:
    reference, _ = told(
        login("l", 0, device_id="old"), draw("a", 2 * DAY, device_id="old", ip="192.0.2.1"),
        find("f", 3 * DAY, "a"),
    )  # fmt: skip
    labels = {
        name: [known.label for e in stage.entities.values() for known in e.known["account"].places]
        for name, stage in reference.stages.items()
    }
    assert labels["device"] == [""]
    assert sorted(labels["network"]) == ["", "fraud"]
    assert labels["payee"] == ["fraud"]


def test_the_newer_label_stands_and_clearing_does_not_go_to_the_network() -> None:
    reference, _ = told(
        draw("a", 0), find("f", HOUR, "a"), find("g", 2 * HOUR, "a", "false_positive"),
        find("h", HOUR, "a"),
    )  # fmt: skip
    for name, key, label in (
        ("device", "D", "cleared"), ("payee", "P", "cleared"),
        ("network", "203.0.113.0/24", "fraud"),
    ):  # fmt: skip
        known = reference.stages[name].entities[key].known["account"].get("A")
        assert known is not None and known.label == label


def test_a_label_names_any_event_of_the_disbursement_within_90_days() -> None:
    events = [
        draw("r", 0, status="requested", disbursement_id="d"), draw("p", 1, disbursement_id="d"),
    ]  # fmt: skip
    for target, at, label in (
        ("p", DAY, "fraud"), ("r", 90 * DAY, "fraud"), ("r", 90 * DAY + 1, ""), ("z", DAY, ""),
    ):  # fmt: skip
        reference, _ = told(*events, find("f", at, target))
        assert reference.stages["payee"].entities["P"].known["account"].places[0].label == label


# -- reading: laws 15 to 20, and three-valued logic --


def test_a_window_leaves_out_its_far_end_and_holds_its_near_end() -> None:
    reference, _ = told(draw("a", 0), draw("b", 1), draw("c", MINUTE), draw("d", MINUTE))
    sees = view(reference, "account", "A", "c")
    assert [entry.id for entry in sees.draws(MINUTE)] == ["b", "c"]
    assert [entry.id for entry in sees.draws(MINUTE, before=True)] == ["b"]


def test_passes_match_by_session_or_device_and_all_where_the_draw_has_neither() -> None:
    reference, _ = told(
        check("c1", 0, session_id="S", device_id="E"), check("c2", 1, session_id=None),
        check("c3", 2, session_id="T", device_id="E"), check("c4", 3, session_id="S"),
        draw("a", 4, session_id="S"), draw("b", 4, device_id=None),
    )  # fmt: skip
    one, neither = (view(reference, "account", "A", id) for id in ("a", "b"))
    assert (one.passes(HOUR, right=False), one.passes(HOUR, right=True)) == (3, 2)
    assert neither.passes(HOUR, right=False) == 4


def test_two_ids_differ_only_where_both_are_there() -> None:
    assert differ("x", "y") and not differ("x", "x") and not differ("x", None)


def test_a_whole_reading_is_unknown_once_the_ring_put_away_part_of_its_window() -> None:
    events = [login(f"l{number}", number) for number in range(64)]
    reference, _ = told(*events, draw("a", 64))
    sees = view(reference, "account", "A", "a")
    assert sees.passes(HOUR, right=False) == NO_HISTORY
    assert sees.passes(64, right=False) == 0  # what left is as old as the window's far end


def test_covered_is_true_from_the_very_span_on_else_unknown() -> None:
    reference, _ = told(login("l", 0), draw("a", DAY))
    sees = view(reference, "account", "A", "a")
    assert sees.covered(DAY) is True and sees.covered(DAY + 1) == NO_HISTORY


def test_a_missing_field_degrades_only_where_it_is_usually_carried() -> None:
    known = [draw(f"q{number}", number) for number in range(20)]
    few = told(*known[:19], draw("n", MINUTE, device_id=None))[1][-1].decisions[0]
    many = told(*known, draw("n", MINUTE, device_id=None))[1][-1].decisions[0]
    terms = Terms(absent_fields=frozenset({"disbursement.device_id"}))
    never = told(*known, draw("n", MINUTE, device_id=None), terms=terms)[1][-1].decisions[0]
    assert [decision["degraded"] for decision in (few, many, never)] == [False, True, False]


def test_a_feed_that_is_not_there_makes_its_readings_unknown() -> None:
    terms = Terms(missing_sources=frozenset({"identity_verification"}))
    _, outputs = told(login("l", 0), draw("a", 2 * DAY), terms=terms)
    assert outputs[1].alerts == []
    assert not outputs[1].decisions[0]["degraded"]


def test_unknown_or_true_is_true_and_unknown_and_false_is_false() -> None:
    both = Unknown(frozenset({"no_history", "input_missing"}))
    assert k_or(NO_HISTORY, True) is True and k_or(NO_HISTORY, False) == NO_HISTORY
    assert k_and(NO_HISTORY, False) is False and k_and(NO_HISTORY, True) == NO_HISTORY
    assert k_not(NO_HISTORY) == NO_HISTORY and k_not(True) is False
    assert k_and(NO_HISTORY, INPUT_MISSING) == both and eq(NO_HISTORY, INPUT_MISSING) == both
    assert over(1, 0) == NO_HISTORY
