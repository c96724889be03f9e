"""What happened around alerts: the events of the log that a run read, if it still is that log."""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from detector.decode import Decoder
from detector.ids import Ids
from detector.schema import Event
from streams.explain_values import Told, say
from streams.logs import STDIN, Log, LogError

AROUND_MS: Final = 24 * 3_600_000
ROWS_MAX: Final = 64
BATCH_LINES: Final = 4096
Take = Callable[[Event], None]


@dataclass(slots=True)
class Timeline:
    """What is gathered for one alert: its evidence, and its account's events about its time."""

    account_id: str | None
    first_ms: int
    last_ms: int
    evidence: frozenset[str]
    found: dict[str, Event] = field(default_factory=dict)  # by id: a repeat changes nothing

    @classmethod
    def of(cls, revisions: Sequence[Mapping[str, Any]]) -> Timeline:
        """That of an alert's revisions."""
        times = [revision["occurred_at"] for revision in revisions]
        evidence = {name for revision in revisions for name in revision["evidence"]}
        evidence |= {revision["trigger_event_id"] for revision in revisions}
        return cls(revisions[-1]["account_id"], min(times), max(times), frozenset(evidence))

    @property
    def names(self) -> frozenset[str]:
        """The ids of which an event must carry one, as its own or its account's, to be kept."""
        return self.evidence if self.account_id is None else self.evidence | {self.account_id}

    def take(self, event: Event) -> None:
        """Keep the event if it may be shown."""
        own = self.account_id is not None and event.account_id == self.account_id
        in_time = event.occurred_at <= self.last_ms + AROUND_MS
        if event.event_id in self.evidence or (own and in_time):
            self.found.setdefault(event.event_id, event)

    def span(self) -> tuple[int, int]:
        """From a day before the first trigger, or the first evidence, to a day after the last."""
        evidence = [e.occurred_at for name, e in self.found.items() if name in self.evidence]
        return min([self.first_ms - AROUND_MS, *evidence]), self.last_ms + AROUND_MS

    def rows(self, most: int = ROWS_MAX) -> tuple[list[Event], int]:
        """The events by time, evidence first where they are too many; and how many are left out."""
        begin, end = self.span()
        known = [e for name, e in self.found.items()
                 if name in self.evidence or begin <= e.occurred_at <= end]  # fmt: skip
        known.sort(key=self._rank)
        shown = sorted(known[:most], key=lambda event: event.occurred_at)
        return shown, len(known) - len(shown)

    def _rank(self, event: Event) -> tuple[bool, int]:
        nearest = min(abs(event.occurred_at - ms) for ms in (self.first_ms, self.last_ms))
        return event.event_id not in self.evidence, nearest


def sharing(timelines: Sequence[Timeline]) -> Take:
    """One taker for many timelines: each event is shown only to those that it may be for."""
    wanted: dict[str | None, list[Timeline]] = defaultdict(list)
    for timeline in timelines:
        for name in timeline.names:
            wanted[name].append(timeline)

    def take(event: Event) -> None:
        for name in (event.event_id, event.account_id):
            for timeline in wanted.get(name, ()):
                timeline.take(event)

    return take


def scan(
    summary: Mapping[str, Any], given: Sequence[str], takes: Sequence[Take],
    names: Collection[str] | None = None,
) -> Told | None:  # fmt: skip
    """Show the events of the run's logs (or of those given in their place) to each of `takes`.

    With `names`, only lines that may hold one of these ids are looked into. What is returned says
    why the events are not to be relied on: a log is gone, has changed, or was not read to its end.
    """
    inputs = summary["inputs"]
    hashes = {told["sha256"] for told in inputs}
    may_hold = _holder(names)
    decoder = Decoder(Ids(), summary["as_of"])  # as the run had it: a dead letter is no event
    for name in given or [told["file"] for told in inputs]:
        if name == STDIN:
            return say("log_gone", log=name)
        try:
            with contextlib.closing(Log(name)) as log:
                for batch in log.batches(BATCH_LINES):
                    held = [line for line in batch.lines if may_hold(line)]
                    for event in decoder.decode(held).events if held else ():
                        for take in takes:
                            take(event)
        except LogError:
            return say("log_gone", log=name)
        if None in hashes:
            return say("log_unsure", log=name)
        if log.sha256 not in hashes:
            return say("log_changed", log=name)
    return None


def _holder(names: Collection[str] | None) -> Callable[[bytes], Any]:
    """Whether a line may hold one of the ids: as it is, or behind an escape."""
    if names is None:
        return lambda line: True
    wanted = [re.escape(name.encode("utf-8", "surrogatepass")) for name in sorted(names)]
    return re.compile(b"|".join([*wanted, rb"\\"])).search
