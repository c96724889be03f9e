"""An erased account leaves nothing in any link, nor in its records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from detector.ids import Ids
from detector.memory import STAGES
from tests.detector.chains import Chain
from tests.histories import History, history

SEEDS = range(24)


GONE = "erase me"  # in a history an account may be somebody's payee too, by the same id


def renamed(seed: int, *, long: bool = False) -> History:
    """A history in which one account has an id that nothing else has."""
    one = history(seed, long=long)
    account = next(e["account_id"] for e in one.events if e.get("account_id"))
    events = [
        {**event, "account_id": GONE} if event.get("account_id") == account else event
        for event in one.events
    ]
    return replace(one, events=events)


def erased(one: History) -> Chain:
    chain = Chain(one.terms)
    chain.process([orjson.dumps(event) for event in one.events])
    for name in STAGES:
        link = chain.links[name, 0]
        link.erase(GONE if name == STAGES[0] else Ids().hash(GONE))
        chain.keep((name, 0))
    return chain


def traces(chain: Chain, events: list[dict[str, Any]]) -> list[tuple[str, bytes]]:
    """Records that hold the account's id or hash, or the hash of an event of it alone."""
    of_others = {
        event.get(name) for event in events if event.get("account_id") != GONE
        for name in ("event_id", "target_event_id")
    }  # fmt: skip
    own = {e["event_id"] for e in events if e.get("account_id") == GONE} - of_others
    key = Ids().hash(GONE)
    marks = [key.to_bytes(8, "big", signed=True), GONE.encode()]
    marks += [hashed.to_bytes(8, "little", signed=True) for hashed in (key, *map(Ids().hash, own))]
    marks += [_packed(name) for name in own]
    return [
        (stage, record) for (stage, _), log in chain.log.items() for record, value in log.items()
        if any(mark in record + value for mark in marks)
    ]  # fmt: skip


def _packed(name: str) -> bytes:
    """A short text as msgpack has it, so that "e1" is not found in "e12"."""
    return bytes((0xA0 + len(name),)) + name.encode()


@pytest.mark.parametrize("shard", range(3))
def test_an_erased_account_leaves_no_trace_in_the_records(shard: int) -> None:
    found_before = 0
    for seed in range(shard, len(SEEDS), 3):
        one = renamed(seed)
        print(f"seed {seed}")
        whole = Chain(one.terms)
        whole.process([orjson.dumps(event) for event in one.events])
        found_before += len(traces(whole, one.events))
        chain = erased(one)
        assert traces(chain, one.events) == []
        chain.restart()  # and what is left is of one state
    assert found_before > 20


def lives_with_an_erasure(one: History, restarts: tuple[bool, bool], size: int) -> Chain:
    """A history in whose middle the account is erased, with a restart before and after it."""
    chain = Chain(one.terms)
    lines = [orjson.dumps(event) for event in one.events]
    middle = len(lines) * 2 // 3
    for start in range(0, middle, size):
        chain.process(lines[start : min(start + size, middle)])
    if restarts[0]:
        chain.restart()
    for name in STAGES:
        chain.links[name, 0].erase(GONE if name == STAGES[0] else Ids().hash(GONE))
        if restarts[1]:
            chain.keep((name, 0))
    if restarts[1]:
        chain.restart()
    for start in range(middle, len(lines), size):
        chain.process(lines[start : start + size])
    return chain


@pytest.mark.parametrize("shard", range(3))
def test_an_erasure_leaves_the_same_records_whoever_still_remembers_the_names(shard: int) -> None:
    for seed in range(shard, len(SEEDS), 3):
        for long in (False, True):
            one = renamed(seed, long=long)
            print(f"seed {seed}, long {long}")
            whole = lives_with_an_erasure(one, (False, False), 512)
            for restarts in ((True, False), (False, True), (True, True)):
                other = lives_with_an_erasure(one, restarts, 10)
                assert other.log == whole.log
                for stage in STAGES:
                    assert other.by_stage[stage] == whole.by_stage[stage]


def test_a_contact_of_an_account_without_instalments_leaves_no_trace_either() -> None:
    events = [
        {"type": "disposition", "event_id": f"by night {agency}", "account_id": GONE,
         "occurred_at": at_ms, "target_event_id": "x", "disposition": "contacted",
         "agency_id": agency}
        for at_ms, agency in ((1_772_463_600_000, None), (1_772_463_601_000, "agency"))
    ]  # fmt: skip
    plain = [{k: v for k, v in event.items() if v is not None} for event in events]
    one = replace(history(2), events=plain)
    whole = Chain(one.terms)
    whole.process([orjson.dumps(event) for event in plain])
    assert len([record for record in whole.log["account", 0] if record[:1] == b"W"]) == 2
    assert traces(whole, plain) != [] and traces(erased(one), plain) == []


def test_of_the_other_accounts_nothing_goes_at_the_account_stage() -> None:
    one = renamed(2)
    whole = Chain(one.terms)
    whole.process([orjson.dumps(event) for event in one.events])
    chain = erased(one)
    left = chain.log["account", 0]
    assert left.items() <= whole.log["account", 0].items()
    entities = [key for key in whole.log["account", 0] if key[:1] == b"E"]
    assert len([key for key in left if key[:1] == b"E"]) == len(entities) - 1
