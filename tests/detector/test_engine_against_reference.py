"""The engine says what the slow engine says, event by event, for any split into batches.

`LENDWATCH_HISTORIES` says how many random histories are run (300 where it is not set).
"""

from __future__ import annotations

import os

import pytest

from tests.comparing import difference, report
from tests.episodes import EPISODES
from tests.histories import history

HISTORIES = int(os.environ.get("LENDWATCH_HISTORIES", "300"))
FOCUSES = ("", "", *EPISODES)  # the unfocused ones twice
LONG_EVERY = 15


@pytest.mark.parametrize("shard", range(10))
def test_engine_and_reference_say_the_same_of_random_histories(shard: int) -> None:
    for seed in range(shard, HISTORIES, 10):
        focus = FOCUSES[seed % len(FOCUSES)]
        one = history(seed, focus, long=seed % LONG_EVERY == 0)
        lines = difference(one, split=seed)
        assert not lines, report(one, lines)
