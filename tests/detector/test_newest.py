"""The newest values of a log's keys are those that a dictionary would keep."""

from __future__ import annotations

import random
import zlib

import numpy as np
import pytest

from detector.filling import CRC_TABLES, first_damaged
from detector.newest import Newest, kinds_of
from detector.sealing import SCHEMA, sealed_bytes


@pytest.mark.parametrize("seed", range(20))
def test_of_each_key_the_newest_value_is_kept_and_none_takes_it_away(seed: int) -> None:
    rng = random.Random(seed)
    keys = [rng.randbytes(rng.choice((1, 9, 10, 17))) for _ in range(rng.randrange(1, 60))]
    slow: dict[bytes, bytes] = {}
    newest = Newest()
    for _ in range(rng.randrange(8)):
        batch = [(rng.choice(keys), rng.choice((None, b"", rng.randbytes(rng.randrange(40)))))
                 for _ in range(rng.randrange(40))]  # fmt: skip
        newest.add([key for key, _ in batch], [value for _, value in batch])
        for key, value in batch:
            slow.pop(key, None)  # so that what is written anew comes last
            if value is not None:
                slow[key] = value
    assert list(newest.settled().items()) == list(slow.items())


def test_records_are_told_apart_by_the_first_byte_of_their_keys() -> None:
    records = {b"Eab": b"1", b"H": b"22", b"Eb": b""}
    kinds = kinds_of(records)
    assert {kind: dict(packed.items()) for kind, packed in kinds.items()} == {
        b"E": {b"Eab": b"1", b"Eb": b""},
        b"H": {b"H": b"22"},
    }
    assert kinds_of({}) == {}


@pytest.mark.parametrize("size", [*range(0, 20), 4096])
def test_a_value_is_damaged_where_one_bit_of_it_is(size: int) -> None:
    content = random.Random(size).randbytes(size)
    good = sealed_bytes(content)
    assert int.from_bytes(good[1:5], "big") == zlib.crc32(content)
    assert _first_damaged([good, good]) == -1
    for at in {1, 4, len(good) - 1, len(good) // 2}:
        bad = bytearray(good)
        bad[at] ^= 1 << (size % 8)
        assert _first_damaged([good, bytes(bad)]) == 1
    assert _first_damaged([bytes((SCHEMA + 1,)) + good[1:]]) == 0
    assert _first_damaged([good[:4]]) == 0


def _first_damaged(values: list[bytes]) -> int:
    sizes = np.array([len(value) for value in values], np.int64)
    joined = np.frombuffer(b"".join(values), np.uint8)
    return first_damaged(joined, np.cumsum(sizes) - sizes, sizes, CRC_TABLES)
