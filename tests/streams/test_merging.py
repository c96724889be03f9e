"""Several logs as one: the oldest head goes next, whatever the size of what is read at once."""

from __future__ import annotations

import heapq
import random
from pathlib import Path

import pytest

from detector.decode import Decoder
from detector.events import TIME_MAX_MS, TYPE_RANK
from detector.ids import Ids
from streams.logs import Log, LogError
from streams.merging import chunks
from tests.streams.lines import disbursement, disposition, login

MAKERS = {"login": login, "disbursement": disbursement, "disposition": disposition}
Line = tuple[str, int, str]  # type, ms after the base, event id; "dead" for what is no event


def merged(paths: list[Path], size: int) -> tuple[list[str], list[tuple[str, int]]]:
    """Ids of events and places of dead lines, each in the order of the one stream."""
    logs = [Log(str(path)) for path in paths]
    events, dead = [], []
    for chunk in chunks(logs, Decoder(Ids(), TIME_MAX_MS), size):
        assert [int(t) for t in chunk.batch.words[:, 0]] == [
            event.occurred_at for event in chunk.batch.events
        ]
        events += [event.event_id for event in chunk.batch.events]
        dead += [(Path(letter.log).name, letter.line) for letter in chunk.letters]
    for log in logs:
        log.close()
    return events, dead


def told(folder: Path, name: str, lines: list[Line]) -> Path:
    path = folder / name
    text = [b"no event" if kind == "dead" else MAKERS[kind](id_, ms) for kind, ms, id_ in lines]
    path.write_bytes(b"".join(line + b"\n" for line in text))
    return path


def by_heads(logs: list[list[Line]]) -> tuple[list[str], list[tuple[str, int]]]:
    """The law, one head at a time: dead heads at once, then the least (time, rank, log)."""
    heads: list[tuple[int, int, int, int]] = []
    events, dead = [], []

    def advance(log: int, at: int) -> None:
        while at < len(logs[log]) and logs[log][at][0] == "dead":
            dead.append((str(log), at + 1))
            at += 1
        if at < len(logs[log]):
            kind, ms, _ = logs[log][at]
            heapq.heappush(heads, (ms, TYPE_RANK[kind], log, at))

    for log in range(len(logs)):
        advance(log, 0)
    while heads:
        _, _, log, at = heapq.heappop(heads)
        events.append(logs[log][at][2])
        advance(log, at + 1)
    return events, dead


def test_the_oldest_head_goes_next_and_no_log_is_reordered(tmp_path: Path) -> None:
    first = told(tmp_path, "a", [("login", 10, "a1"), ("login", 5, "a2"), ("login", 30, "a3")])
    second = told(tmp_path, "b", [("login", 7, "b1"), ("login", 20, "b2")])
    assert merged([first, second], 4096)[0] == ["b1", "a1", "a2", "b2", "a3"]


def test_of_equal_times_the_type_decides_then_the_order_of_the_logs(tmp_path: Path) -> None:
    first = told(tmp_path, "a", [("disbursement", 1, "a1")])
    second = told(tmp_path, "b", [("login", 1, "b1")])
    third = told(tmp_path, "c", [("disposition", 1, "c1"), ("login", 1, "c2")])
    assert merged([first, second, third], 1)[0] == ["c1", "b1", "c2", "a1"]


@pytest.mark.parametrize("seed", range(30))
def test_the_merge_equals_the_law_for_any_size_of_batch(tmp_path: Path, seed: int) -> None:
    print("seed", seed)
    chance = random.Random(seed)
    logs: list[list[Line]] = []
    for log in range(chance.randint(2, 4)):
        ms, lines = 0, []
        for n in range(chance.choice([0, 1, 7, 40])):
            ms += chance.choice([0, 0, 1, 3, -2])
            kind = chance.choice([*MAKERS, "dead"])
            lines.append((kind, max(ms, 0), f"{log}.{n}"))
        logs.append(lines)
    paths = [told(tmp_path, str(log), lines) for log, lines in enumerate(logs)]
    events, dead = by_heads(logs)
    results = [merged(paths, size) for size in (1, 3, 16, 4096)]
    assert all(result[0] == events for result in results)
    assert all(sorted(result[1]) == sorted(dead) for result in results)
    assert all(result[1] == results[0][1] for result in results)


def test_a_single_log_keeps_its_own_order(tmp_path: Path) -> None:
    path = told(tmp_path, "a", [("login", 9, "1"), ("dead", 0, ""), ("login", 1, "2")])
    assert merged([path], 2) == (["1", "2"], [("a", 2)])


def test_a_broken_log_is_told_after_the_others_were_read(tmp_path: Path) -> None:
    whole = told(tmp_path, "a", [("login", n, f"a{n}") for n in range(5)])
    (tmp_path / "b.gz").write_bytes(b"")
    logs = [Log(str(tmp_path / "b.gz")), Log(str(whole))]
    events = []
    with pytest.raises(LogError, match=r"b\.gz: is cut short"):
        for chunk in chunks(logs, Decoder(Ids(), TIME_MAX_MS), 2):
            events += [event.event_id for event in chunk.batch.events]
    assert events == [f"a{n}" for n in range(5)]
    for log in logs:
        log.close()
