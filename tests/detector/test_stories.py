"""Stories: what a test leaves out, repeats and leads up to, and logs that the decoder takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from detector.decode import Decoder
from detector.events import TYPE_RANK, TYPES
from detector.ids import Ids
from detector.policy import load_policy
from detector.rulebook import load_rulebook
from detector.rules import StoryTest
from detector.stories import BASE_MS, read_story, story_events, story_lines, story_policy
from detector.toml_file import ConfigError, TomlFile
from detector.toml_section import UNITS_MS, Section

DAY_MS = UNITS_MS["d"]


def story(events: str, **keys: str) -> StoryTest:
    told = {"name": "a story", "rule": "a.b", "expect": "hit"} | keys
    head = "".join(f'{key} = "{value}"\n' for key, value in told.items())
    file = TomlFile.parse("story.toml", f"[[test]]\n{head}events = [\n{events}\n]\n", ConfigError)
    (section,) = Section(file, (), file.tree).sections("test")
    return read_story(section, ["a.b"])


def told(events: str, **keys: str) -> list[dict[str, Any]]:
    return story_events(story(events, **keys))


def test_the_base_is_ten_in_the_morning_in_shanghai() -> None:
    assert BASE_MS == 1_772_416_800_000


def test_what_a_story_leaves_out_has_plain_defaults() -> None:
    (event,) = told('{ at = "90s", type = "disbursement" }')
    assert event == {
        "type": "disbursement", "event_id": "e1", "account_id": "A",
        "occurred_at": BASE_MS + 90_000, "session_id": "S1", "device_id": "D1",
        "ip": "203.0.113.7", "disbursement_id": "B-e1", "amount_minor": 20_000,
        "currency": "CNY", "payee_id": "P1", "payee_owner": "self", "status": "paid",
        "credit_limit_minor": 1_000_000, "outstanding_minor": 0,
    }  # fmt: skip


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_of_event_is_complete_by_default(kind: str) -> None:
    extra = ', disposition = "handled", alert_id = "x"' if kind == "disposition" else ""
    lines = story_lines(story(f'{{ at = "0m", type = "{kind}"{extra} }}'))
    batch = Decoder(Ids(), BASE_MS).decode(lines)
    assert len(batch.events) == 1 and not batch.dead


def test_none_leaves_an_optional_field_out() -> None:
    (event,) = told('{ at = "0m", type = "login", device_id = "none", ip = "none" }')
    assert "device_id" not in event and "ip" not in event and event["session_id"] == "S1"


def test_times_are_relative_to_the_base() -> None:
    (event,) = told('{ at = "-3d", type = "auto_debit", due_at = "-1h", outcome = "success" }')
    assert event["occurred_at"] == BASE_MS - 3 * DAY_MS
    assert event["due_at"] == BASE_MS - 3_600_000
    assert event["overdue_at"] == BASE_MS + 4 * DAY_MS
    assert event["attempt"] == 1
    assert told('{ at = "0m", type = "auto_debit" }')[0]["attempt"] == 0


def test_a_repeat_makes_several_events_numbered_from_one() -> None:
    events = told(
        '{ at = "0m", type = "login", '
        'repeat = { times = 3, every = "1m", account_id = "A{n}", ip = "10.{n}.0.1" } }'
    )
    assert [event["account_id"] for event in events] == ["A1", "A2", "A3"]
    assert [event["ip"] for event in events] == ["10.1.0.1", "10.2.0.1", "10.3.0.1"]
    assert [event["occurred_at"] - BASE_MS for event in events] == [0, 60_000, 120_000]
    assert [event["event_id"] for event in events] == ["e1", "e2", "e3"]


def test_a_story_is_in_order_of_time_and_of_types_at_one_instant() -> None:
    events = told("""
{ at = "1m", type = "disbursement", event_id = "late" },
{ at = "0m", type = "disbursement" }, { at = "0m", type = "login" },
""")  # fmt: skip
    assert [event["event_id"] for event in events] == ["e3", "e2", "late"]
    assert events[2]["disbursement_id"] == "B-late"


def test_a_known_borrower_drew_each_week_from_one_device_to_one_payee() -> None:
    *past, now = told('{ at = "0m", type = "login" }', prelude="known_borrower")
    assert now["event_id"] == "e1"
    assert {event["account_id"] for event in past} == {"A"}
    assert past[0]["occurred_at"] == BASE_MS - 60 * DAY_MS
    draws = [event for event in past if event["type"] == "disbursement"]
    assert draws[-1]["occurred_at"] == BASE_MS - 2 * DAY_MS + 120_000
    assert len(past) == 3 * len(draws) and len(draws) == 10
    keys = ("amount_minor", "device_id", "ip", "payee_id", "payee_owner")
    seen = {tuple(draw[key] for key in keys) for draw in draws}
    assert seen == {(20_000, "D1", "203.0.113.7", "P1", "self")}
    passes = {e["verification_id"] for e in past if e["type"] == "identity_verification"}
    assert [draw["verification_id"] in passes for draw in draws] == [True] * 10


def test_other_borrowers_make_a_population_of_their_own() -> None:
    past = told('{ at = "0m", type = "login" }', prelude="other_borrowers")[:-1]
    recent = [event for event in past if event["occurred_at"] > BASE_MS - 7 * DAY_MS]
    assert past[0]["occurred_at"] == BASE_MS - 20 * DAY_MS
    for key in ("account_id", "device_id", "ip"):
        assert len({event[key] for event in recent}) == len(recent) == 100
        assert not {"A", "D1", "203.0.113.7"} & {event[key] for event in past}
    assert {event["outcome"] for event in recent} == {"success"}
    assert [event["type"] for event in past[:2]] == ["login", "disbursement"]  # every stage's log


def test_a_storys_policy_is_laid_over_the_policy_in_force() -> None:
    policy = load_policy()
    plain = story('{ at = "0m", type = "login" }')
    assert story_policy(plain, policy) is policy
    overlay = {"sources": {"login": False}, "parameters": {"x.y": 3}}
    laid = story_policy(StoryTest("n", "a.b", "hit", "", overlay, (), "f.toml", 7), policy)
    assert laid.sources["login"] is False and laid.sources["disbursement"] is True
    assert laid.parameters == {"x.y": 3.0}
    assert policy.sources["login"] is True


REFUSALS = {
    '{ at = "soon", type = "login" }':
        'story.toml:6: test[1].events[1].at: is no duration, such as "-3d", "90s" or "0m"',
    '{ type = "login" }':
        'story.toml:6: test[1].events[1]: lacks "at"',
    '{ at = "0m", type = "logon" }':
        'story.toml:6: test[1].events[1].type: unknown word "logon" (nearest: "login")',
    '{ at = "0m", type = "login", amount_minor = 3 }':
        "story.toml:6: test[1].events[1].amount_minor: unknown key "
        '(nearest: "account_id")',
    '{ at = "0m", type = "login" },\n{ at = "0m", type = "login", device = "D" }':
        'story.toml:7: test[1].events[2].device: unknown key (nearest: "device_id")',
    '{ at = "0m", type = "disbursement", payee_id = "none" }':
        'story.toml:6: test[1].events[1].payee_id: is no optional field and cannot be "none"',
    '{ at = "0m", type = "disbursement", amount_minor = "5" }':
        "story.toml:6: test[1].events[1].amount_minor: is no disbursement event: "
        "Expected `int`, got `str`",
    '{ at = "0m", type = "disposition", alert_id = "x" }':
        "story.toml:6: test[1].events[1]: is no disposition event: "
        "Object missing required field `disposition`",
    '{ at = "0m", type = "auto_debit", due_at = 5 }':
        "story.toml:6: test[1].events[1].due_at: must be text, found an integer",
    '{ at = "0m", type = "login", repeat = { times = 0, every = "1m" } }':
        "story.toml:6: test[1].events[1].repeat.times: must be from 1 to 1000",
    '{ at = "0m", type = "login", repeat = { times = 2 } }':
        'story.toml:6: test[1].events[1].repeat: lacks "every"',
    '{ at = "0m", type = "login", repeat = { times = 2, every = "1m", acount_id = "A" } }':
        "story.toml:6: test[1].events[1].repeat.acount_id: unknown key "
        '(nearest: "account_id")',
    "": "story.toml:1: test[1]: needs at least one event",
}  # fmt: skip


@pytest.mark.parametrize("events", REFUSALS)
def test_a_story_that_tells_no_events_of_the_contract_is_refused(events: str) -> None:
    with pytest.raises(ConfigError) as caught:
        story(events)
    assert str(caught.value) == REFUSALS[events]


def test_an_unknown_prelude_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r'prelude: unknown word .* \(nearest: "known_borrower"'):
        story('{ at = "0m", type = "login" }', prelude="known_borower")


def test_every_story_of_the_shipped_rulebook_is_a_log_that_decodes_in_order() -> None:
    policy = load_policy()
    for test in load_rulebook(None, policy).tests:
        lines = story_lines(test)
        batch = Decoder(Ids(), BASE_MS + 400 * DAY_MS).decode(lines)
        assert not batch.dead, (Path(test.file).name, test.name)
        order = [(e["occurred_at"], TYPE_RANK[e["type"]]) for e in map(json.loads, lines)]
        assert order == sorted(order)
        story_policy(test, policy)
