"""An erased account leaves nothing in any link, nor in its records."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from detector.ids import Ids
from detector.memory import STAGES
from tests.detector.chains import Chain
from tests.histories import History, history

SEEDS = range(24)


def erased(one: History, account: str) -> Chain:
    chain = Chain(one.terms)
    chain.process([orjson.dumps(event) for event in one.events])
    for name in STAGES:
        link = chain.links[name, 0]
        link.erase(account if name == STAGES[0] else Ids().hash(account))
        chain.keep((name, 0))
    return chain


def traces(chain: Chain, account: str, events: list[dict[str, Any]]) -> list[tuple[str, bytes]]:
    """Records that hold the account's id or hash, or the id of an event of it alone."""
    of_others = {e["event_id"] for e in events if e.get("account_id") != account}
    own = {e["event_id"] for e in events if e.get("account_id") == account} - of_others
    key = Ids().hash(account)
    marks = [key.to_bytes(8, "little", signed=True), key.to_bytes(8, "big", signed=True)]
    marks += [_packed(name) for name in (account, *own)]
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
        one = history(seed)
        print(f"seed {seed}")
        account = next(e["account_id"] for e in one.events if e.get("account_id"))
        whole = Chain(one.terms)
        whole.process([orjson.dumps(event) for event in one.events])
        found_before += len(traces(whole, account, one.events))
        chain = erased(one, account)
        assert traces(chain, account, one.events) == []
        chain.restart()  # and what is left is of one state
    assert found_before > 20


def test_of_the_other_accounts_nothing_goes_at_the_account_stage() -> None:
    one = history(2)
    whole = Chain(one.terms)
    whole.process([orjson.dumps(event) for event in one.events])
    chain = erased(one, next(e["account_id"] for e in one.events if e.get("account_id")))
    left = chain.log["account", 0]
    assert left.items() <= whole.log["account", 0].items()
    entities = [key for key in whole.log["account", 0] if key[:1] == b"E"]
    assert len([key for key in left if key[:1] == b"E"]) == len(entities) - 1
