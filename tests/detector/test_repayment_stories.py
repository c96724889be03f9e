"""Each line of tests/stories/repayment.txt ends as it says, however it is told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from detector.policy import load_policy
from detector.rulebook import load_rulebook
from detector.stories import BASE_MS
from detector.toml_section import duration_ms

STORIES = Path(__file__).parents[1] / "stories" / "repayment.txt"
EVENT = re.compile(r"(\w+)@(-?\w+)(?:\(([^)]*)\))?")
POLICY = load_policy()
RULEBOOK = load_rulebook(None, POLICY)
Record = dict[str, Any]


@dataclass(frozen=True)
class Story:
    name: str
    events: tuple[Record, ...]
    until_ms: int
    stands: str


def ms(text: str) -> int:
    found = duration_ms("0m" if text == "0" else text)
    assert found is not None, text
    return BASE_MS + found


def stories() -> list[Story]:
    told = []
    for line in STORIES.read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            name, terms, events, until, stands = (part.strip() for part in line.split("|"))
            fields = dict(term.split("=") for term in terms.split())
            told.append(Story(name, tuple(written(events, fields)), ms(until), stands))
    return told


def written(events: str, terms: dict[str, str]) -> list[Record]:
    found = EVENT.findall(events)
    assert len(found) == len(events.replace(" ", "").split("@")) - 1, events
    made = []
    for number, (word, at, more) in enumerate(found):
        fields = dict(one.partition("=")[::2] for one in more.split())
        event = {"event_id": f"e{number}", "account_id": "A", "occurred_at": ms(at)}
        kind = disposition if word in DISPOSITIONS else draw if word == "draw" else debit
        made.append(event | kind(word, fields, terms))
    return made


def debit(word: str, fields: dict[str, str], terms: dict[str, str]) -> Record:
    told: Record = {
        "type": "auto_debit", "debit_id": "b", "obligation_id": "O",
        "mandate_id": fields.get("mandate", "M"), "channel": "bank",
        "amount_due_minor": 1_000, "amount_debited_minor": int(fields.get("paid", 0)),
        "currency": "CNY", "outcome": word, "attempt": 1,
        "due_at": ms(terms.get("due", "0")), "overdue_at": ms(terms.get("overdue", "9d")),
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


def ends(alerts: list[Record]) -> str:
    """What stands, as the stories say it; of rules that look at draws nothing is said here."""
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
            told.append(" ".join(words))
    return ", ".join(sorted(told)) or "-"


def lines_of(story: Story) -> list[bytes]:
    return [orjson.dumps(event) for event in story.events]


@pytest.mark.parametrize("story", stories(), ids=lambda one: one.name)
def test_a_story_ends_as_it_says(story: Story) -> None:
    ids = Ids()
    engine, decoder = Engine(RULEBOOK, POLICY, ids), Decoder(ids, TIME_MAX_MS)
    said: list[Record] = []
    for event, line in zip(story.events, lines_of(story), strict=True):
        said += engine.advance(event["occurred_at"]).alerts
        said += engine.process(decoder.decode([line])).alerts
    said += engine.advance(story.until_ms + 1).alerts
    assert ends(said) == story.stands
    assert through_restarts(story) == said


def through_restarts(story: Story) -> list[Record]:
    """The same from an account stage that is made again from its records before each step."""
    ids, log = Ids(), dict[bytes, bytes]()
    parts, decoder = Parts(RULEBOOK, POLICY, ids), Decoder(ids, TIME_MAX_MS)
    said: list[Record] = []
    steps: list[tuple[int, bytes | None]] = []
    for event, line in zip(story.events, lines_of(story), strict=True):
        steps += [(event["occurred_at"], None), (0, line)]
    for at_ms, line in [*steps, (story.until_ms + 1, None)]:
        link = Link("account", parts)
        state = LinkState(link)
        state.restore(kinds_of(log))
        outputs = link.advance(at_ms) if line is None else link.take(decoder.decode([line]))
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
