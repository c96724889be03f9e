"""What the events of a batch tell by name: ids as text, for outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from detector.ids import Ids
from detector.schema import Disposition, Event


class Told(Protocol):
    """The names of a batch's rows. "" where an event carries none."""

    @property
    def event_ids(self) -> Sequence[str]:
        """The event ids, by row."""
        ...

    @property
    def account_ids(self) -> Sequence[str]:
        """The account ids, by row."""
        ...

    def entity(self, kind: str, row: int) -> str | None:
        """The id of a row's device, network or payee; None where it speaks of another event's."""
        ...

    def entities(self, kind: str, rows: Sequence[int]) -> list[str]:
        """The ids of a kind of many rows, none of which speaks of another event."""
        ...


class EventsTold:
    """The names of decoded events."""

    def __init__(self, events: Sequence[Event], ids: Ids) -> None:
        self._events = events
        self._ids = ids
        self.event_ids = [event.event_id for event in events]
        self.account_ids = [event.account_id or "" for event in events]

    def entity(self, kind: str, row: int) -> str | None:
        """The id of a row's entity; None for a disposition."""
        event = self._events[row]
        if isinstance(event, Disposition):
            return None
        return self.entities(kind, [row])[0]

    def entities(self, kind: str, rows: Sequence[int]) -> list[str]:
        """The ids of a kind of many rows."""
        field = "ip" if kind == "network" else f"{kind}_id"
        names: list[str] = [getattr(self._events[row], field, None) or "" for row in rows]
        if kind != "network":
            return names
        networks = {ip: self._ids.network(ip) if ip else None for ip in set(names)}
        cidrs = {ip: "" if named is None else named[0] for ip, named in networks.items()}
        return [cidrs[ip] for ip in names]
