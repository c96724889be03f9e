"""The events of a batch as subjects of alerts, with the names that outputs need."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detector.alerts import Subject
from detector.events import (
    ACCOUNT,
    AMOUNT,
    CODE,
    ID,
    KEYS_OF_ENTITY,
    KIND_MASK,
    NULL_INT,
    T,
    currency_of,
)  # fmt: skip
from detector.ids import Ids
from detector.names import Names
from detector.schema import Disbursement, Disposition, Event, Login


class Subjects:
    """Names the events that alerts speak of: those of the batch in hand, and recent ones."""

    def __init__(self, ids: Ids, payout_after_ms: int, *, tells_logins: bool) -> None:
        """`tells_logins`: entities of log-ins may be asked for after their batch."""
        self._ids = ids
        self._payout_after_ms = payout_after_ms
        self._tells_logins = tells_logins
        self.event_names = Names()
        self.account_names = Names()
        self.entity_names = Names()  # of devices, networks, payees
        self._events: Sequence[Event] = ()
        self._words: NDArray[np.int64] = np.empty((0, 0), np.int64)

    def take(self, events: Sequence[Event], words: NDArray[np.int64]) -> None:
        """Take a batch in hand: its events are rows of `words`."""
        self._events, self._words = events, words
        times = words[:, T]
        self.event_names.tell(times, words[:, ID], [event.event_id for event in events])
        self.account_names.tell(
            times, words[:, ACCOUNT], [event.account_id or "" for event in events]
        )
        told = [
            (row, event) for row, event in enumerate(events)
            if isinstance(event, Disbursement) or (self._tells_logins and isinstance(event, Login))
        ]  # fmt: skip
        rows = np.array([row for row, _ in told], np.int64)
        for kind, word in KEYS_OF_ENTITY.items():
            if kind != "account":
                names = [self._name(kind, event) for _, event in told]
                self.entity_names.tell(times[rows], words[rows, word], names)

    def forget_before(self, at_ms: int) -> None:
        """Drop names that nothing can ask for any more."""
        self.event_names.forget_before(at_ms)
        self.account_names.forget_before(at_ms)
        self.entity_names.forget_before(at_ms)

    def own(self, row: int) -> Subject:
        """The subject of a batch row."""
        event = self._events[row]
        return self._subject(self._words[row], event.event_id, event.account_id or "")

    def again(self, words: NDArray[np.int64], row: int) -> Subject:
        """The subject of an event that is judged again because of a batch row."""
        event_id = self.event_names.of(int(words[ID]))
        account = int(words[ACCOUNT])
        if account == int(self._words[row, ACCOUNT]):
            return self._subject(words, event_id, self._events[row].account_id or "")
        return self._subject(words, event_id, self.account_names.of(account))

    def entity_name(self, kind: str, subject: Subject, words: NDArray[np.int64], row: int) -> str:
        """The id of an entity of the subject, which a batch row made be judged."""
        if kind == "account":
            return subject.account_id
        word = KEYS_OF_ENTITY[kind]
        event = self._events[row]
        if words[word] == self._words[row, word] and not isinstance(event, Disposition):
            return self._name(kind, event)
        return self.entity_names.of(int(words[word]))

    def _name(self, kind: str, event: Event) -> str:
        """The id of an event's device, network or payee; "" where it carries none."""
        if kind == "network":
            ip: str | None = getattr(event, "ip", None)
            named = None if ip is None else self._ids.network(ip)
            return "" if named is None else named[0]
        name: str | None = getattr(event, f"{kind}_id", None)
        return name or ""

    def _subject(self, words: NDArray[np.int64], event_id: str, account_id: str) -> Subject:
        kind = int(words[CODE]) & KIND_MASK
        is_draw = 8 <= kind < 16
        amount = int(words[AMOUNT])
        told = 8 <= kind < 32 and amount != NULL_INT  # of a debit: what it took
        asked = kind in (8, 12)
        act_by = int(words[T]) + (self._payout_after_ms if asked else 0)
        return Subject(
            event=int(words[ID]),
            event_id=event_id,
            account=int(words[ACCOUNT]),
            account_id=account_id,
            occurred_at_ms=int(words[T]),
            amount_minor=amount if told else None,
            currency=currency_of(int(words[CODE])) if told else None,
            act_by_ms=act_by if is_draw else None,
        )
