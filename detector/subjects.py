"""The events of a batch as subjects of alerts, with the names that outputs need."""

from __future__ import annotations

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
from detector.names import Names
from detector.told import Told


class Subjects:
    """Names the events that alerts speak of: those of the batch in hand, and recent ones."""

    def __init__(self, payout_after_ms: int, *, tells_logins: bool) -> None:
        """`tells_logins`: entities of log-ins may be asked for after their batch."""
        self._payout_after_ms = payout_after_ms
        self._tells_logins = tells_logins
        self.event_names = Names()
        self.account_names = Names()
        self.entity_names = Names()  # of devices, networks, payees
        self._told: Told | None = None
        self._words: NDArray[np.int64] = np.empty((0, 0), np.int64)

    def take(self, told: Told, words: NDArray[np.int64]) -> None:
        """Take a batch in hand: what its rows, `words`, tell by name."""
        self._told, self._words = told, words
        newest_ms = int(words[:, T].max())
        self.event_names.tell(newest_ms, words[:, ID], told.event_ids)
        self.account_names.tell(newest_ms, words[:, ACCOUNT], told.account_ids)
        rows = np.flatnonzero(self.are_asked_for(words[:, CODE] & KIND_MASK))
        for kind, word in KEYS_OF_ENTITY.items():
            if kind != "account":
                names = told.entities(kind, rows.tolist())
                self.entity_names.tell(newest_ms, words[rows, word], names)

    def let_go(self) -> None:
        """Let go of the batch in hand."""
        self._told = None

    def are_asked_for(self, kinds: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Of which kinds of events the entities' names may be asked for after their batch."""
        asked_for = (kinds >= 8) & (kinds < 16)
        return asked_for | (kinds < 2) if self._tells_logins else asked_for

    def names_of(self, word: int) -> Names:
        """Where the names of a word's hashes are."""
        if word == ID:
            return self.event_names
        return self.account_names if word == ACCOUNT else self.entity_names

    def name_of(self, word: int, value: int) -> str:
        """The name of a hash; "" where there is none or nobody can ask for it any more."""
        try:
            return self.names_of(word).of(value) if value else ""
        except KeyError:
            return ""

    def forget_before(self, at_ms: int) -> None:
        """Drop names that nothing can ask for any more."""
        self.event_names.forget_before(at_ms)
        self.account_names.forget_before(at_ms)
        self.entity_names.forget_before(at_ms)

    def own(self, row: int) -> Subject:
        """The subject of a batch row."""
        told = self._in_hand
        return self._subject(self._words[row], told.event_ids[row], told.account_ids[row])

    def again(self, words: NDArray[np.int64], row: int) -> Subject:
        """The subject of an event that is judged again because of a batch row."""
        event_id = self.event_names.of(int(words[ID]))
        account = int(words[ACCOUNT])
        if account == int(self._words[row, ACCOUNT]):
            return self._subject(words, event_id, self._in_hand.account_ids[row])
        return self._subject(words, event_id, self.account_names.of(account))

    def entity_name(self, kind: str, subject: Subject, words: NDArray[np.int64], row: int) -> str:
        """The id of an entity of the subject, which a batch row made be judged."""
        if kind == "account":
            return subject.account_id
        word = KEYS_OF_ENTITY[kind]
        name = self._in_hand.entity(kind, row)
        if words[word] == self._words[row, word] and name is not None:
            return name
        return self.entity_names.of(int(words[word]))

    @property
    def _in_hand(self) -> Told:
        assert self._told is not None, "no batch was taken"
        return self._told

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
