"""Four stages with nothing but records between them say what the engine says."""

from __future__ import annotations

import random

import orjson
import pytest

from detector.decode import Decoder
from detector.engine import Engine
from detector.ids import Ids
from tests.comparing import FAR_FUTURE_MS, rulebook_of
from tests.detector.chains import Chain, Said, gather, nothing_said
from tests.histories import History, history

SEEDS = range(60)


def by_engine(one: History) -> Said:
    ids = Ids()
    engine, decoder = Engine(*rulebook_of(one.terms), ids), Decoder(ids, FAR_FUTURE_MS)
    said = nothing_said()
    for event in one.events:
        gather(said, engine.process(decoder.decode([orjson.dumps(event)])))
    return {name: sorted(records) for name, records in said.items()}


def by_chain(one: History, seed: int) -> Said:
    rng = random.Random(seed)
    chain = Chain(one.terms)
    lines = [orjson.dumps(event) for event in one.events]
    while lines:
        size = rng.randrange(1, 30)
        chain.process(lines[:size])
        del lines[:size]
    return {name: sorted(records) for name, records in chain.said.items()}


@pytest.mark.parametrize("shard", range(6))
def test_a_chain_of_stages_says_what_the_engine_says(shard: int) -> None:
    for seed in range(shard, len(SEEDS), 6):
        one = history(seed, long=seed % 7 == 0)
        print(f"seed {seed}")
        assert by_chain(one, seed) == by_engine(one)
