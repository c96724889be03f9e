"""The owner of a stage's arrays: makes them, grows them between walks, tells their size."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detector.events import WORDS
from detector.memory import (
    ACCOUNT_SLOT,
    ACCOUNTS_MAX,
    CLASSES,
    ENTITY_SLOT,
    EVICTED_EVENTS,
    MINUTES,
    NOT_YET,
    POPULATION_HOURS,
    POPULATION_MINUTES,
    PUT_AWAY_MAX,
    PUT_AWAY_WORDS,
    RING_MAX,
    ROW,
    TURN,
    Memory,
)  # fmt: skip
from detector.places import enter_all, give_back_all

DROP_SHARE: Final = 0.05  # of the entities: fewer are not worth the copy
SPARE: Final = 1.125  # what a store is made for, with room for what comes next


class Store:
    """Owner of one stage's arrays."""

    def __init__(self, stage: str, rows: int = 1024) -> None:
        self.stage = stage
        self._dropped: list[tuple[int, int]] | None = None  # None: nobody asks for changes
        is_account = stage == "account"
        slot = ACCOUNT_SLOT if is_account else ENTITY_SLOT
        place = np.full(len(WORDS), -1, np.int64)
        place[list(slot)] = np.arange(len(slot))
        minutes = rows if stage in ("device", "network") else 0
        population = is_account
        self.memory = Memory(
            rows=np.zeros(rows, ROW),
            table=np.zeros((_power_of_two(2 * rows), 2), np.int64),
            slots=np.empty((rows * 8, len(slot)), np.int64),
            told=np.zeros(rows * 8, np.int64),
            familiar=np.empty((rows * 4, 2 if is_account else 4), np.int64),
            put_away=np.empty((64 * PUT_AWAY_MAX if is_account else 0, PUT_AWAY_WORDS), np.int64),
            minutes=np.zeros((minutes, MINUTES, 2), np.uint32),
            population_minutes=np.zeros((POPULATION_MINUTES if population else 0, 2), np.int64),
            population_hours=np.zeros((POPULATION_HOURS if population else 0, 2), np.int64),
            carried=np.zeros((5, 5), np.int64),
            free=np.full((2, CLASSES), -1, np.int64),
            used=np.zeros(8, np.int64),
            clock=np.full(10, NOT_YET, np.int64),
            place=place,
            keep=np.array(slot, np.int64),
        )
        self.memory.clock[TURN] = 0

    def make_room(self) -> None:
        """Grow whatever could not take one more event (see `has_room` in ring.py)."""
        m = self.memory
        rows, slots, familiar, blocks = (int(x) for x in m.used[:4])
        if rows + 1 >= len(m.rows):
            size = len(m.rows) * 2
            kept = len(m.minutes) > 0
            m = m._replace(
                rows=_grown(m.rows, size), minutes=_grown(m.minutes, size if kept else 0)
            )
        if 2 * (rows + 1) >= len(m.table):
            m = m._replace(table=_rehashed(m.rows[:rows]["key"], len(m.table) * 2))
        if slots + RING_MAX >= len(m.slots):
            size = len(m.slots) * 3 // 2 + RING_MAX
            m = m._replace(slots=_grown(m.slots, size), told=_grown(m.told, size))
        if familiar + ACCOUNTS_MAX >= len(m.familiar):
            m = m._replace(familiar=_grown(m.familiar, len(m.familiar) * 3 // 2 + ACCOUNTS_MAX))
        if len(m.put_away) and (blocks + 1) * PUT_AWAY_MAX >= len(m.put_away):
            m = m._replace(put_away=_grown(m.put_away, len(m.put_away) * 2))
        self.memory = m

    def reserve(self, rows: int, slots: int, familiar: int, blocks: int) -> None:
        """Make the arrays of an empty store large enough for so many of each, and some more."""
        m = self.memory
        assert m.used[0] == 0, "a store that holds something grows by itself"
        size = max(len(m.rows), int(rows * SPARE) + 2)
        pool = max(len(m.slots), int(slots * SPARE) + RING_MAX + 1)
        known = max(len(m.familiar), int(familiar * SPARE) + ACCOUNTS_MAX + 1)
        away = max(len(m.put_away), (int(blocks * SPARE) + 2) * PUT_AWAY_MAX)
        self.memory = m._replace(
            rows=_grown(m.rows, size),
            minutes=_grown(m.minutes, size if len(m.minutes) else 0),
            table=np.zeros((_power_of_two(2 * (size + 1)), 2), np.int64),
            slots=_grown(m.slots, pool),
            told=_grown(m.told, pool),
            familiar=_grown(m.familiar, known),
            put_away=_grown(m.put_away, away if len(m.put_away) else 0),
        )

    def take_evicted(self) -> NDArray[np.int64]:
        """Events and familiar entries that full rings and sets evicted since this was last asked;
        what is too old, and so forgotten, is not among them."""
        of_room = self.memory.used[EVICTED_EVENTS:]
        evicted = of_room.copy()
        of_room[:] = 0
        return evicted

    def take_dropped(self) -> list[tuple[int, int]]:
        """Keys of what was dropped since this was last asked, and the slots that were written."""
        dropped, self._dropped = self._dropped, []
        return dropped or []

    def drop_before(self, horizon_ms: int) -> int:
        """Drop entities that nothing reached since the horizon, where they are many; how many.

        Whoever of them comes back would begin anew anyway (law 28): nothing that is said changes.
        """
        m = self.memory
        known = int(m.used[0])
        is_kept = m.rows["newest_ms"][:known] >= horizon_ms
        dropped = known - int(is_kept.sum())
        if dropped <= known * DROP_SHARE:
            return 0
        self._keep(is_kept)
        return dropped

    def drop(self, key: int) -> None:
        """Drop one entity."""
        self._keep(self.memory.rows["key"][: self.memory.used[0]] != key)

    def _keep(self, is_kept: NDArray[np.bool_]) -> None:
        m = self.memory
        known = len(is_kept)
        for r in m.rows[:known][~is_kept]:
            give_back_all(m, r)
            if self._dropped is not None:
                self._dropped.append((int(r["key"]), int(r["kept"])))
        kept = np.flatnonzero(is_kept)
        rows = np.zeros(len(m.rows), ROW)
        rows[: len(kept)] = m.rows[kept]
        put_away = np.empty_like(m.put_away)
        blocks = np.flatnonzero(rows["put_away_at"][: len(kept)] >= 0)
        for block, row in enumerate(blocks.tolist()):
            at = int(rows["put_away_at"][row])
            put_away[block * PUT_AWAY_MAX :][:PUT_AWAY_MAX] = m.put_away[at : at + PUT_AWAY_MAX]
            rows["put_away_at"][row] = block * PUT_AWAY_MAX
        minutes = np.zeros_like(m.minutes)
        if len(minutes):
            minutes[: len(kept)] = m.minutes[kept]
        m.used[0], m.used[3] = len(kept), len(blocks)
        table = _rehashed(rows["key"][: len(kept)], len(m.table))
        self.memory = m._replace(rows=rows, put_away=put_away, minutes=minutes, table=table)

    @property
    def entities(self) -> int:
        """How many entities this stage remembers."""
        return int(self.memory.used[0])

    @property
    def bytes_used(self) -> int:
        """Bytes that entities hold: rows, segments, places in the table (not what was freed)."""
        m = self.memory
        rows, slots, familiar, blocks, free_slots, free_familiar = (int(x) for x in m.used[:6])
        per_row = ROW.itemsize + 2 * m.table.itemsize * m.table.shape[1]
        if len(m.minutes):
            per_row += m.minutes.itemsize * MINUTES * 2
        held: int = (
            rows * per_row
            + (slots - free_slots) * m.slots.itemsize * m.slots.shape[1]
            + (familiar - free_familiar) * m.familiar.itemsize * m.familiar.shape[1]
            + blocks * PUT_AWAY_MAX * PUT_AWAY_WORDS * m.put_away.itemsize
        )
        return held


def _power_of_two(at_least: int) -> int:
    return 1 << max(4, (at_least - 1).bit_length())


def _grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    grown = np.zeros((size, *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown


def _rehashed(keys: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    table = np.zeros((size, 2), np.int64)
    enter_all(table, keys)
    return table
