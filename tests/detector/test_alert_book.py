"""The book of one stage at a key where very much happens: a payee of thousands of accounts."""

from __future__ import annotations

from typing import Final

from detector.alert_book import TRIGGERS_KEPT, AlertBook, Shelf
from detector.alerts import Alert, Hit, Scope, Subject, Trigger, alert_id_of
from detector.hits import EVIDENCE_MAX
from detector.memory import RING_MAX
from detector.policy import load_policy
from detector.rulebook import load_rulebook
from detector.sealing import sealed
from streams.topics import STATE_MAX_BYTES, TopicNames, planned

DAY_MS: Final = 86_400_000
PAYEE: Final = 7
LONGEST_ID: Final = "\U0001f600" * 128  # 128 characters, as many bytes as they can be


def subject(event: int, at_ms: int, account: int = 1) -> Subject:
    return Subject(event, f"e{event}", account, f"A{account}", at_ms, 100, "CNY", None)


def hit(rule: str = "r", evidence: tuple[str, ...] = ()) -> Hit:
    return Hit(rule, 1, "linked", "account", "high", ("escalate",), {"code": rule}, evidence)


def scope(account: int) -> Scope:
    return Scope("linked", "account", account, PAYEE)


def book() -> AlertBook:
    made = AlertBook({"linked": DAY_MS}, frozenset())
    made.take_changed()
    return made


def test_one_hit_changes_one_alert_however_many_stand_at_its_key() -> None:
    one = book()
    for account in range(1_000):
        one.hit(scope(account), f"A{account}", subject(account, 1_000, account), {"r": hit()})
    assert len(one.take_changed()) == 1_000
    alert, _ = one.hit(scope(500), "A500", subject(5_000, 2_000, 500), {"r": hit()})
    assert one.take_changed() == [(PAYEE, alert.alert_id)]


def test_alerts_of_a_key_keep_the_order_of_opening_when_others_go() -> None:
    one, other = Shelf(), Shelf()
    for account in (5, 3, 9):
        one.open(Alert(alert_id_of(scope(account), 1), scope(account), "", subject(1, 0), "open"))
    one.remove(next(iter(one.alerts.values())))
    one.open(Alert(alert_id_of(scope(1), 1), scope(1), "", subject(1, 0), "open"))
    for alert in sorted(reversed(one.alerts.values()), key=lambda alert: alert.born):
        other.add(alert)
    assert list(other.alerts) == list(one.alerts)
    assert [alert.scope.entity for alert in other.alerts.values()] == [3, 9, 1]


def test_what_is_kept_of_triggers_let_go_is_what_can_still_be_judged_again() -> None:
    """A ring's worth of events: of these an event judged again says nothing new."""
    one, count = book(), 1_000
    for event in range(count):
        one.hit(scope(1), "A1", subject(event, 1_000 + event), {"r": hit()})
    shelf = one.shelves[PAYEE]
    let_go = range(count - TRIGGERS_KEPT - RING_MAX + 1, count - TRIGGERS_KEPT + 1)
    assert [event for _, event in shelf.stood] == list(let_go)
    assert all(one.stands_already(scope(1), event, {"r"}) for event in let_go)


def test_the_largest_record_that_an_alert_can_be_fits_its_topic() -> None:
    policy = load_policy()
    rules = load_rulebook(None, policy).rules
    sizes = {}
    for name in {(rule.typology, rule.entity) for rule in rules}:
        hits = {}
        for rule in (one for one in rules if (one.typology, one.entity) == name):
            words = {"text": 2 * rule.text, "text_zh": 2 * rule.text_zh, "observed": 1e300}
            reason = {"code": rule.id, "rule": rule.id, "normal": 1e300, "threshold": 1e300}
            hits[rule.id] = Hit(
                rule.id, rule.version, *name, rule.severity, rule.actions, reason | words,
                (LONGEST_ID,) * EVIDENCE_MAX,
            )  # fmt: skip
        whom = Subject(1 << 62, LONGEST_ID, 1 << 62, LONGEST_ID, 1 << 52, 1 << 62, "CNY", 1 << 52)
        triggers = {event: Trigger(whom, hits) for event in range(TRIGGERS_KEPT)}
        alert = Alert("f" * 32, Scope(*name, 1 << 62, 1 << 62), LONGEST_ID, whom, "open", 1 << 32)
        alert.triggers = triggers
        sizes[name] = len(sealed(alert))
    print(max(sizes.items(), key=lambda one: one[1]))
    topics = planned(TopicNames("lendwatch"), 4, 3)
    for topic in (one for one in topics if one.name.endswith("-state.v1")):
        assert max(sizes.values()) < int(topic.settings["max.message.bytes"]) <= STATE_MAX_BYTES
