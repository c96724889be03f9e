"""Same log, same bytes: a small world in other batches, with repeats, with a late pass."""

from __future__ import annotations

import random
from pathlib import Path

import orjson
import pytest

from detector.events import TIME_MAX_MS
from streams.replay import Options, replay
from streams.simulate import simulate

SEED, LINES = 5, 10_500


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last days of a small world, in which its stories happen."""
    folder = tmp_path_factory.mktemp("world")
    events = simulate(folder, SEED, 800, 14, "small").events
    events.write_bytes(b"".join(events.read_bytes().splitlines(keepends=True)[-LINES:]))
    return events


def hashes(log: Path, out: Path, batch: int = 4096) -> dict[str, str]:
    """The SHA-256 of what a replay says, without `detected_at`."""
    options = Options([str(log)], out, as_of_ms=TIME_MAX_MS, batch_lines=batch)
    outputs = replay(options).summary["outputs"]
    return {name: outputs[name]["sha256"] for name in ("alerts.jsonl", "decisions.jsonl")}


def test_a_world_gives_the_same_bytes_in_batches_of_any_size(world: Path, tmp_path: Path) -> None:
    first = hashes(world, tmp_path / "first")
    for batch in (1, 7, 512, 16_384):
        assert hashes(world, tmp_path / f"batch{batch}", batch) == first


def test_repeated_events_change_nothing_adjacent_or_far(world: Path, tmp_path: Path) -> None:
    rng = random.Random(SEED)
    print(f"seed {SEED}")
    told: list[bytes] = []
    for line in world.read_bytes().splitlines():
        told.append(line)
        if rng.random() < 0.1:
            told.append(line)  # A, A
        if rng.random() < 0.1:
            told.append(told[-rng.randint(1, min(40, len(told)))])  # A, B, A
    repeated = tmp_path / "repeated.jsonl"
    repeated.write_bytes(b"\n".join(told) + b"\n")
    assert hashes(repeated, tmp_path / "again") == hashes(world, tmp_path / "once")


def test_a_late_pass_withdraws_a_bypass_and_both_revisions_are_told(
    world: Path, tmp_path: Path
) -> None:
    replay(Options([str(world)], tmp_path / "run", as_of_ms=TIME_MAX_MS))
    lines = (tmp_path / "run" / "alerts.jsonl").read_bytes().splitlines()
    told: dict[str, list[str]] = {}
    for alert in map(orjson.loads, lines):
        if alert["typology"] == "verification_bypass":
            told.setdefault(alert["alert_id"], []).append(alert["status"])
    assert ["open", "withdrawn"] in told.values()
