"""Where simulated events go: a log in the order of arrival, and the truth beside it.

Events may be told in any order within a day; `flush` sorts them by the time at which they arrive
(which is when they happened, unless a story says later), and at equal times as the engine would
merge them. Only the days still open are held in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from detector.events import TYPE_RANK
from streams.simulate.shapes import Event


@dataclass(slots=True)
class Log:
    """The event log: `tell` events, `flush` what arrived before a time."""

    file: BinaryIO
    counts: Counter[str] = field(default_factory=Counter)
    first_ms: int = 0
    last_ms: int = 0
    _told: int = 0
    _ids: int = 0
    _waiting: list[tuple[int, int, int, str, bytes]] = field(default_factory=list)

    def tell(self, event: Event, arrives_at: int | None = None) -> None:
        """Takes one event; `arrives_at` (ms) where it reaches the log later than it happened."""
        kind = event["type"]
        at = event["occurred_at"] if arrives_at is None else arrives_at
        self._told += 1
        self._waiting.append((at, TYPE_RANK[kind], self._told, kind, orjson.dumps(event)))

    def next_id(self) -> str:
        """A fresh event id."""
        self._ids += 1
        return f"e{self._ids:08d}"

    def flush(self, until_ms: int) -> None:
        """Writes, in order of arrival, all that arrives before `until_ms`."""
        self._waiting.sort()
        ready = [entry for entry in self._waiting if entry[0] < until_ms]
        if not ready:
            return
        self._waiting = self._waiting[len(ready) :]
        self.file.write(b"\n".join([entry[4] for entry in ready]) + b"\n")
        self.counts.update(entry[3] for entry in ready)
        self.first_ms = self.first_ms or ready[0][0]
        self.last_ms = ready[-1][0]


@dataclass(slots=True)
class Truth:
    """What a detector should find and what it should leave alone, one record a planted story."""

    lines: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        story: str,
        typology: str,
        entity: tuple[str, str],
        account_id: str | None,
        expect: str,
        between: tuple[int, int],
        event_ids: list[str],
        note: str,
        status: str | None = None,
        severity: str | None = None,
    ) -> None:
        """One expectation; `between` is (from, by) in ms, entity is (kind, id)."""
        line: dict[str, Any] = {
            "story": story,
            "typology": typology,
            "entity": {"kind": entity[0], "id": entity[1]},
            "account_id": account_id,
            "expect": expect,
        }
        if severity is not None:
            line["severity"] = severity
        if status is not None:
            line["status"] = status
        line |= {"from": between[0], "by": between[1], "event_ids": event_ids, "note": note}
        self.lines.append(line)

    def write(self, path: Path) -> None:
        """Writes `truth.jsonl`, by time."""
        self.lines.sort(key=lambda line: (line["from"], line["story"], line["note"]))
        path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in self.lines))


@contextmanager
def open_log(path: Path) -> Iterator[Log]:
    """A log over a new file."""
    with path.open("wb", buffering=1 << 20) as file:
        yield Log(file)
