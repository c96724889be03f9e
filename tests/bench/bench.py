"""`make bench`: what a replay costs, beside `orjson.loads` over the same lines on the same machine.

Everything is printed as a table and as JSON. What is compared is run in turns within one process,
so that a slow moment of the machine hits both; the median of five turns counts.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from rich.console import Console
from rich.table import Table

from detector.decode import Decoder
from detector.engine import Engine
from detector.events import TIME_MAX_MS
from detector.ids import Ids
from detector.policy import Policy, load_policy
from detector.rulebook import Rulebook, load_rulebook
from streams.logs import Lines, Log
from streams.merging import letters_of
from streams.outputs import OutputFiles
from streams.replay import Options, replay
from streams.simulate.bulk import write_bulk

EVENTS, ACCOUNTS = 1_000_000, 100_000
SHORT_EVENTS, SHORT_ACCOUNTS = 60_000, 6_000
BATCHES = (64, 512, 4096)
TURNS, SHORT_TURNS = 5, 3
FEW, MANY = 10_000, 1_000_000  # accounts, for the cost of a large memory
WARM_SHARE = 0.5  # of the log is played before the clock is started
STEPS_NAMED = ("read", "decode", "account", "device", "network", "payee", "fold", "decide", "write")


class Clock:
    """Seconds by step: each step ends when it is named."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._at = time.perf_counter()

    def start(self) -> None:
        self._at = time.perf_counter()

    def ended(self, step: str) -> None:
        now = time.perf_counter()
        self.seconds[step] += now - self._at
        self._at = now


def lines_of(path: Path, size: int) -> Iterator[Lines]:
    log = Log(str(path))
    yield from log.batches(size)
    log.close()


def loads_seconds(path: Path) -> float:
    """Seconds of orjson.loads over every line, the lines being there already."""
    lines = [line for batch in lines_of(path, 1 << 20) for line in batch.lines]
    gc.collect()
    began = time.perf_counter()
    for line in lines:
        orjson.loads(line)
    return time.perf_counter() - began


def replay_seconds(path: Path, out: Path, batch: int) -> float:
    """Seconds of the whole of a replay, from the file to the files."""
    gc.collect()
    outcome = replay(Options([str(path)], out, as_of_ms=TIME_MAX_MS, batch_lines=batch))
    return float(outcome.summary["wall_seconds"])


def ratio(path: Path, folder: Path, turns: int) -> dict[str, Any]:
    """The whole replay beside orjson.loads over the same lines, in turns."""
    pairs = [
        (replay_seconds(path, folder / "out", BATCHES[-1]), loads_seconds(path))
        for _ in range(turns)
    ]
    whole, loads = (statistics.median(column) for column in zip(*pairs, strict=True))
    quotient = statistics.median(one / other for one, other in pairs)
    return {"replay_seconds": whole, "orjson_seconds": loads, "ratio": quotient}


def steps(path: Path, folder: Path, book: tuple[Rulebook, Policy], size: int) -> dict[str, float]:
    """Microseconds an event of each step of a replay on one thread."""
    ids, clock = Ids(), Clock()
    decoder = Decoder(ids, TIME_MAX_MS)
    engine = Engine(*book, ids, timer=clock.ended)
    outputs = OutputFiles(folder / "steps")
    events = 0
    clock.start()
    for lines in lines_of(path, size):
        clock.ended("read")
        batch = decoder.decode(lines.lines)
        clock.ended("decode")
        found = engine.process(batch)
        clock.ended("decide")
        outputs.write(
            found.alerts, found.decisions, found.findings,
            letters_of("log", lines, batch, np.zeros(len(batch.events) + 1, np.int64)),
        )  # fmt: skip
        clock.ended("write")
        events += len(batch.events)
    outputs.finish({})
    outputs.close()
    return {step: 1e6 * seconds / events for step, seconds in clock.seconds.items()}


def memory_of(path: Path) -> dict[str, Any]:
    """Peak memory of a replay in a process of its own, and bytes a tracked key."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "streams.cli", "replay", "--log", str(path), "--json",
                   "--out", out, "--as-of", str(TIME_MAX_MS)]  # fmt: skip
        told = subprocess.run(command, capture_output=True, check=True)
    summary = orjson.loads(told.stdout)
    memory = summary["memory"]
    return {
        "peak_bytes": summary["peak_memory_bytes"],
        "bytes_per_key": {
            stage: round(memory["bytes"][stage] / max(1, count))
            for stage, count in memory["entities"].items()
        },
    }


def warm_cost(path: Path, book: tuple[Rulebook, Policy]) -> float:
    """Microseconds an event of decoding and engine, once the memory is full."""
    ids = Ids()
    decoder, engine = Decoder(ids, TIME_MAX_MS), Engine(*book, ids)
    batches = list(lines_of(path, BATCHES[-1]))
    warm = int(len(batches) * WARM_SHARE)
    for lines in batches[:warm]:
        engine.process(decoder.decode(lines.lines))
    gc.collect()
    began, events = time.perf_counter(), 0
    for lines in batches[warm:]:
        engine.process(decoder.decode(lines.lines))
        events += len(lines.lines)
    return 1e6 * (time.perf_counter() - began) / events


def accounts_ratio(folder: Path, book: tuple[Rulebook, Policy], events: int) -> dict[str, Any]:
    """What an event costs with a million accounts in memory, beside ten thousand."""
    costs = {}
    for accounts in (FEW, MANY):
        path = folder / f"accounts-{accounts}.jsonl"
        write_bulk(path, events, accounts, seed=2)
        costs[accounts] = warm_cost(path, book)
        path.unlink()
    return {
        "few_accounts": FEW, "many_accounts": MANY,
        "few_us": costs[FEW], "many_us": costs[MANY], "ratio": costs[MANY] / costs[FEW],
    }  # fmt: skip


def measured(events: int, accounts: int, turns: int, large: bool) -> dict[str, Any]:
    """All measurements; `large` adds the one with a million accounts."""
    policy = load_policy()
    book = (load_rulebook(None, policy), policy)
    with tempfile.TemporaryDirectory() as name:
        folder, path = Path(name), Path(name) / "events.jsonl"
        written = write_bulk(path, events, accounts)
        replay_seconds(path, folder / "out", BATCHES[-1])  # compiles, and fills the file cache
        result: dict[str, Any] = {"events": written, "accounts": accounts}
        result |= ratio(path, folder, turns)
        result["events_per_second"] = written / result["replay_seconds"]
        result["steps_us"] = {str(size): steps(path, folder, book, size) for size in BATCHES}
        result["memory"] = memory_of(path)
        if large:
            result["accounts_ratio"] = accounts_ratio(folder, book, 2 * events)
    return result


def show(result: dict[str, Any]) -> None:
    """The table."""
    console = Console(highlight=False)
    console.print(
        f"{result['events']:,} events, {result['accounts']:,} accounts: "
        f"{result['events_per_second']:,.0f} events/s; the whole replay costs "
        f"{result['ratio']:.1f} times orjson.loads "
        f"({result['replay_seconds']:.2f} s to {result['orjson_seconds']:.2f} s)"
    )
    table = Table("step, microseconds an event")
    for size in BATCHES:
        table.add_column(f"batch {size}", justify="right")
    columns = [result["steps_us"][str(size)] for size in BATCHES]
    names = [*STEPS_NAMED, *(name for name in columns[0] if name not in STEPS_NAMED)]
    for step in names:
        table.add_row(step, *(f"{column.get(step, 0):.2f}" for column in columns))
    table.add_row("all", *(f"{sum(column.values()):.2f}" for column in columns), style="bold")
    console.print(table)
    memory = result["memory"]
    keys = ", ".join(f"{stage} {count:,}" for stage, count in memory["bytes_per_key"].items())
    console.print(f"peak memory {memory['peak_bytes'] / 2**20:,.0f} MiB; bytes a key: {keys}")
    if "accounts_ratio" in result:
        large = result["accounts_ratio"]
        console.print(
            f"warm, {MANY:,} accounts cost {large['ratio']:.2f} times {FEW:,} an event "
            f"({large['many_us']:.2f} to {large['few_us']:.2f} microseconds)"
        )


def main() -> None:
    arguments = argparse.ArgumentParser(prog="bench", description=__doc__)
    arguments.add_argument("--short", action="store_true", help="60,000 events")
    arguments.add_argument("--json", metavar="FILE", help="write the figures here too")
    told = arguments.parse_args()
    if told.short:
        result = measured(SHORT_EVENTS, SHORT_ACCOUNTS, SHORT_TURNS, large=False)
    else:
        result = measured(EVENTS, ACCOUNTS, TURNS, large=True)
    show(result)
    text = json.dumps(result, indent=2)
    print(text)
    if told.json:
        Path(told.json).write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
