"""Blocks between stages: whole, bounded, readable by another rulebook, refused when foreign."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import orjson
import pytest

from detector.events import ID
from detector.memory import STAGES
from detector.onward import BLOCK_BYTES_MAX, BLOCK_ROWS_MAX, Block, OnwardError, Postman
from detector.parcels import Parcel
from detector.sealing import SCHEMA, sealed, unsealed
from tests.detector.chains import Chain
from tests.detector.test_forgetting import START_MS, login
from tests.histories import history
from tests.reference_terms import Terms


def blocks_of(events: list[dict[str, Any]], partitions: int = 1) -> list[tuple[str, int, bytes]]:
    chain = Chain(Terms(), partitions)
    link = chain.links["account", 0]
    batch = chain.decoder.decode([orjson.dumps(event) for event in events])
    parcels = link.take(batch).onward
    return [
        (stage, sent.partition, sent.value)
        for stage in STAGES[1:]
        for sent in chain.parts.postman.sent(stage, [p for p in parcels if p.stage == stage])
    ]


def test_a_block_has_its_partition_and_no_block_is_large() -> None:
    events = [login(n, f"A{n % 700}", START_MS + n) for n in range(1500)]
    for event in events:
        event["session_id"] = event["device_id"] = f"{event['device_id']}{'界' * 100}"
    blocks = blocks_of(events, 3)
    assert {partition for _, partition, _ in blocks} == {0, 1, 2}
    rows = 0
    for stage, _, value in blocks:
        assert stage == "device"
        assert len(value) < BLOCK_BYTES_MAX * 1.2
        words = np.frombuffer(unsealed(value, Block).words, np.int64).reshape(-1, 14)
        assert len(words) <= BLOCK_ROWS_MAX
        rows += len(words)
    assert rows == len(events)


def test_rows_of_one_partition_keep_their_order() -> None:
    events = [login(n, f"A{n % 7}", START_MS + n) for n in range(300)]
    for _, _, value in blocks_of(events, 4):
        times = np.frombuffer(unsealed(value, Block).words, np.int64).reshape(-1, 14)[:, 0]
        assert (np.diff(times) > 0).all()


def test_rows_of_several_links_are_merged_by_time_and_none_overtakes_in_its_own() -> None:
    """Account A's second event is late: it goes right after the first, whatever B has between."""
    chain = Chain(Terms(), 2)
    sent = {0: [10, 40, 20], 1: [15, 30, 50]}
    parcels = []
    for number, minutes in sent.items():
        lines = [
            orjson.dumps(login(100 * number + k, f"A{number}", START_MS + 60_000 * at))
            for k, at in enumerate(minutes)
        ]
        taken = chain.links["account", number].take(chain.decoder.decode(lines)).onward
        parcels += [one for one in taken if one.stage == "device"]
    assert len({int(one.times_ms[-1]) for one in parcels}) == 2
    order = []
    for one in Postman(chain.parts.columns, 1).sent("device", parcels):
        words = np.frombuffer(unsealed(one.value, Block).words, np.int64).reshape(-1, 14)
        order += ((words[:, 0] - START_MS) // 60_000).tolist()
        assert one.newest_ms == START_MS + 50 * 60_000
    assert order == [10, 15, 30, 40, 20, 50]


def test_what_rows_hit_stays_with_them_when_links_are_merged() -> None:
    """Blocks tell of each row the same whether its link's rows leave alone or with another's."""
    chain = Chain(Terms(), 2)
    apart, parcels = {}, []
    for number, seed in ((0, 3), (1, 5)):
        lines = [orjson.dumps(event) for event in history(seed).events]
        taken = chain.links["account", number].take(chain.decoder.decode(lines)).onward
        mine = [one for one in taken if one.stage == "device"]
        apart |= hits_by_event(chain, mine)
        parcels += mine
    assert apart and hits_by_event(chain, parcels) == apart


def hits_by_event(chain: Chain, parcels: list[Parcel]) -> dict[int, tuple[list[str], list[str]]]:
    found = {}
    for one in Postman(chain.parts.columns, 1).sent("device", parcels):
        block = unsealed(one.value, Block)
        ids = np.frombuffer(block.words, np.int64).reshape(-1, 14)[:, ID].tolist()
        for row, event in enumerate(ids):
            hits = sorted(rule for at, rule, _, _ in block.hits if at == row)
            alert_ids = [name for at, name in block.alert_ids if at == row]
            if hits or alert_ids:
                found[event] = hits, alert_ids
    return found


def test_a_column_that_another_rulebook_does_not_have_is_left_out() -> None:
    events = history(3).events
    ((_, _, value),) = blocks_of(events)
    chain = Chain(Terms())
    postman = chain.parts.postman
    rows, _, _ = postman.received([value])
    block = unsealed(value, Block)
    hashes = np.frombuffer(block.columns, np.uint32).copy()
    at = next(k for k in range(len(hashes)) if _is_known(rows, postman, int(hashes[k])))
    lost = postman.place_of(int(hashes[at]))
    hashes[at] += 1
    others, _, _ = postman.received(
        [sealed(msgspec.structs.replace(block, columns=hashes.tobytes()))]
    )
    assert np.isnan(others.values[:, lost]).all()
    left = np.arange(rows.values.shape[1]) != lost
    np.testing.assert_array_equal(rows.values[:, left], others.values[:, left])


def _is_known(rows: Any, postman: Any, value: int) -> bool:
    return bool((~np.isnan(rows.values[:, postman.place_of(value)])).any())


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (b"", "schema none"),
        (bytes((SCHEMA + 1,)) + sealed(1)[1:], f"schema {SCHEMA + 1}"),
        (sealed(1)[:-1] + b"\x02", "damaged"),
        (sealed("text"), "cannot be read"),
    ],
)
def test_what_is_no_block_is_refused_with_words(value: bytes, word: str) -> None:
    link = Chain(Terms()).links["device", 0]
    with pytest.raises(OnwardError, match=word):
        link.take_onward([value])
    assert link.clock_ms < 0
