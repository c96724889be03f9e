"""The slow engine on cases worked out by hand: the way of an event (laws 1 to 6)."""

from __future__ import annotations

import pytest

from tests.reference import Output
from tests.reference_memory import DAY, HOUR, MINUTE, network_of
from tests.reference_stage import Stage
from tests.reference_terms import Terms
from tests.telling import T0_MS, check, draw, find, login, ring, told

# -- an event's way: laws 1 to 6 --


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        (None, None),
    ],
)
def test_a_network_is_the_canonical_cidr(ip: str | None, network: str | None) -> None:
    assert network_of(ip) == network


def test_a_disbursement_is_decided_once_at_the_first_of_requested_and_paid() -> None:
    _, outputs = told(
        draw("r", 0, status="requested", disbursement_id="d"),
        draw("p", MINUTE, disbursement_id="d"),
        draw("x", 2 * MINUTE, disbursement_id="d", status="rejected"),
    )
    assert [len(output.decisions) for output in outputs] == [1, 0, 0]


def test_a_late_requested_becomes_the_draw_but_is_not_decided_and_does_not_go_onward() -> None:
    reference, outputs = told(
        draw("p", MINUTE, disbursement_id="d"),
        draw("r", 0, status="requested", disbursement_id="d"),
    )
    marks = {entry.id: entry.draw for entry in reference.stages["account"].entities["A"].ring}
    assert marks == {"r": True, "p": False}
    assert outputs[1].decisions == []
    assert ring(reference, "payee", "P") == ["p"]


def test_each_stage_sees_what_carries_its_key_and_no_echo() -> None:
    reference, _ = told(
        login("l", 0), check("c", 1), draw("r", 2, status="requested", disbursement_id="d"),
        draw("p", 3, disbursement_id="d"), draw("n", 4, device_id=None, ip=None),
        draw("x", 5, status="reversed", disbursement_id="d"),
    )  # fmt: skip
    assert ring(reference, "account", "A") == ["l", "c", "r", "p", "n", "x"]
    assert ring(reference, "device", "D") == ["l", "c", "r", "x"]
    assert ring(reference, "network", "203.0.113.0/24") == ["l", "r", "x"]
    assert ring(reference, "payee", "P") == ["r", "n", "x"]


def test_the_clock_waits_for_another_account_before_it_leaps() -> None:
    stage = Stage("account", Terms())
    stage.move_clock(0, "A")
    stage.move_clock(DAY, "A")
    assert stage.clock_ms == DAY  # 24 h ahead is not more than 24 h ahead
    stage.move_clock(9 * DAY, "A")
    stage.move_clock(8 * DAY, "A")
    assert (stage.clock_ms, stage.pending) == (DAY, (8 * DAY, "A"))  # the one that came later
    stage.move_clock(20 * DAY, "B")
    assert (stage.clock_ms, stage.pending) == (8 * DAY, (20 * DAY, "B"))  # to the smaller one
    stage.move_clock(20 * DAY + HOUR, "C")
    assert (stage.clock_ms, stage.pending) == (20 * DAY + HOUR, None)  # and on to the event


def test_a_pending_time_falls_away_when_it_is_no_longer_far_ahead() -> None:
    stage = Stage("account", Terms())
    stage.move_clock(0, "A")
    stage.move_clock(30 * HOUR, "A")
    stage.move_clock(6 * HOUR, "B")
    assert (stage.clock_ms, stage.pending) == (6 * HOUR, None)


def test_since_is_the_smallest_time_and_repeats_and_labels_move_nothing() -> None:
    reference, _ = told(
        draw("a", 0), draw("a", -DAY), draw("b", -HOUR), find("f", 23 * HOUR, "a"),
    )  # fmt: skip
    assert reference.stages["account"].since_ms == T0_MS - HOUR
    assert reference.stages["device"].clock_ms == T0_MS
    assert reference.stages["account"].clock_ms == T0_MS + 23 * HOUR


def test_a_repeat_is_dropped_even_after_another_event_and_after_it_was_put_away() -> None:
    reference, outputs = told(draw("a", 0), login("b", 1), draw("a", 5))
    assert ring(reference, "account", "A") == ["a", "b"]
    assert outputs[2] == Output()
    for number in range(70):
        reference.handle(login(f"l{number}", MINUTE + number))
    assert reference.handle(draw("a", 2 * MINUTE)) == Output()


def test_what_would_leave_a_full_ring_first_is_stale_and_its_decision_degraded() -> None:
    reference, _ = told(*(login(f"l{number}", number) for number in range(64)))
    output = reference.handle(draw("s", -1))
    assert [decision["degraded"] for decision in output.decisions] == [True]
    assert "s" not in ring(reference, "account", "A")
    assert "P" not in reference.stages["payee"].entities
    assert reference.counts["stale"] == 1


def test_what_is_too_late_is_remembered_everywhere_and_judged_nowhere() -> None:
    events = [draw(f"q{number}", number * MINUTE) for number in range(4)]
    reference, outputs = told(login("l", DAY + 5 * MINUTE), *events, draw("q5", 5 * MINUTE))
    assert [d["degraded"] for out in outputs[1:] for d in out.decisions] == [True] * 4 + [False]
    assert ring(reference, "payee", "P") == ["q0", "q1", "q2", "q3", "q5"]
    typologies = {alert["typology"] for alert in outputs[5].alerts}
    assert "velocity_burst" in typologies  # too late ones are counted by others
    assert all(not output.alerts for output in outputs[1:5])


def test_the_ring_is_ordered_by_time_then_type_then_arrival() -> None:
    reference, _ = told(
        draw("d", 0), check("c", 0), login("l", 0), find("f", 0, "none"), login("m", 0),
        draw("e", -1),
    )  # fmt: skip
    assert ring(reference, "account", "A") == ["e", "f", "l", "m", "c", "d"]


def test_a_ring_holds_64_and_the_newest_12_draws_that_left_are_put_away() -> None:
    reference, _ = told(*(draw(f"q{number}", number) for number in range(64 + 14)))
    entity = reference.stages["account"].entities["A"]
    assert [entry.id for entry in entity.ring[:1]] == ["q14"] and len(entity.ring) == 64
    assert [entry.id for entry in entity.put_away] == [f"q{number}" for number in range(2, 14)]


def test_a_late_pass_withdraws_what_its_absence_had_opened() -> None:
    _, outputs = told(login("l", 0), draw("d", 2 * DAY), check("c", 2 * DAY - 1))
    opened, withdrawn = outputs[1].alerts[0], outputs[2].alerts[0]
    assert (opened["status"], opened["revision"]) == ("open", 1)
    assert (withdrawn["status"], withdrawn["revision"]) == ("withdrawn", 2)
    assert opened["alert_id"] == withdrawn["alert_id"]
    assert outputs[2].decisions == []


def test_a_late_draw_makes_later_draws_hit_again() -> None:
    _, outputs = told(*(draw(f"q{number}", number * MINUTE) for number in (0, 2, 3, 4, 1)))
    late = [alert for alert in outputs[4].alerts if alert["typology"] == "velocity_burst"]
    assert [(alert["status"], alert["trigger_event_id"]) for alert in late] == [("open", "q4")]
