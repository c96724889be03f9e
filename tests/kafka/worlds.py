"""A small world for tests of the service, and the truth about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from streams.cli import main

if TYPE_CHECKING:  # who asks for no world waits for no engine
    from tests.faults.outcome import Outcome

DAY_MS = 86_400_000
ACCOUNTS, DAYS = 800, 14


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world's days after its thin past, and what a replay says of them."""
    folder = tmp_path_factory.mktemp("world")
    words = ["--accounts", str(ACCOUNTS), "--days", str(DAYS), "--seed", "3"]
    assert main(["simulate", "--out", str(folder / "all"), *words]) == 0
    lines = (folder / "all/events.jsonl").read_bytes().splitlines(keepends=True)
    begin_ms = orjson.loads(lines[-1])["occurred_at"] - DAYS * DAY_MS
    late = [line for line in lines if orjson.loads(line)["occurred_at"] >= begin_ms]
    (folder / "log.jsonl").write_bytes(b"".join(late))
    return folder


@pytest.fixture(scope="session")
def truth(world: Path) -> Outcome:
    """What a replay says of it."""
    from tests.faults.outcome import replayed

    return replayed(world / "log.jsonl", world / "run")
