"""The engine says what the slow engine says, event by event, for any split into batches.

`LENDWATCH_HISTORIES` says how many random histories are run (300 where it is not set).
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.comparing import difference, report
from tests.episodes import EPISODES
from tests.histories import History, history
from tests.reference import Reference
from tests.reference_rules import RULES

HISTORIES = int(os.environ.get("LENDWATCH_HISTORIES", "300"))
FOCUSES = ("", "", "stuffing", "guess", *EPISODES)  # these are told twice
LONG_EVERY = 15
SAMPLE = 200
NEVER_UNKNOWN = {  # their columns are always known, or nearly so
    "otp_flood.codes", "threshold_evasion.band",
    "out_of_mandate_debit.early", "out_of_mandate_debit.closed",
    "velocity_burst.count", "over_limit.paid", "shared_device.broken",
    "linked_to_fraud.device", "linked_to_fraud.network", "linked_to_fraud.payee",
}  # fmt: skip


def of_seed(seed: int) -> History:
    return history(seed, FOCUSES[seed % len(FOCUSES)], long=seed % LONG_EVERY == 0)


@pytest.mark.parametrize("shard", range(10))
def test_engine_and_reference_say_the_same_of_random_histories(shard: int) -> None:
    for seed in range(shard, HISTORIES, 10):
        one = of_seed(seed)
        lines = difference(one, split=seed)
        assert not lines, report(one, lines)


def test_every_rule_hits_is_clear_and_abstains_in_the_random_histories() -> None:
    reached: Counter[tuple[str, str]] = Counter()
    for seed in range(SAMPLE):
        one = of_seed(seed)
        reference = Reference(one.terms)
        for event in one.events:
            reference.handle(event)
        for stage in reference.stages.values():
            reached.update(stage.findings.keys())
    for rule in RULES:
        assert reached[rule.id, "hit"] * 100 >= SAMPLE, rule.id
        assert reached[rule.id, "clear"] * 100 >= SAMPLE, rule.id
        assert rule.id in NEVER_UNKNOWN or reached[rule.id, "abstain"] * 100 >= SAMPLE, rule.id


def test_the_same_seed_gives_the_same_history() -> None:
    assert of_seed(15) == of_seed(15) and of_seed(16).events != of_seed(33).events
