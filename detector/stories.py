"""Stories: a rulebook's own tests, turned into event logs.

A story tells only what matters; every other field gets a plain default. `at` is relative ("-3d",
"90s") to a fixed base, 2026-03-02 10:00 in Shanghai; so are the other times. `field = "none"`
leaves an optional field out. `repeat = { times = 9, every = "1m", account_id = "A{n}" }` makes
several events, n from 1. `until` is how far the clock goes on after the last event. The log is in
order of time; what is equal in time is in the order of the types.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import orjson

from detector.catalogue import EXPECTATIONS
from detector.events import TYPE_RANK, TYPES
from detector.policy import Policy, PolicyError, lay_over
from detector.preludes import PRELUDES
from detector.rules import StoryTest
from detector.schema import AutoDebit, Disbursement, Disposition, IdentityVerification, Login
from detector.toml_file import TomlFile
from detector.toml_section import UNITS_MS, Section, duration_ms

BASE_MS: Final = int(datetime(2026, 3, 2, 2, tzinfo=UTC).timestamp()) * 1000
REPEATS_MAX: Final = 1000
_SCHEMAS: Final[Mapping[str, type[msgspec.Struct]]] = dict(
    zip(TYPES, (Login, IdentityVerification, Disbursement, AutoDebit, Disposition), strict=True)
)
_REQUIRED: Final[Mapping[str, Mapping[str, bool]]] = {
    kind: {f.name: f.required for f in msgspec.structs.fields(schema)}
    for kind, schema in _SCHEMAS.items()
}
_TIMES: Final = (
    "due_at", "overdue_at", "mandate_valid_until", "mandate_revoked_at", "until_at",
)  # fmt: skip
_PATH: Final = re.compile(r" - at `\$\.(\w+).*`$")
_ON_DEVICE: Final = {"session_id": "S1", "device_id": "D1"}
_DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "login": {**_ON_DEVICE, "ip": "203.0.113.7", "outcome": "success", "method": "password"},
    "identity_verification": {
        **_ON_DEVICE, "verification_id": "V-{id}", "provider": "v1", "method": "face",
        "outcome": "passed", "latency_ms": 800,
    },
    "disbursement": {
        **_ON_DEVICE, "ip": "203.0.113.7", "disbursement_id": "B-{id}", "amount_minor": 20_000,
        "currency": "CNY", "payee_id": "P1", "payee_owner": "self", "status": "paid",
        "credit_limit_minor": 1_000_000, "outstanding_minor": 0,
    },
    "auto_debit": {
        "debit_id": "T-{id}", "obligation_id": "O1", "mandate_id": "M1", "channel": "bank",
        "amount_due_minor": 100_000, "amount_debited_minor": 0, "currency": "CNY",
        "outcome": "scheduled", "due_at": BASE_MS + UNITS_MS["d"],
        "overdue_at": BASE_MS + 4 * UNITS_MS["d"],
    },
    "disposition": {},
}  # fmt: skip


def read_story(section: Section, rules: Collection[str]) -> StoryTest:
    """One [[test]] of a file with these rules; the section's error where anything is wrong."""
    section.only(["name", "rule", "expect", "prelude", "policy", "until", "events"])
    overlay = section.section("policy")
    events = list(section.sections("events"))
    if not events:
        raise section.error("", "needs at least one event")
    for event in events:
        _check_event(event)
    until_ms = None
    if section.has("until"):
        _check_duration(section, "until")
        until_ms = BASE_MS + (duration_ms(section.text("until")) or 0)
    return StoryTest(
        name=section.text("name"),
        rule=section.choice("rule", rules),
        expect=section.choice("expect", EXPECTATIONS),
        prelude=section.choice("prelude", PRELUDES, ""),
        policy=overlay.table if overlay else {},
        events=tuple(event.table for event in events),
        file=section.file.name,
        line=section.line,
        until_ms=until_ms,
    )


def story_events(test: StoryTest) -> list[dict[str, Any]]:
    """The prelude and the story as complete events of the contract, in order."""
    past = PRELUDES[test.prelude]() if test.prelude else []
    told = [event for table in test.events for event in _repeated(table)]
    events = [_complete(event, f"k{n}") for n, event in enumerate(past, start=1)]
    events += [_complete(event, f"e{n}") for n, event in enumerate(told, start=1)]
    return sorted(events, key=lambda event: (event["occurred_at"], TYPE_RANK[event["type"]]))


def story_lines(test: StoryTest) -> list[bytes]:
    """The same as lines of an event log."""
    return [orjson.dumps(event) for event in story_events(test)]


def story_policy(test: StoryTest, policy: Policy) -> Policy:
    """The policy that the story is judged under."""
    if not test.policy:
        return policy
    file = TomlFile(test.file, "", test.policy, {("policy",): test.line}, PolicyError)
    return lay_over(policy, Section(file, ("policy",), test.policy))


def _repeated(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The events that one entry of a story stands for, with `at_ms`."""
    event = {key: value for key, value in table.items() if key not in ("at", "repeat")}
    event["at_ms"] = duration_ms(table["at"]) or 0
    repeat = table.get("repeat")
    if repeat is None:
        return [event]
    every_ms = duration_ms(repeat["every"]) or 0
    own = {key: value for key, value in repeat.items() if key not in ("times", "every")}
    return [
        event | {key: _numbered(value, n) for key, value in own.items()}
        | {"at_ms": event["at_ms"] + (n - 1) * every_ms}
        for n in range(1, repeat["times"] + 1)
    ]  # fmt: skip


def _numbered(value: Any, n: int) -> Any:
    return value.replace("{n}", str(n)) if isinstance(value, str) else value


def _complete(event: Mapping[str, Any], event_id: str) -> dict[str, Any]:
    """An event with its defaults; what is "none" left out, relative times made absolute."""
    kind = event["type"]
    told = {key: value for key, value in event.items() if key != "at_ms"}
    whole: dict[str, Any] = {
        "type": kind, "event_id": event_id, "account_id": "A",
        "occurred_at": BASE_MS + event["at_ms"],
    }  # fmt: skip
    default_id = told.get("event_id", event_id)
    for key, value in _DEFAULTS[kind].items():
        whole[key] = value.replace("{id}", default_id) if isinstance(value, str) else value
    whole |= told
    if kind == "auto_debit" and "attempt" not in told:
        whole["attempt"] = 0 if whole["outcome"] in ("scheduled", "settled") else 1
    for key in _TIMES:
        if isinstance(whole.get(key), str) and whole[key] != "none":
            whole[key] = BASE_MS + (duration_ms(whole[key]) or 0)
    return {key: value for key, value in whole.items() if value != "none"}


def _check_event(section: Section) -> None:
    """Refuse what makes no event of the contract."""
    kind = section.choice("type", TYPES)
    _check_fields(section, kind, ("at", "type", "repeat"))
    _check_duration(section, "at")
    repeat = section.section("repeat")
    if repeat is not None:
        repeat.integer("times", 1, REPEATS_MAX)
        _check_duration(repeat, "every")
        _check_fields(repeat, kind, ("times", "every"))
    event = _complete(_repeated(section.table)[0], "e1")
    try:
        msgspec.convert({k: v for k, v in event.items() if k != "type"}, _SCHEMAS[kind])
    except msgspec.ValidationError as error:
        field = _PATH.search(str(error))
        key = field[1] if field and section.has(field[1]) else ""
        told = _PATH.sub(f" ({field[1]})" if field and not key else "", str(error))
        raise section.error(key, f"is no {kind} event: {told}") from error


def _check_fields(section: Section, kind: str, others: tuple[str, ...]) -> None:
    """Known fields only, relative times, and "none" only where a field is optional."""
    known = _REQUIRED[kind]
    section.only([*others, *(name for name in known if name != "occurred_at")])
    for key in section.table:
        if key in others:
            continue
        if key in _TIMES and section.table[key] != "none":
            _check_duration(section, key)
        if section.table[key] == "none" and known[key]:
            raise section.error(key, 'is no optional field and cannot be "none"')


def _check_duration(section: Section, key: str) -> None:
    if duration_ms(section.text(key)) is None:
        raise section.error(key, 'is no duration, such as "-3d", "90s" or "0m"')
