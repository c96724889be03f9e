"""The slow engine on cases worked out by hand: findings, alerts, obligations and decisions."""

from __future__ import annotations

from typing import Any

from tests.reference import Output, Reference
from tests.reference_alerts import Folder, Judged, Scope, combined, decide
from tests.reference_memory import DAY, HOUR, MINUTE, Entry, entry_of
from tests.reference_rules import RULES
from tests.telling import Event, check, debit, draw, find, login, told

SCOPE: Scope = ("velocity_burst", "account", "A", "account", "A")
COUNT = frozenset({"velocity_burst.count"})
NOTHING = frozenset[str]()


def alerts(output: Output, typology: str) -> list[tuple[str, int, str]]:
    return [
        (alert["status"], alert["revision"], alert["trigger_event_id"])
        for alert in output.alerts if alert["typology"] == typology
    ]  # fmt: skip


def statuses(revisions: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(revision["status"], revision["revision"]) for revision in revisions]


def entry(id: str, at: int) -> Entry:
    return entry_of(draw(id, at), at)


# -- folding: laws 21 to 24 --


def test_hits_fold_until_it_was_quiet_for_longer_than_the_window() -> None:
    folder = Folder()
    first = folder.stand(SCOPE, entry("a", 0), COUNT)
    assert statuses(first) == [("open", 1)]
    assert statuses(folder.stand(SCOPE, entry("b", 2 * HOUR), COUNT)) == [("updated", 2)]
    apart = folder.stand(SCOPE, entry("c", 4 * HOUR + 1), COUNT)
    assert statuses(apart) == [("open", 1)] and apart[0]["alert_id"] != first[0]["alert_id"]
    both = folder.stand(SCOPE, entry("d", 3 * HOUR), COUNT)
    assert both[0]["alert_id"] == apart[0]["alert_id"]  # of several, the newest opened
    assert both[0]["opened_at"] == entry("c", 4 * HOUR + 1).t  # which never changes


def test_new_triggers_are_told_up_to_16_and_then_at_powers_of_two() -> None:
    folder = Folder()
    said = [len(folder.stand(SCOPE, entry(f"q{n}", n), COUNT)) for n in range(1, 130)]
    assert [number for number, told in enumerate(said, 1) if told] == [*range(1, 17), 32, 64, 128]
    (alert,) = folder.alerts.values()
    ids = [trigger.id for trigger, _ in alert.triggers]
    assert ids == ["q1", *(f"q{number}" for number in range(67, 130))]


def test_a_trigger_that_ceases_updates_and_the_last_one_withdraws_and_may_come_again() -> None:
    folder = Folder()
    for id, at in (("a", 0), ("b", 1)):
        folder.stand(SCOPE, entry(id, at), COUNT)
    assert folder.stand(SCOPE, entry("a", 0), COUNT) == []  # as it was: nothing is said
    assert statuses(folder.stand(SCOPE, entry("b", 1), NOTHING)) == [("updated", 3)]
    assert statuses(folder.stand(SCOPE, entry("a", 0), NOTHING)) == [("withdrawn", 4)]
    assert statuses(folder.stand(SCOPE, entry("b", 1), COUNT)) == [("open", 1)]
    assert statuses(folder.stand(SCOPE, entry("a", 0), COUNT)) == [("updated", 2)]


def test_an_alert_opens_again_by_the_event_that_opened_it() -> None:
    folder = Folder()
    for rules in (COUNT, NOTHING):
        folder.stand(SCOPE, entry("a", 0), rules)
    assert statuses(folder.stand(SCOPE, entry("a", 0), COUNT)) == [("open", 3)]


def test_an_alert_has_the_highest_severity_all_actions_and_one_score() -> None:
    folder = Folder()
    scope = ("credential_stuffing", "device", "D", "device", "D")
    (opened,) = folder.stand(scope, entry("a", 0), frozenset({"credential_stuffing.device"}))
    rules = frozenset({"credential_stuffing.device_drawn"})
    (raised,) = folder.stand(scope, entry("b", 1), rules)
    assert (opened["severity"], opened["score"], opened["account_id"]) == ("high", 0.8, None)
    assert (raised["severity"], raised["score"]) == ("critical", 0.99)  # 1 - .2 * .05
    assert raised["actions"] == ["hold_disbursement", "step_up_verification"]


def test_a_broken_device_withdraws_its_open_alert() -> None:
    reference, outputs = told(
        login("l", -8 * DAY, "X"), *(draw(f"q{n}", n, f"C{n}") for n in range(4))
    )
    assert alerts(outputs[-1], "shared_device") == [("open", 1, "q3")]
    for number in range(46):
        reference.handle(login(f"c{number}", MINUTE + number, f"B{number}"))
    assert alerts(reference.handle(draw("fifty", HOUR, "C0")), "shared_device") != []
    reference.handle(login("one more", HOUR + 1, "B46"))
    broken = reference.handle(draw("broken", HOUR + 1, "C0"))
    assert alerts(broken, "shared_device") == [("withdrawn", 3, "broken")]
    assert broken.decisions[0]["alert_ids"].isdisjoint({broken.alerts[-1]["alert_id"]})


def test_what_is_long_past_is_not_withdrawn() -> None:
    folder = Folder()
    scope = ("shared_device", "device", "D", "device", "D")
    folder.stand(scope, entry("a", 0), frozenset({"shared_device.accounts"}))
    assert folder.withdraw("shared_device", "device", "D", entry("b", 8 * DAY + 1)) == []
    assert len(folder.withdraw("shared_device", "device", "D", entry("b", 8 * DAY))) == 1


# -- typologies --


def test_a_draw_without_any_pass_is_a_bypass_once_the_window_is_covered() -> None:
    _, outputs = told(login("l", 0, session_id="S"), draw("a", HOUR), draw("b", DAY),
                      draw("c", HOUR, session_id="S"))  # fmt: skip
    typology = "verification_bypass"
    assert alerts(outputs[1], typology) == []  # not covered, no session: not known
    assert alerts(outputs[2], typology) == [("open", 1, "b")]
    assert alerts(outputs[3], typology) != []  # its login is there, its check is not


def test_a_failed_check_that_a_draw_names_is_a_bypass_whatever_else_is_there() -> None:
    _, outputs = told(check("c", 0), check("w", 1, outcome="failed"),
                      draw("a", 2, verification_id="v-w"))  # fmt: skip
    assert outputs[2].alerts[0]["rules"] == ["verification_bypass.none"]


def test_half_a_match_is_a_partial_bypass() -> None:
    _, outputs = told(check("c", 0, session_id="T"), draw("a", 1, session_id="S"))
    assert outputs[1].alerts[0]["rules"] == ["verification_bypass.partial"]
    assert outputs[1].decisions[0]["outcome"] == "challenge"


def test_one_check_for_two_draws_is_reuse_after_ten_minutes_or_elsewhere() -> None:
    def second(at: int, **fields: Any) -> list[tuple[str, int, str]]:
        events = (check("c", 0), draw("a", 0, verification_id="v-c"))
        _, outputs = told(*events, draw("b", at, verification_id="v-c", **fields))
        return alerts(outputs[2], "verification_reuse")

    assert second(10 * MINUTE) == []
    assert second(10 * MINUTE + 1) == second(1, payee_id="Q") == [("open", 1, "b")]
    assert second(1, device_id="E") == [("open", 1, "b")]
    assert second(HOUR, disbursement_id="d-a") == []


def test_a_new_device_a_new_payee_and_a_large_amount_are_a_takeover() -> None:
    def taken(owner: str, amount: int, device: str = "N", prelude_ms: int = -2 * DAY) -> list[str]:
        known = login("l", prelude_ms)
        _, outputs = told(known, draw("a", 0, payee_owner=owner, amount_minor=amount,
                                      device_id=device, payee_id="Q"))  # fmt: skip
        rules = [rule for alert in outputs[1].alerts for rule in alert["rules"]]
        return [rule for rule in rules if rule.startswith("account_takeover")]

    assert taken("other", 8_000) == ["account_takeover.other"]
    assert taken("unknown", 8_000, prelude_ms=-2 * DAY) == []  # the payee stage began today
    assert taken("self", 8_000) == ["account_takeover.own_card"]
    assert taken("other", 7_999) == []  # no normal, so not known
    assert taken("other", 8_000, device="D") == []
    assert taken("other", 8_000, prelude_ms=-DAY) == []


def test_an_unknown_payee_that_is_new_to_all_is_a_takeover() -> None:
    _, outputs = told(
        draw("p", -2 * DAY, "Z", payee_id="elsewhere"), login("l", -2 * DAY),
        draw("a", 0, device_id="N", payee_id="Q", payee_owner="unknown", amount_minor=8_000),
    )  # fmt: skip
    assert ["account_takeover.unknown"] in [alert["rules"] for alert in outputs[2].alerts]


def stuffing() -> list[Event]:
    calm = [login(f"o{n}", n, f"O{n}", device_id="E", ip="192.0.2.1") for n in range(50)]
    tried = [login(f"f{n}", MINUTE + n, f"F{n}", outcome="failure") for n in range(10)]
    return calm + tried


def test_failed_logins_of_ten_accounts_are_stuffing_at_device_and_network() -> None:
    _, outputs = told(*stuffing())
    said = [[alert["rules"][0] for alert in output.alerts] for output in outputs]
    assert said[-1] == ["credential_stuffing.device", "credential_stuffing.network"]
    assert not any(said[:-1])


def test_stuffing_then_a_login_and_a_draw_of_one_of_them_is_critical() -> None:
    reference, _ = told(*stuffing(), login("in", 30 * MINUTE, "F3"))
    output = reference.handle(draw("a", HOUR, "F3"))
    raised = [alert for alert in output.alerts if alert["typology"] == "credential_stuffing"]
    assert [(alert["status"], alert["severity"]) for alert in raised] == [
        ("updated", "critical")
    ] * 2
    other = reference.handle(draw("b", HOUR, "F4"))  # which never got in
    assert alerts(other, "credential_stuffing") == []


def test_six_accounts_to_a_payee_that_usually_has_few_are_a_fan_in() -> None:
    old = draw("old", -9 * DAY, "Z", payee_owner="other")
    fans = [draw(f"q{n}", n, f"C{n}", payee_owner="other") for n in range(6)]
    _, outputs = told(old, *fans)
    assert [alerts(output, "mule_fan_in") for output in outputs[6:]] == [[("open", 1, "q5")]]
    assert not any(alerts(output, "mule_fan_in") for output in outputs[:6])


def test_what_took_part_in_fraud_is_linked_until_it_is_cleared_for_the_account() -> None:
    reference, _ = told(draw("a", 0, payee_owner="other"), find("f", HOUR, "a"))
    linked = reference.handle(draw("b", 2 * HOUR, "B", payee_owner="other"))
    rules = [a["rules"][0] for a in linked.alerts if a["typology"] == "linked_to_fraud"]
    assert rules == [f"linked_to_fraud.{stage}" for stage in ("device", "network", "payee")]
    reference.handle(find("g", 3 * HOUR, "b", "false_positive", "B"))
    after = reference.handle(draw("c", 4 * HOUR, "B", payee_owner="other", ip="192.0.2.1"))
    assert alerts(after, "linked_to_fraud") == []


def test_paid_over_the_limit_is_told_of_an_echo_too() -> None:
    over: dict[str, Any] = {"outstanding_minor": 9_901, "disbursement_id": "d"}
    _, outputs = told(draw("r", 0, status="requested", **over), draw("p", 1, **over))
    assert [alerts(output, "over_limit") for output in outputs] == [[], [("open", 1, "p")]]


# -- obligations: law 25 --


def debits(*steps: tuple[str, int, int]) -> list[list[tuple[str, int]]]:
    reference = Reference()
    said = []
    for number, (outcome, at, debited) in enumerate(steps):
        told = debit(f"b{number}", at, outcome=outcome, amount_debited_minor=debited)
        alerts = reference.handle(told).alerts
        said.append(statuses([one for one in alerts if one["typology"] == "debit_failed"]))
    return said


def test_a_failed_debit_opens_is_updated_resolved_and_opened_again() -> None:
    steps = (
        ("scheduled", 0, 0), ("insufficient_balance", 1, 0), ("channel_error", 2, 0),
        ("partial", 3, 400), ("success", 4, 600), ("reversed", 5, 0), ("settled", 6, 0),
    )  # fmt: skip
    told = [[], [("open", 1)], [], [("updated", 2)], [("resolved", 3)], [("open", 4)]]
    assert debits(*steps) == [*told, [("resolved", 5)]]


def test_partials_that_add_up_pay_and_a_late_success_resolves() -> None:
    added = debits(("partial", 0, 400), ("partial", 1, 600))
    assert added == [[("open", 1)], [("resolved", 2)]]
    late = debits(("insufficient_balance", 2, 0), ("success", 1, 1_000))
    assert late == [[("open", 1)], [("resolved", 2)]]


# -- decisions: laws 26 and 27 --


def test_the_outcome_is_the_strictest_that_a_hit_or_a_lack_asks_for() -> None:
    rule = {rule.id: rule for rule in RULES}
    cases = [
        (["account_takeover.other"], False, "decline", 0.95),
        (["linked_to_fraud.payee"], False, "challenge", 0.8),
        (["verification_bypass.partial", "velocity_burst.count"], True, "challenge", 0.9),
        (["velocity_burst.count"], False, "review", 0.8),
        (["shared_device.broken"], False, "approve", 0.0),
        ([], True, "review", 0.0),
    ]
    for ids, degraded, outcome, score in cases:
        hits = [rule[id] for id in ids]
        decision = decide(entry("a", 0), Judged(hits=hits, degraded=degraded))
        assert (decision["outcome"], decision["rules"]) == (outcome, score)
        assert (decision["human_review"] == "required") == (outcome == "decline")


def test_a_score_is_one_minus_what_each_rule_leaves() -> None:
    assert combined(["critical", "high", "medium", "low", "info"]) == 0.996625
    assert combined([]) == 0.0


def test_a_scheduled_debit_is_decided_and_no_other_debit() -> None:
    steps = [("scheduled", 1), ("insufficient_balance", 0)]
    for outcome, decisions in steps:
        assert len(Reference().handle(debit("b", 0, outcome=outcome)).decisions) == decisions
