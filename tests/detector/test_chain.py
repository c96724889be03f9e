"""Four stages with nothing but records between them say what the engine says."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest

from detector.chain import Link
from detector.decode import Decoder
from detector.engine import Engine
from detector.ids import Ids
from detector.memory import STAGES
from detector.parts import Parts
from tests.comparing import FAR_FUTURE_MS, rulebook_of
from tests.histories import History, history

SEEDS = range(60)
Said = dict[str, list[bytes]]


def gather(said: Said, outputs: Any) -> None:
    for name in ("alerts", "decisions", "findings"):
        said[name] += [orjson.dumps(record) for record in getattr(outputs, name)]


def by_engine(one: History) -> Said:
    ids = Ids()
    engine, decoder = Engine(*rulebook_of(one.terms), ids), Decoder(ids, FAR_FUTURE_MS)
    said: Said = {"alerts": [], "decisions": [], "findings": []}
    for event in one.events:
        gather(said, engine.process(decoder.decode([orjson.dumps(event)])))
    return {name: sorted(records) for name, records in said.items()}


def by_chain(one: History, seed: int) -> Said:
    ids, rng = Ids(), random.Random(seed)
    parts = Parts(*rulebook_of(one.terms), ids)
    links = {name: Link(name, parts) for name in STAGES}
    decoder = Decoder(ids, FAR_FUTURE_MS)
    said: Said = {"alerts": [], "decisions": [], "findings": []}
    waiting: dict[str, list[bytes]] = {name: [] for name in STAGES}
    lines = [orjson.dumps(event) for event in one.events]
    while lines or any(waiting.values()):
        size = rng.randrange(1, 30)
        outputs = [links[STAGES[0]].take(decoder.decode(lines[:size]))]
        del lines[:size]
        for name in STAGES[1:]:
            outputs.append(links[name].take_onward(waiting[name]))
            waiting[name] = []
        for one_stage in outputs:
            gather(said, one_stage)
            for stage, partition, value in one_stage.onward:
                assert partition == 0
                waiting[stage].append(value)
    return {name: sorted(records) for name, records in said.items()}


@pytest.mark.parametrize("shard", range(6))
def test_a_chain_of_stages_says_what_the_engine_says(shard: int) -> None:
    for seed in range(shard, len(SEEDS), 6):
        one = history(seed, long=seed % 7 == 0)
        print(f"seed {seed}")
        assert by_chain(one, seed) == by_engine(one)
