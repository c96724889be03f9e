"""Names are there as long as anybody can ask for them, wherever they were told."""

from __future__ import annotations

import numpy as np
import pytest

from detector.names import SHELF_MAX, Names


def restored() -> Names:
    names = Names()
    names.restore(100, np.array([-5, 2, 9], np.int64), ["minus", "two", "nine"])
    return names


def test_a_restored_name_is_found_by_its_hash_alone() -> None:
    names = restored()
    assert [names.of(value) for value in (9, -5, 2)] == ["nine", "minus", "two"]
    for value in (-6, 0, 10):
        with pytest.raises(KeyError):
            names.of(value)


def test_a_restored_name_goes_with_the_others_of_its_time() -> None:
    names = restored()
    for start in (0, SHELF_MAX):
        hashes = np.arange(1000 + start, 1000 + start + SHELF_MAX, dtype=np.int64)
        names.tell(200, hashes, [str(one) for one in hashes.tolist()])
    names.forget_before(100)
    assert names.of(2) == "two"
    names.forget_before(101)
    with pytest.raises(KeyError):
        names.of(2)
    assert names.of(1000) == "1000"


def test_a_name_that_is_dropped_is_nowhere_and_the_others_stay() -> None:
    names = restored()
    names.tell(100, np.array([2, 7], np.int64), ["two", "seven"])
    names.drop({2, 11})
    with pytest.raises(KeyError):
        names.of(2)
    assert [names.of(value) for value in (-5, 9, 7)] == ["minus", "nine", "seven"]


def test_no_text_is_made_of_a_restored_name_until_it_is_asked_for() -> None:
    made: list[int] = []

    class Watched(list[str]):
        def __getitem__(self, place):  # type: ignore[no-untyped-def]
            made.append(place)
            return super().__getitem__(place)

    names = Names()
    names.restore(0, np.array([1, 2, 3], np.int64), Watched(["a", "b", "c"]))
    names.drop({4})
    names.forget_before(0)
    assert names.of(2) == "b"
    assert made == [1]
