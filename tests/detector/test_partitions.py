"""A log in order says the same of accounts however they are split over partitions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from detector.obligation_steps import Obligation
from detector.state import opened
from tests.detector.chains import Chain
from tests.histories import History, history
from tests.reference_memory import HOUR

SEEDS = range(66)
BATCH = 40


def batches(one: History) -> Iterator[tuple[int, list[bytes]]]:
    """The events in the order of time, each batch with the time at which it begins.

    None reaches over half a day: a service's clock goes on while nothing comes, so that no event
    finds it a day behind.
    """
    batch: list[bytes] = []
    began_ms = 0
    for event in sorted(one.events, key=lambda event: int(event["occurred_at"])):
        at_ms = int(event["occurred_at"])
        if batch and (len(batch) == BATCH or at_ms > began_ms + 12 * HOUR):
            yield began_ms, batch
            batch = []
        if not batch:
            began_ms = at_ms
        batch.append(orjson.dumps(event))
    yield began_ms, batch


def said(one: History, partitions: int) -> dict[str, Any]:
    """What the account stage said of each account, in its order, and its obligations."""
    chain = Chain(one.terms, partitions)
    for began_ms, lines in batches(one):
        chain.advance_accounts(began_ms)
        chain.process_at_account(lines)
    chain.advance_accounts(max(int(event["occurred_at"]) for event in one.events) + 1)
    told: dict[str, Any] = {"alerts": {}, "findings": {}, "obligations": {}}
    for kind in ("alerts", "findings"):
        for value in chain.by_stage["account"][kind]:
            record = orjson.loads(value)
            if record["account_id"] is None:
                continue  # of a channel or an agency: each partition counts its own
            if kind == "findings":
                record["missing"] = sorted(record["missing"])  # why is counted by each, too
            told[kind].setdefault(record["account_id"], []).append(record)
    for (stage, _), records in chain.log.items():
        if stage == "account":
            told["obligations"] |= {
                key: standing_of(key, value) for key, value in records.items() if key[:1] == b"O"
            }
    return told


def standing_of(key: bytes, value: bytes) -> Obligation:
    """An obligation without the numbers of arrival, which count a partition's own steps."""
    obligation: Obligation = opened(key, value, Obligation)
    obligation.born = 0
    obligation.terms_place = (obligation.terms_place[0], 0)
    obligation.hardship_place = (obligation.hardship_place[0], 0)
    for step in obligation.steps:
        step.arrival = 0
    return obligation


@pytest.mark.parametrize("shard", range(6))
def test_a_log_in_order_says_the_same_of_accounts_in_1_2_and_4_partitions(shard: int) -> None:
    for seed in range(shard, len(SEEDS), 6):
        one = history(seed, long=seed % 11 == 0)
        print(f"seed {seed}")
        whole = said(one, 1)
        for partitions in (2, 4):
            assert said(one, partitions) == whole
