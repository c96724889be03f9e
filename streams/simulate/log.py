"""Where simulated events go: a log in the order of arrival, and the truth beside it.

Events may be told in any order within a day; `flush` sorts them by the time at which they arrive
(which is when they happened, unless a story or a disturbance says later), and at equal times as the
engine would merge them. Only the days still open are held in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from detector.events import TYPE_RANK
from streams.simulate.disturb import Delays
from streams.simulate.shapes import Event
from streams.simulate.world import Ints

_TYPE_OF_RANK: Final = {rank: kind for kind, rank in TYPE_RANK.items()}


@dataclass(slots=True)
class _Waiting:
    """Events not yet written: when they happened and arrive, their types and their lines."""

    happened: Ints
    arrives: Ints
    rank: Ints
    line: NDArray[Any]

    def part(self, chosen: Any) -> _Waiting:
        return _Waiting(
            self.happened[chosen], self.arrives[chosen], self.rank[chosen], self.line[chosen]
        )


@dataclass(frozen=True, slots=True)
class Mute:
    """A feed of which nothing reaches the log from one time until another (ms, not included)."""

    kind: str
    from_ms: int
    until_ms: int


@dataclass(slots=True)
class Log:
    """The event log: `tell` one event, `block` many, `flush` what arrived before a time."""

    file: BinaryIO
    delays: Delays
    counts: Counter[str] = field(default_factory=Counter)
    first_ms: int = 0
    last_ms: int = 0
    muted: list[Mute] = field(default_factory=list)
    _ids: int = 0
    _told: list[tuple[int, int, int, str]] = field(default_factory=list)
    _blocks: list[_Waiting] = field(default_factory=list)

    def tell(self, event: Event, arrives_at: int | None = None, told: Event | None = None) -> None:
        """Takes one event; `arrives_at` (ms) where it reaches the log later than it happened;
        `told`: what is written in its place."""
        at = event["occurred_at"]
        arrives = at if arrives_at is None else arrives_at
        line = orjson.dumps(event if told is None else told).decode()
        self._told.append((at, arrives, TYPE_RANK[event["type"]], line))

    def block(self, kind: str, times: Ints, lines: Sequence[str]) -> None:
        """Takes many events of one type."""
        text = np.empty(len(lines), object)
        text[:] = lines
        rank = np.full(len(lines), TYPE_RANK[kind])
        self._blocks.append(_Waiting(times, times + self.delays.of(len(lines)), rank, text))

    def next_id(self) -> str:
        """A fresh event id."""
        self._ids += 1
        return f"e{self._ids:08d}"

    def next_ids(self, count: int) -> Ints:
        """The numbers of `count` fresh event ids."""
        self._ids += count
        return np.arange(self._ids - count + 1, self._ids + 1)

    def flush(self, until_ms: int) -> None:
        """Writes, in order of arrival, all that arrives before `until_ms`."""
        waiting = self._gathered()
        ready = waiting.arrives < until_ms
        self._blocks = [waiting.part(~ready)]
        self._write(waiting.part(ready))

    def end(self, end_ms: int) -> None:
        """Writes what is left of all that happened before `end_ms`, and drops the rest."""
        waiting = self._gathered()
        self._blocks = []
        self._write(waiting.part(waiting.happened < end_ms))

    def _gathered(self) -> _Waiting:
        if self._told:
            at, arrives, rank, lines = zip(*self._told, strict=True)
            text = np.empty(len(lines), object)
            text[:] = lines
            when = np.array(arrives, np.int64) + self.delays.of(len(lines))
            self._blocks.append(_Waiting(np.array(at, np.int64), when, np.array(rank), text))
            self._told = []
        if not self._blocks:
            none = np.zeros(0, np.int64)
            return _Waiting(none, none, none, np.empty(0, object))
        return _Waiting(
            np.concatenate([block.happened for block in self._blocks]),
            np.concatenate([block.arrives for block in self._blocks]),
            np.concatenate([block.rank for block in self._blocks]),
            np.concatenate([block.line for block in self._blocks]),
        )

    def _write(self, ready: _Waiting) -> None:
        for mute in self.muted:
            is_lost = ready.rank == TYPE_RANK[mute.kind]
            is_lost &= (mute.from_ms <= ready.happened) & (ready.happened < mute.until_ms)
            ready = ready.part(~is_lost)
        if not len(ready.line):
            return
        order = np.lexsort((ready.rank, ready.arrives))
        lines: list[str] = ready.line[order].tolist()
        lines.append("")
        self.file.write("\n".join(lines).encode())
        ranks, counts = np.unique(ready.rank, return_counts=True)
        for rank, count in zip(ranks.tolist(), counts.tolist(), strict=True):
            self.counts[_TYPE_OF_RANK[rank]] += count
        self.first_ms = self.first_ms or int(ready.arrives[order[0]])
        self.last_ms = int(ready.arrives[order[-1]])


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
        **more: Any,
    ) -> None:
        """One expectation; `between` is (from, by) in ms, entity is (kind, id).

        `more`: severity and status of an alert; `also`, typologies that may speak of the same
        events without being wrong; `amounts`, the money at risk by event. None and empty ones are
        left out.
        """
        line: dict[str, Any] = {
            "story": story,
            "typology": typology,
            "entity": {"kind": entity[0], "id": entity[1]},
            "account_id": account_id,
            "expect": expect,
        }
        line |= {name: value for name, value in more.items() if value}
        line |= {"from": between[0], "by": between[1], "event_ids": event_ids, "note": note}
        self.lines.append(line)

    def write(self, path: Path) -> None:
        """Writes `truth.jsonl`, by time."""
        self.lines.sort(key=lambda line: (line["from"], line["story"], line["note"]))
        path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in self.lines))


@contextmanager
def open_log(path: Path, delays: Delays) -> Iterator[Log]:
    """A log over a new file."""
    with path.open("wb", buffering=1 << 20) as file:
        yield Log(file, delays)
