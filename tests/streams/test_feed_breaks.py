"""Broken feeds in a replay, against a slow look at each minute (law 38)."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import orjson
import pytest

from streams.replay import Options, replay
from tests.streams.lines import BASE_MS, login

MINUTE = 60_000
Line = tuple[int, str, bytes]  # when it arrives, what it is, the line


def world(seed: int) -> list[Line]:
    """Log-ins of seven hours; dead letters and missing devices in some spells of them."""
    rng = random.Random(seed)
    dead_from, bare_from = rng.randrange(120, 200), rng.randrange(240, 330)
    lines: list[Line] = []
    for minute in range(420):
        for k in range(rng.randrange(10, 20)):
            at_ms, name = minute * MINUTE + k * 2_000 + 1, f"e{minute}-{k}"
            is_dead = rng.random() < (0.2 if 0 <= minute - dead_from < 25 else 0.01)
            is_bare = rng.random() < (0.8 if 0 <= minute - bare_from < 20 else 0.02)
            account = f"A{rng.randrange(40)}"
            whole = orjson.loads(login(name, at_ms, account_id=account, device_id=account))
            if is_bare:
                del whole["device_id"]
            if is_dead:
                whole["method"] = "telepathy"
            lines.append((at_ms, "dead" if is_dead else "bare" if is_bare else "whole",
                          orjson.dumps(whole)))  # fmt: skip
            if rng.random() < 0.1:  # delivered again
                lines.append((at_ms, "again", rng.choice(lines[-50:])[2]))
    return lines


def slowly(lines: list[Line]) -> list[dict[str, Any]]:
    """What is said of dead letters and of devices, each minute counted anew."""
    newest, arrivals = 0, []
    for at_ms, what, _ in lines:
        if what in ("whole", "bare"):
            newest = max(newest, at_ms)
        if what != "again":
            arrivals.append(((newest + BASE_MS - 1) // MINUTE, what))
    end = max(minute for minute, _ in arrivals)
    said = []
    for cause, word in (("dead_letters", "dead"), ("device_id", "bare")):
        of = [(m, w == word) for m, w in arrivals if word == "dead" or w != "dead"]
        spell: dict[str, Any] | None = None
        for minute in [*sorted({m for m, _ in arrivals if m < end}), end + 100]:
            if spell and minute > spell["newest"] + 30 and spell["newest"] + 30 < end:
                inside = [bad for m, bad in of if spell["began"] <= m <= spell["newest"]]
                told = (spell["newest"] + 31, cause, "resolved", sum(inside), len(inside))
                said.append(told)
                spell = None
            if minute > end:
                break
            window = [bad for m, bad in of if minute - 10 < m <= minute]
            hour = minute // 60 * 60
            past = [bad for m, bad in of if m < hour]
            if cause == "dead_letters":
                broken = len(window) >= 100 and sum(window) >= 0.05 * len(window)
            else:
                usual = len(past) >= 1000 and sum(past) <= 0.1 * len(past)
                broken = len(window) >= 100 and sum(window) >= 0.5 * len(window) and usual
            if broken and spell is None:
                began = min(m for m, _ in arrivals if minute - 10 < m <= minute)
                spell = {"began": began, "newest": minute, "again": 0, "revision": 0}
            if spell is None:
                continue
            spell["newest"] = minute if broken else spell["newest"]
            inside = [bad for m, bad in of if spell["began"] <= m <= minute]
            if sum(inside) >= spell["again"]:
                status = "updated" if spell["revision"] else "open"
                said.append((minute + 1, cause, status, sum(inside), len(inside)))
                spell["revision"] += 1
                spell["again"] = next(p for p in (2**k for k in range(4, 30)) if p > sum(inside))
    return [
        {"at": tick * MINUTE, "cause": cause, "status": status, "share": round(bad / count, 6)}
        for tick, cause, status, bad, count in sorted(said, key=lambda one: one[:2])
    ]


def replayed(lines: list[Line], folder: Path, batch_lines: int) -> list[dict[str, Any]]:
    folder.mkdir()
    log = folder / "log.jsonl"
    log.write_bytes(b"\n".join(line for _, _, line in lines) + b"\n")
    options = Options(
        [str(log)], folder / "out", as_of_ms=BASE_MS + 86_400_000, batch_lines=batch_lines
    )
    assert replay(options).error is None
    text = (folder / "out" / "alerts.jsonl").read_bytes()
    alerts = [orjson.loads(line) for line in text.splitlines()]
    return [
        {key: value for key, value in one.items() if key != "detected_at"}
        for one in alerts if one["typology"] == "feed_broken"
    ]  # fmt: skip


def as_lines(alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The alerts as the slow look writes them."""
    return [
        {"at": one["occurred_at"], "status": one["status"],
         "cause": "device_id" if "device_id" in one["reasons"][1]["text"] else "dead_letters",
         "share": one["reasons"][0]["observed"]}
        for one in alerts
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_a_broken_feed_is_told_as_a_slow_look_tells_it(seed: int, tmp_path: Path) -> None:
    print(f"seed {seed}")
    lines = world(seed)
    expected = slowly(lines)
    assert {(one["cause"], one["status"]) for one in expected} >= {
        ("dead_letters", "open"), ("dead_letters", "updated"), ("dead_letters", "resolved"),
        ("device_id", "open"), ("device_id", "updated"),
    }  # fmt: skip
    assert as_lines(replayed(lines, tmp_path / "one", 4096)) == expected


def test_what_is_said_of_a_feed_does_not_depend_on_batches(tmp_path: Path) -> None:
    lines = world(7)
    whole = replayed(lines, tmp_path / "whole", 100_000)
    assert whole
    for size in (1, 37, 1000):
        assert replayed(lines, tmp_path / str(size), size) == whole


def test_a_redelivered_stretch_is_no_broken_feed(tmp_path: Path) -> None:
    """Nor are its dead letters, though its good lines count nowhere."""
    rng = random.Random(1)
    lines: list[Line] = []
    for n in range(3000):
        at_ms = n * 4_000 + 1
        event = orjson.loads(login(f"e{n}", at_ms, account_id=f"A{rng.randrange(40)}"))
        if n % 50 == 0:
            event["method"] = "telepathy"
        lines.append((at_ms, "", orjson.dumps(event)))
    again = lines[1000:1600] * 3
    assert replayed(lines[:1600] + again + lines[1600:], tmp_path / "again", 512) == []
