"""Stories of instalments that fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streams.simulate import shapes
from streams.simulate.instalments import DUE_HOUR, LATER_STATES, OVERDUE_AFTER_MS
from streams.simulate.scene import Scene, Script
from streams.simulate.world import DAY_MS, HOUR_MS, START_MS, Borrower


@dataclass(slots=True)
class Instalment:
    """One obligation of one borrower, due on `day`."""

    scene: Scene
    who: Borrower
    day: int
    owed: int
    obligation_id: str

    def step(
        self, at: int, outcome: str, debited: int = 0, attempt: int = 1, **more: int | str
    ) -> str:
        """Tells one step; gives its event id. `more`: other fields of the event."""
        due_at = START_MS + self.day * DAY_MS + DUE_HOUR * HOUR_MS
        event_id = self.scene.log.next_id()
        obligation = (self.obligation_id, *self.who.obligation)
        balance = debited if outcome in ("insufficient_balance", "partial") else None
        words = (obligation, self.owed, debited, outcome, attempt)
        dates = (due_at, due_at + OVERDUE_AFTER_MS)
        told: dict[str, Any] = {"available_balance_minor": balance, **more}
        self.scene.log.tell(shapes.auto_debit(event_id, self.who.who, at, *words, *dates, **told))
        return event_id


def instalment(scene: Scene, who: Borrower, day: int, ahead: int = 1) -> Instalment:
    """An instalment due on `day`, scheduled in the morning `ahead` days before."""
    owed = who.usual_minor // 200 * 100
    item = Instalment(scene, who, day, owed, scene.world.token("o"))
    item.step(scene.at(day - ahead, 7, 30), "scheduled", attempt=0)
    return item


def failed_and_cured(scene: Scene) -> Script:
    """Short of balance, then paid; in parts; and one still open when the log ends."""
    day = scene.opening_day()
    yield day
    cured, parts, open_still = scene.cast(day, 3, draws=1, room=0.2)
    at = scene.at(day + 1, 9)
    item = instalment(scene, cured, day + 1)
    events = [item.step(at, "insufficient_balance")]
    events.append(item.step(at + DAY_MS, "success", item.owed, 2))
    found(scene, cured, item, at, events, "paid a day later", "resolved", at + DAY_MS)

    item = instalment(scene, parts, day + 1)
    events = [item.step(at, "partial", item.owed // 2)]
    events.append(item.step(at + DAY_MS, "partial", item.owed // 4, 2))
    rest = item.owed - item.owed // 2 - item.owed // 4
    events.append(item.step(at + 44 * HOUR_MS, "success", rest, 3))
    found(scene, parts, item, at, events, "paid in three parts", "resolved", at + 44 * HOUR_MS)

    last = scene.world.days - 1
    yield last - 1
    item = instalment(scene, open_still, last)
    at = scene.at(last, 10)
    events = [item.step(at, "insufficient_balance")]
    found(scene, open_still, item, at, events, "unpaid when the log ends", "open", at)


def near_misses(scene: Scene) -> Script:
    """The rail's own error, then success; and a plain success."""
    day = scene.opening_day()
    yield day
    for who, slips in zip(scene.cast(day, 2, draws=1, room=0.2), (True, False), strict=True):
        item, at = instalment(scene, who, day + 1), scene.at(day + 1, 11)
        events = [item.step(at, "channel_error")] if slips else []
        events.append(item.step(at + 2 * HOUR_MS, "success", item.owed, 2 if slips else 1))
        note = "the rail's error, not the borrower's" if slips else "paid at once"
        scene.near_miss(
            "debit_failed", ("account", who.account), who.account, (at, at + 2 * HOUR_MS),
            events, f"obligation {item.obligation_id}: {note}",
        )  # fmt: skip


def found(
    scene: Scene,
    who: Borrower,
    item: Instalment,
    at: int,
    events: list[str],
    note: str,
    status: str,
    by: int,
) -> None:
    entity, text = ("account", who.account), f"obligation {item.obligation_id}: {note}"
    found = (entity, who.account, "low", at, events, text, status, by)
    scene.expect("debit_failed", *found, also=LATER_STATES)
