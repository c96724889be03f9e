"""A link that is made again from the records of its state says what it would have said."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
import pytest

from detector.memory import STAGES
from detector.sealing import SCHEMA, sealed
from detector.state import StateError, opened
from tests.detector.chains import Chain
from tests.histories import History, history

SEEDS = range(60)


def run(one: History, sizes: Callable[[], int], restarts: Callable[[], bool]) -> Chain:
    """A history through a chain in batches of these sizes, with restarts between some."""
    chain = Chain(one.terms)
    lines = [orjson.dumps(event) for event in one.events]
    while lines:
        size = sizes()
        chain.process(lines[:size])
        del lines[:size]
        if restarts():
            chain.restart()
    return chain


def difference(one: Chain, other: Chain) -> dict[Any, Any]:
    """Keys of records that are not the same in both logs."""
    return {
        (place, key): (told.get(key), other.log[place].get(key))
        for place, told in one.log.items()
        for key in told.keys() | other.log[place].keys()
        if told.get(key) != other.log[place].get(key)
    }


@pytest.mark.parametrize("shard", range(6))
def test_two_lives_of_a_history_say_the_same_and_end_in_the_same_records(shard: int) -> None:
    for seed in range(shard, len(SEEDS), 6):
        one = history(seed, long=seed % 5 == 0)
        print(f"seed {seed}")
        rng = random.Random(seed)
        whole = run(one, lambda: 512, lambda: False)
        lives = {
            "batches of 1": run(one, lambda: 1, lambda: False),
            "batches of 7": run(one, lambda: 7, lambda: False),
            "restarts": run(one, partial(rng.randrange, 1, 40), partial(rng.choice, (False, True))),
        }
        for name, life in lives.items():
            print(name)
            for stage in STAGES:  # each stage's own order: a batch has them one after another
                assert life.by_stage[stage] == whole.by_stage[stage]
            assert difference(whole, life) == {}


def test_what_the_log_keeps_is_what_the_memory_holds() -> None:
    one = history(3, long=True)
    chain = run(one, lambda: 50, lambda: False)
    for place, link in chain.links.items():
        store = link.stage.store
        rows = store.memory.rows[: store.entities]
        kinds = [key[:1] for key in chain.log[place]]
        assert kinds.count(b"E") == len(rows)
        assert kinds.count(b"S") == rows["count"].sum()
        assert kinds.count(b"A") == link.book.count
        beside = sum(shelf.beside > 0 for shelf in link.book.shelves.values())
        assert kinds.count(b"B") == beside


def test_what_nothing_changed_is_not_written_again() -> None:
    one = history(3, long=True)
    chain = run(one, lambda: 50, lambda: False)
    for state in chain.states.values():
        assert [key for key, _ in state.changes()] == [b"H"]


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (b"", "schema none"),
        (bytes((SCHEMA + 1,)) + sealed(1)[1:], f"schema {SCHEMA + 1}"),
        (sealed(1)[:-1] + b"\x02", "damaged"),
        (sealed("text"), "cannot be read"),
    ],
)
def test_a_record_of_another_schema_or_a_damaged_one_is_refused_with_the_cure(
    value: bytes, word: str
) -> None:
    with pytest.raises(StateError, match=f"{word}.*rebuild the state"):
        opened(b"E12345678", value, int)


@pytest.mark.parametrize("kind", [b"E", b"S"])
def test_a_state_that_lacks_a_record_of_an_entity_is_refused(kind: bytes) -> None:
    chain = run(history(3), lambda: 512, lambda: False)
    log = chain.log["account", 0]
    del log[next(key for key in log if key[:1] == kind)]
    with pytest.raises(StateError, match="not of one state"):
        chain.restart()
