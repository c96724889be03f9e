"""What is filled from records is what was written, but for names that nobody can ask for."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from detector.chain import Link
from detector.events import ID
from detector.memory import STAGES
from detector.names import EVIDENCE_REACH_MS
from detector.sealing import sealed_bytes, unsealed_bytes
from detector.stage import Stage
from detector.state import StateError
from detector.told import NAMED
from tests.detector.chains import Chain
from tests.histories import history

SEEDS = range(12)


def lived(seed: int) -> Chain:
    one = history(seed, long=seed % 3 == 0)
    chain = Chain(one.terms)
    lines = [orjson.dumps(event) for event in one.events]
    for start in range(0, len(lines), 20):
        chain.process(lines[start : start + 20])
    return chain


def slots(stage: Stage) -> list[Any]:
    """The words of all slots of all rings, each entity's oldest first."""
    m = stage.store.memory
    found = []
    for r in m.rows[: m.used[0]]:
        for j in range(int(r["count"])):
            at = r["ring_at"] + ((int(r["head"]) + j) & (int(r["ring_size"]) - 1))
            found.append(stage.words_of(m.slots[at : at + 1], r["key"][None])[0])
    return found


def oldest_ms(link: Link) -> int:
    return link.clock_ms - link.lateness_ms - EVIDENCE_REACH_MS


def test_a_name_is_restored_if_and_only_if_somebody_can_ask_for_it() -> None:
    seen = {True: 0, False: 0}
    for seed in SEEDS:
        print(f"seed {seed}")
        chain = lived(seed)
        before = dict(chain.links)
        chain.restart()
        for place, link in chain.links.items():
            told = slots(link.stage)
            recent = [words for words in told if words[0] >= oldest_ms(link)]
            for column, word in enumerate(NAMED):
                if not link.stage.named_words()[column]:
                    continue
                shared = (word,) if column < 2 else NAMED[2:]  # an id may be of two kinds
                wanted = {int(words[one]) for words in recent for one in shared} - {0}
                for value in {int(words[word]) for words in told} - {0}:
                    name = link.subjects.name_of(word, value)
                    if value not in wanted:
                        assert name == ""
                    elif word == ID:  # of entities, not all are told of
                        assert name == before[place].subjects.name_of(word, value) != ""
                    seen[value in wanted] += 1
    assert min(seen.values()) > 50


def test_all_that_was_written_is_written_again_the_same_but_for_old_names() -> None:
    for seed in SEEDS:
        print(f"seed {seed}")
        chain = lived(seed)
        chain.restart()
        for place, link in chain.links.items():
            m = link.stage.store.memory
            rows = m.rows[: m.used[0]]
            rows["changed"] = rows["kept"]  # every slot
            link._touched.append(rows["key"].copy())
            written = {key: value for key, value in chain.states[place].changes() if value}
            width = m.slots.shape[1] * 8
            for key, value in written.items():
                was = chain.log[place][key]
                old = key[:1] == b"S" and _time_of(was) < oldest_ms(link)
                if old:  # whose names another one may still tell
                    value, was = unsealed_bytes(value)[:width], unsealed_bytes(was)[:width]
                assert value == was
            assert {k for k in chain.log[place] if k[:1] in (b"E", b"S")} <= written.keys()


def _time_of(value: bytes) -> int:
    return int.from_bytes(unsealed_bytes(value)[:8], "little", signed=True)


def test_a_restored_memory_takes_no_more_bytes_than_the_living_one() -> None:
    for seed in SEEDS:
        chain = lived(seed)
        living = {place: link.stage.store.bytes_used for place, link in chain.links.items()}
        chain.restart()
        for place, link in chain.links.items():
            assert link.stage.store.bytes_used <= living[place]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("kind", [b"E", b"S"])
def test_a_record_that_is_damaged_or_cut_short_is_refused(stage: str, kind: bytes) -> None:
    chain = lived(3)
    log = chain.log[stage, 0]
    key = [key for key in log if key[:1] == kind][-1]
    good = log[key]
    log[key] = good[:-1] + bytes((good[-1] ^ 4,))
    with pytest.raises(StateError, match=f"{key.hex()}: damaged.*rebuild the state"):
        chain.restart()
    content = unsealed_bytes(good)
    for size in (0, 8, len(content) - 1):
        log[key] = sealed_bytes(content[:size])
        with pytest.raises(StateError, match=f"{key.hex()}.*(shorter|not as long)"):
            chain.restart()
    log[key] = good
    chain.restart()


def test_a_store_is_made_once_for_a_state_of_any_size() -> None:
    chain = lived(3)
    chain.restart()
    for link in chain.links.values():
        store = link.stage.store
        arrays = [id(array) for array in store.memory]
        store.make_room()
        assert [id(array) for array in store.memory] == arrays


def test_a_slot_without_its_place_in_the_ring_is_refused() -> None:
    chain = lived(3)
    log = chain.log["account", 0]
    key = next(key for key in log if key[:1] == b"S")
    numbers = {other[-1] for other in log if other[:-1] == key[:-1]}
    spare = next(number for number in range(64) if number not in numbers)
    log[key[:-1] + bytes((spare,))] = log.pop(key)
    with pytest.raises(StateError, match="not of one state"):
        chain.restart()


def test_the_order_of_records_does_not_matter() -> None:
    chain = lived(6)
    wanted = {place: sorted(map(bytes, slots(link.stage))) for place, link in chain.links.items()}
    rng = np.random.default_rng(6)
    for place, log in chain.log.items():
        items = list(log.items())
        chain.log[place] = dict(items[at] for at in rng.permutation(len(items)))
    chain.restart()
    found = {place: sorted(map(bytes, slots(link.stage))) for place, link in chain.links.items()}
    assert found == wanted
