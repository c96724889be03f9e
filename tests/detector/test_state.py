"""An engine that is made again from the records of its state says what it would have said."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from detector.decode import Decoder
from detector.engine import Engine
from detector.ids import Ids
from detector.state import SCHEMA, StageState, StateError, opened, sealed
from detector.state_repayment import PopulationState, RepaymentState
from tests.comparing import FAR_FUTURE_MS, rulebook_of
from tests.histories import History, history

SEEDS = range(60)
Log = dict[tuple[str, bytes], bytes]


class Kept:
    """An engine whose state goes to a log, as a compacted topic would keep it."""

    def __init__(self, terms: Any, log: Log) -> None:
        self.log = log
        ids = Ids()
        self.engine = Engine(*rulebook_of(terms), ids)
        self.decoder = Decoder(ids, FAR_FUTURE_MS)
        self._stages = [
            StageState(stage, book, self.engine.subjects)
            for stage, book in zip(self.engine.stages, self.engine.books, strict=True)
        ]
        self._repayment = RepaymentState(self.engine.repayment)
        self._population = PopulationState()
        self._restore()

    def _part(self, name: str) -> dict[bytes, bytes]:
        return {key: value for (topic, key), value in self.log.items() if topic == name}

    def _restore(self) -> None:
        for state, stage in zip(self._stages, self.engine.stages, strict=True):
            state.restore(self._part(stage.name))
        self._repayment.restore(self._part("repayment"))
        self._population.restore(self.engine.stages[0].store.memory, self._part("population"))

    def process(self, lines: list[bytes]) -> Iterator[bytes]:
        outputs = self.engine.process(self.decoder.decode(lines))
        yield from (
            orjson.dumps(record)
            for records in (outputs.alerts, outputs.decisions, outputs.findings)
            for record in records
        )
        parts = [
            (stage.name, state.changes(keys.tolist()))
            for stage, state, keys in zip(
                self.engine.stages, self._stages, self.engine.touched, strict=True
            )
        ]
        parts.append(("repayment", self._repayment.changes()))
        memory = self.engine.stages[0].store.memory
        parts.append(("population", self._population.changes(memory)))
        for name, changes in parts:
            for key, value in changes:
                if value is None:
                    self.log.pop((name, key), None)
                else:
                    self.log[name, key] = value


def said(one: History, restarts: float, seed: int) -> list[bytes]:
    """All that is said in batches of random sizes, with restarts between some of them."""
    rng = random.Random(seed)
    log: Log = {}
    kept = Kept(one.terms, log)
    lines = [orjson.dumps(event) for event in one.events]
    found: list[bytes] = []
    while lines:
        size = rng.randrange(1, 40)
        found += kept.process(lines[:size])
        del lines[:size]
        if rng.random() < restarts:
            kept = Kept(one.terms, log)
    return found


@pytest.mark.parametrize("shard", range(6))
def test_a_restart_changes_nothing_that_is_said(shard: int) -> None:
    for seed in range(shard, len(SEEDS), 6):
        one = history(seed, long=seed % 5 == 0)
        print(f"seed {seed}")
        assert said(one, 0.5, seed) == said(one, 0.0, seed)


def test_what_the_log_keeps_is_what_the_memory_holds() -> None:
    one = history(3, long=True)
    log: Log = {}
    kept = Kept(one.terms, log)
    list(kept.process([orjson.dumps(event) for event in one.events]))
    for stage in kept.engine.stages:
        entities = [key for topic, key in log if topic == stage.name and key[:1] == b"E"]
        slots = [key for topic, key in log if topic == stage.name and key[:1] == b"S"]
        rows = stage.store.memory.rows[: stage.store.entities]
        assert len(entities) == len(rows)
        assert len(slots) == rows["count"].sum()


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
    with pytest.raises(StateError, match=word):
        opened(b"E12345678", value, int)
