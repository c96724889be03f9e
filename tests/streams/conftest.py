"""A small simulated world with an outage, and its run, made once for all tests that read them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from streams.replay import Options, replay
from streams.simulate import simulate

ACCOUNTS, DAYS, SEED = 1_600, 18, 11


@dataclass(frozen=True)
class World:
    """Where a world's log and truth and the files of its run are."""

    log: Path
    truth: Path
    run: Path


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    made = simulate(folder, SEED, ACCOUNTS, DAYS, "demo")
    run = folder / "run"
    replay(Options([str(made.events)], run, as_of_ms=made.last_ms + 86_400_000))
    return World(made.events, made.truth, run)
