"""The scenarios in their short form, on the broker that all tests share."""

from __future__ import annotations

import pytest

from tests.faults.scenes import IN_SHORT, SCENES
from tests.kafka.broker import Cluster
from tests.kafka.fixtures import tell

SEED = 20_261_124


@pytest.mark.parametrize("name", IN_SHORT)
def test_what_is_hurt_says_what_a_replay_says(
    name: str, broker: Cluster, request: pytest.FixtureRequest
) -> None:
    SCENES[name](broker, True, SEED, lambda line: tell(request, line))
