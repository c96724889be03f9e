"""What the events of a batch tell by name: ids as text, for outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from detector.ids import Ids
from detector.schema import Disbursement, Disposition, Event, Login


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

    def naming(self, *, logins: bool) -> list[int]:
        """The rows whose entities may be asked for after their batch."""
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
        if kind == "network":
            ip: str | None = getattr(event, "ip", None)
            named = None if ip is None else self._ids.network(ip)
            return "" if named is None else named[0]
        name: str | None = getattr(event, f"{kind}_id", None)
        return name or ""

    def naming(self, *, logins: bool) -> list[int]:
        """Disbursements, and log-ins if asked."""
        kinds = (Disbursement, Login) if logins else (Disbursement,)
        return [row for row, event in enumerate(self._events) if isinstance(event, kinds)]
