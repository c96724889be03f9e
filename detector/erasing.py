"""An account erased from one stage: its row at its own, its traces in other entities at the later.

Of the account stage everything of the account goes. A later stage's entities lose their familiar
entry of it and its events in their rings; alerts lose the triggers and the evidence that it gave,
and go where nothing else is left. Counts that name nobody (openings, minutes) stay.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detector.alert_book import AlertBook
from detector.alerts import Alert, Trigger
from detector.events import ACCOUNT, CODE, ID, NAMELESS_BIT
from detector.ids import Ids
from detector.jit import allocating, compiled
from detector.memory import CLOCK_PENDING_ACCOUNT, Memory
from detector.places import copy_row, rows_of
from detector.ring import at, number_bit
from detector.subjects import Subjects


def events_of_row(m: Memory, key: int) -> set[int]:
    """Hashes of the events that an account's row holds, put-away draws included."""
    row = int(rows_of(m.table, np.array([key], np.int64))[0])
    if row < 0:
        return set()
    r = m.rows[row]
    places = (r["head"] + np.arange(r["count"])) & (int(r["ring_size"]) - 1)
    held = m.slots[r["ring_at"] + places, ID].tolist()
    return {*held, *m.put_away[r["put_away_at"] :][: r["put_away_count"], 0].tolist()}


def events_elsewhere(
    m: Memory, account: int, oldest_ms: int
) -> tuple[set[int], NDArray[np.int64]]:  # fmt: skip
    """Take an account's events and familiar entries out of the memory of a later stage.

    `oldest_ms`: nobody can ask for the names of older events any more (ring.unname). Gives the
    hashes of the events, and the keys of the entities that held anything.
    """
    events, keys = _take_out(m, account, oldest_ms)
    return set(events.tolist()), keys


@allocating
def _take_out(
    m: Memory, account: int, oldest_ms: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:  # fmt: skip
    total = 0
    for row in range(m.used[0]):
        total += m.rows[row].count
    events, keys = np.empty(total, np.int64), np.empty(m.used[0], np.int64)
    n_events, n_keys = 0, 0
    for row in range(m.used[0]):
        r = m.rows[row]
        was = n_events
        for j in range(r.count):
            s = at(r, j)
            if m.slots[s, m.place[ACCOUNT]] == account:
                events[n_events] = m.slots[s, 1]
                n_events += 1
        if _clean(m, row, account, oldest_ms) or n_events > was:
            keys[n_keys] = r.key
            n_keys += 1
    return events[:n_events].copy(), keys[:n_keys].copy()


@compiled
def _clean(m: Memory, row: int, account: int, oldest_ms: int) -> bool:
    """Close the ring and the familiar set of an entity over an account; whether it was familiar."""
    r = m.rows[row]
    kept = 0
    for j in range(r.count):
        if m.slots[at(r, j), m.place[ACCOUNT]] == account:
            continue
        if kept < j:
            copy_row(m.slots, at(r, j), at(r, kept))
            m.told[at(r, kept)] = m.told[at(r, j)]
            if m.slots[at(r, kept), 0] < oldest_ms:
                m.slots[at(r, kept), CODE] |= NAMELESS_BIT  # whoever still remembers them
            r.changed |= number_bit(r, kept)
        kept += 1
    r.count = kept
    kept, known = 0, r.familiar_count
    for k in range(r.familiar_at, r.familiar_at + known):
        if m.familiar[k, 0] != account:
            copy_row(m.familiar, k, r.familiar_at + kept)
            kept += 1
    r.familiar_count = kept
    was_familiar: bool = kept < known
    return was_familiar


def erase_pending(m: Memory, account: int) -> None:
    """Let the event that waits to move the clock be nobody's, if it is this account's (law 3)."""
    if m.clock[CLOCK_PENDING_ACCOUNT] == account:
        m.clock[CLOCK_PENDING_ACCOUNT] = 0


def erase_names(subjects: Subjects, account: int, events: Collection[int]) -> None:
    """Forget the names of an account and of these events of it."""
    subjects.account_names.drop({account})
    subjects.event_names.drop(set(events))


def erase_alerts(
    book: AlertBook, account: int, events: Collection[int], ids: Ids
) -> None:  # fmt: skip
    """Take what an account gave out of all alerts of a book: `events` are hashes.

    Evidence is told by name, and may be older than any name that is remembered: `ids` hashes it.
    """
    for key, shelf in list(book.shelves.items()):
        for alert in list(shelf.alerts.values()):
            before = _size(alert)
            is_about = _is_about(alert, account, events, ids)
            if is_about:
                shelf.remove(alert)
            if is_about or _size(alert) != before or alert.first.account == 0:
                book.mark(key, alert.alert_id)
        beside = shelf.beside
        shelf.stood = {
            (scope, event): told for (scope, event), told in shelf.stood.items()
            if event not in events
        }  # fmt: skip
        shelf.withdrawing = {
            (typology, event): at_ms for (typology, event), at_ms in shelf.withdrawing.items()
            if event not in events
        }  # fmt: skip
        if shelf.beside != beside:
            book.mark(key)
        if not shelf.size:
            del book.shelves[key]


def _size(alert: Alert) -> tuple[int, int]:
    triggers = alert.triggers.values()
    evidence = sum(len(hit.evidence) for one in triggers for hit in one.hits.values())
    return len(triggers), evidence


def _is_about(
    alert: Alert, account: int, events: Collection[int], ids: Ids
) -> bool:  # fmt: skip
    """Take an account out of an alert; whether nothing is left of it then."""
    if alert.scope.entity_kind == "account" and alert.scope.entity == account:
        return True
    had = bool(alert.triggers)
    alert.triggers = {
        event: _without(trigger, events, ids) for event, trigger in alert.triggers.items()
        if trigger.subject.account != account and event not in events
    }  # fmt: skip
    if had and not alert.triggers:
        return True
    if alert.first.account == account:
        if not alert.triggers:
            return True
        alert.first = replace(alert.first, event=0, event_id="", account=0, account_id="")
    return False


def _without(trigger: Trigger, events: Collection[int], ids: Ids) -> Trigger:
    hits = {
        rule: replace(
            hit, evidence=tuple(name for name in hit.evidence if ids.hash(name) not in events)
        )
        for rule, hit in trigger.hits.items()
    }
    return Trigger(trigger.subject, hits)
