"""Each line of tests/stories ends as it says, however it is told."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from detector.chain import Link
from detector.decode import Decoder
from detector.engine import Engine
from detector.events import DISPOSITIONS, TIME_MAX_MS
from detector.ids import Ids
from detector.link_state import LinkState
from detector.newest import kinds_of
from detector.parts import Parts
from detector.policy import Policy, Relief, load_policy
from detector.rulebook import Rulebook, load_rulebook
from detector.stories import BASE_MS
from detector.toml_section import duration_ms

FOLDER = Path(__file__).parents[1] / "stories"
REPAYMENT, CONTACT_HOURS = FOLDER / "repayment.txt", FOLDER / "contact_hours.txt"
EVENT = re.compile(r"(\w+)@([-\w:.+]+)(?:\(([^)]*)\))?")
POLICY = load_policy()
RULEBOOK = load_rulebook(None, POLICY)
Record = dict[str, Any]


@dataclass(frozen=True)
class Story:
    name: str
    terms: dict[str, str]
    events: tuple[Record, ...]
    until_ms: int
    stands: str

    @property
    def zone(self) -> str:
        return self.terms.get("zone", POLICY.timezone)

    def rules(self) -> tuple[Rulebook, Policy]:
        """What it is judged under."""
        return rules_of(self.zone, self.terms.get("relief", ""))


@cache
def rules_of(zone: str, relief: str) -> tuple[Rulebook, Policy]:
    from_ms, _, until_ms = relief.partition("..")
    granted = (Relief("r", ms(from_ms), ms(until_ms), frozenset(), None),) if relief else ()
    policy = replace(POLICY, timezone=zone, relief=granted)
    return load_rulebook(None, policy), policy


def ms(text: str, zone: str = POLICY.timezone) -> int:
    """A time: so long after the stories' clock began, or a local one."""
    if "T" in text:
        local = datetime.fromisoformat(text)
        local = local if local.tzinfo else local.replace(tzinfo=ZoneInfo(zone))
        return round(local.timestamp() * 1000)
    found = duration_ms("0m" if text == "0" else text)
    assert found is not None, text
    return BASE_MS + found


def stories(file: Path = REPAYMENT) -> list[Story]:
    told = []
    for line in file.read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            name, terms, events, until, stands = (part.strip() for part in line.split("|"))
            fields = dict(term.split("=") for term in terms.split())
            until_ms = ms(until, fields.get("zone", POLICY.timezone))
            told.append(Story(name, fields, tuple(written(events, fields)), until_ms, stands))
    return told


def written(events: str, terms: dict[str, str]) -> list[Record]:
    found = EVENT.findall(events)
    assert len(found) == len(events.replace(" ", "").split("@")) - 1, events
    made: list[Record] = []
    for number, (word, at, more) in enumerate(found):
        fields = dict(one.partition("=")[::2] for one in more.split())
        at_ms = ms(at, terms.get("zone", POLICY.timezone))
        event = {"event_id": f"e{number}", "account_id": "A", "occurred_at": at_ms}
        kind = disposition if word in DISPOSITIONS else draw if word == "draw" else debit
        made.append(event | kind(word, fields, terms))
    if "zone" in terms:  # due as it fails, and overdue nine days later
        due_ms = next(one["occurred_at"] for one in made if one["type"] == "auto_debit")
        for one in made:
            if one["type"] == "auto_debit":
                one |= {"due_at": due_ms, "overdue_at": due_ms + 9 * 86_400_000}
    return made


def debit(word: str, fields: dict[str, str], terms: dict[str, str]) -> Record:
    told: Record = {
        "type": "auto_debit", "debit_id": "b", "obligation_id": "O",
        "mandate_id": fields.get("mandate", "M"), "channel": "bank",
        "amount_due_minor": 1_000, "amount_debited_minor": int(fields.get("paid", 0)),
        "currency": "CNY", "outcome": word, "attempt": 1,
        "due_at": ms(terms.get("due", "0")),
        "overdue_at": ms(fields.get("overdue", terms.get("overdue", "9d"))),
    }  # fmt: skip
    if "balance" in fields:
        told["available_balance_minor"] = int(fields["balance"])
    if "hardship" in terms:
        told["hardship"] = terms["hardship"] == "true"
    return told


def disposition(word: str, fields: dict[str, str], terms: dict[str, str]) -> Record:
    told: Record = {"type": "disposition", "disposition": word, "target_event_id": "e0"}
    if "until" in fields:
        told["until_at"] = ms(fields["until"])
    if "voice" in fields or "call" in fields:
        told |= {"contact_channel": "voice", "contact_reached": "voice" in fields}
    if "consent" in fields:
        told["contact_consent"] = True
    if "party" in fields:
        told["contact_party"] = fields["party"]
    return told


def draw(word: str, fields: dict[str, str], terms: dict[str, str]) -> Record:
    return {
        "type": "disbursement", "disbursement_id": "d", "amount_minor": 100, "currency": "CNY",
        "payee_id": "P", "payee_owner": "self", "status": "paid", "credit_limit_minor": 10_000,
        "outstanding_minor": 0,
    }  # fmt: skip


def ends(alerts: list[Record], zone: str | None = None) -> str:
    """What stands, as the stories say it; of rules that look at draws nothing is said here.

    `zone`: from when a contact is in order is told besides, and how many are left.
    """
    newest: dict[str, Record] = {}
    for alert in alerts:
        earlier = newest.get(alert["alert_id"])
        assert alert["revision"] == (1 if earlier is None else earlier["revision"] + 1)
        newest[alert["alert_id"]] = alert
    told = []
    for alert in newest.values():
        if alert["family"] in ("insufficient_balance", "credit_exposure"):
            words = [alert["typology"], alert["severity"]]
            treatment = alert["treatment"]
            flags = ("system_caused", "system"), ("hardship", "hardship"), (
                "do_not_report", "unreported",
            )  # fmt: skip
            words += [word for flag, word in flags if treatment[flag]]
            if alert["status"] in ("resolved", "withdrawn"):
                words = [alert["typology"], "over"]
            elif zone is not None:
                earliest_s = treatment["earliest_contact_at"] / 1000
                earliest = datetime.fromtimestamp(earliest_s, ZoneInfo(zone))
                words += ["from", f"{earliest:%m-%dT%H:%M}"]
                words += ["left", str(treatment["contacts_left_today"])]
            told.append(" ".join(words))
    return ", ".join(sorted(told)) or "-"


def lines_of(story: Story) -> list[bytes]:
    return [orjson.dumps(event) for event in story.events]


@pytest.mark.parametrize("story", stories(), ids=lambda one: one.name)
def test_a_story_ends_as_it_says(story: Story) -> None:
    said = told(story)
    assert ends(said) == story.stands
    assert through_restarts(story) == said


@pytest.mark.parametrize("story", stories(CONTACT_HOURS), ids=lambda one: one.name)
def test_contact_is_in_order_by_day_alone_wherever_clocks_change(story: Story) -> None:
    said = told(story)
    assert ends(said, story.zone) == story.stands
    assert through_restarts(story) == said


def told(story: Story) -> list[Record]:
    ids = Ids()
    engine, decoder = Engine(*story.rules(), ids), Decoder(ids, TIME_MAX_MS)
    said: list[Record] = []
    for event, line in zip(story.events, lines_of(story), strict=True):
        said += engine.advance(event["occurred_at"]).alerts
        said += engine.process(decoder.decode([line])).alerts
    return said + engine.advance(story.until_ms + 1).alerts


def through_restarts(story: Story) -> list[Record]:
    """The same from an account stage that is made again from its records before each step."""
    ids, log = Ids(), dict[bytes, bytes]()
    parts, decoder = Parts(*story.rules(), ids), Decoder(ids, TIME_MAX_MS)
    said: list[Record] = []
    steps: list[tuple[int, bytes | None]] = []
    for event, line in zip(story.events, lines_of(story), strict=True):
        steps += [(event["occurred_at"], None), (0, line)]
    for at_ms, told_line in [*steps, (story.until_ms + 1, None)]:
        link = Link("account", parts)
        state = LinkState(link)
        state.restore(kinds_of(log))
        lines = [] if told_line is None else [told_line]
        outputs = link.take(decoder.decode(lines)) if lines else link.advance(at_ms)
        said += outputs.alerts
        for key, value in state.changes():
            if value is None:
                log.pop(key, None)
            else:
                log[key] = value
    return said


def test_the_table_has_each_state_and_each_end() -> None:
    told = {word for story in stories() for word in story.stands.replace(",", "").split()}
    known = {
        name
        for name, one in RULEBOOK.typologies.items()
        if one.kind not in ("rules", "incident", "model")
    }
    assert known - told <= {"limit_reduction"}, "told in the rulebook's own tests"


# Of each state those that it can pass into: an event, or a deadline, and nothing between.
# A second degree is told by "+"; "-" is nothing yet, "over" what was resolved.
PASSES = {
    "-": "shortfall_forecast debit_failed debit_missed overdue_imminent overdue overdue+ deferred"
         " plan_broken mandate_invalid account_frozen",
    "shortfall_forecast": "debit_failed debit_missed overdue_imminent overdue+ mandate_invalid"
                          " account_frozen over",
    "debit_failed": "debit_unhandled debit_missed overdue_imminent overdue deferred plan_broken"
                    " mandate_invalid account_frozen over",
    "debit_unhandled": "debit_unhandled+ debit_failed overdue_imminent overdue deferred"
                       " plan_broken mandate_invalid account_frozen over",
    "debit_unhandled+": "debit_failed overdue_imminent over",
    "debit_missed": "debit_failed overdue+ deferred mandate_invalid account_frozen over",
    "overdue_imminent": "overdue overdue+ deferred plan_broken mandate_invalid+ account_frozen+"
                        " debit_missed debit_failed over",
    "overdue": "overdue+ deferred plan_broken debit_failed over",
    "overdue+": "deferred over",
    "deferred": "debit_failed debit_unhandled debit_missed overdue_imminent overdue overdue+"
                " plan_broken mandate_invalid account_frozen over",
    "plan_broken": "deferred over",
    "mandate_invalid": "mandate_invalid+ account_frozen debit_failed deferred over",
    "mandate_invalid+": "overdue overdue_imminent over",
    "account_frozen": "account_frozen+ mandate_invalid debit_failed deferred over",
    "account_frozen+": "overdue overdue_imminent over",
    "over": "debit_failed debit_missed overdue_imminent overdue overdue+ deferred plan_broken"
            " mandate_invalid",
}  # fmt: skip


def test_the_table_has_each_transition_and_no_other() -> None:
    found = {pair for story in stories() for pair in pairwise(states_of(told(story)))}
    changes = {pair for pair in found if pair[0] != pair[1]}
    expected = {(before, after) for before, all_ in PASSES.items() for after in all_.split()}
    assert changes == expected


def states_of(alerts: list[Record]) -> list[str]:
    """The states that an obligation passed through."""
    states = ["-"]
    for alert in alerts:
        typology = RULEBOOK.typologies[alert["typology"]]
        if typology.kind == "obligation":
            raised = "" if alert["severity"] == typology.severity else "+"
            over = alert["status"] == "resolved"
            states.append("over" if over else alert["typology"] + raised)
    return states
