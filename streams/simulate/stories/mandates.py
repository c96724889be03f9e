"""Stories of debits that the borrower's mandate or the instalment does not cover."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from streams.simulate.scene import Scene, Script
from streams.simulate.stories.debits import Instalment, found, instalment
from streams.simulate.world import DAY_MS, HOUR_MS, START_MS

Act = Callable[[Instalment, int], Iterator[str]]  # tells the steps, the wrong one last


def _early(item: Instalment, at: int) -> Iterator[str]:
    """Two days before it is due."""
    yield item.step(at - 2 * DAY_MS, "success", item.owed)


def _settled(item: Instalment, at: int) -> Iterator[str]:
    """Taken after it was settled by other means."""
    yield item.step(at, "settled", attempt=0)
    yield item.step(at + 6 * HOUR_MS, "success", item.owed)


def _twice(item: Instalment, at: int) -> Iterator[str]:
    """Taken twice."""
    yield item.step(at, "success", item.owed)
    yield item.step(at + 5 * HOUR_MS, "success", item.owed, 2)


def _more(item: Instalment, at: int) -> Iterator[str]:
    """A third more than due."""
    yield item.step(at, "success", item.owed * 4 // 3)


def _above(item: Instalment, at: int) -> Iterator[str]:
    """More than the mandate allows for one debit."""
    yield item.step(at, "success", item.owed, mandate_max_minor=item.owed * 3 // 4)


def _expired(item: Instalment, at: int) -> Iterator[str]:
    """After the mandate ran out."""
    yield item.step(at, "success", item.owed, mandate_valid_until=at - 2 * DAY_MS)


def _revoked(item: Instalment, at: int) -> Iterator[str]:
    """After the mandate was revoked."""
    yield item.step(at, "success", item.owed, mandate_revoked_at=at - 5 * HOUR_MS)


WRONG: tuple[Act, ...] = (_early, _settled, _twice, _more, _above, _expired, _revoked)


def out_of_mandate(scene: Scene) -> Script:
    """Each way of taking what is not covered; the last from another account than before."""
    day = scene.opening_day()
    yield day
    *people, moved = scene.cast(day, len(WRONG) + 1, room=0.2)
    for who, act in zip(people, WRONG, strict=True):
        due, at = day + 2, scene.at(day + 2, 9)
        item = instalment(scene, who, due, ahead=2)
        events = list(act(item, at))
        wrong: dict[Act, int] = {
            _early: at - 2 * DAY_MS, _settled: at + 6 * HOUR_MS, _twice: at + 5 * HOUR_MS,
        }  # fmt: skip
        severity = "critical" if act is _revoked else "high"
        note = (act.__doc__ or "").rstrip(".")
        words = (("account", who.account), who.account, severity, wrong.get(act, at), events, note)
        scene.expect("out_of_mandate_debit", *words)
    first = instalment(scene, moved, day + 1)
    events = [first.step(scene.at(day + 1, 9), "success", first.owed)]
    second, at = instalment(scene, moved, day + 3), scene.at(day + 3, 9)
    other = scene.world.token("card-x")
    events.append(second.step(at, "success", second.owed, payer_account_id=other))
    words = (("account", moved.account), moved.account, "high", at, events[1:], "another payer")
    scene.expect("out_of_mandate_debit", *words)


def near_misses(scene: Scene) -> Script:
    """A part, then the rest; a penalty that is told of; a mandate that ends a day later."""
    day = scene.opening_day()
    yield day
    parts, penalised, ending = scene.cast(day, 3, room=0.2)
    at = scene.at(day + 1, 9)
    item = instalment(scene, parts, day + 1)
    half = item.owed // 2
    steps = [item.step(at, "partial", half)]
    steps.append(item.step(at + DAY_MS, "success", item.owed - half, 2))
    _silent(scene, item, at, steps, "a part, then the rest")
    found(scene, parts, item, at, steps, "in two parts", "resolved", at + DAY_MS)
    item = instalment(scene, penalised, day + 1)
    extra = item.owed // 50
    step = item.step(at, "success", item.owed + extra, penalty_due_minor=extra)
    _silent(scene, item, at, [step], "with the penalty due")
    item = instalment(scene, ending, day + 1)
    until = START_MS + (day + 3) * DAY_MS
    more = {"mandate_valid_until": until, "mandate_max_minor": item.owed}
    step = item.step(at, "success", item.owed, **more)
    _silent(scene, item, at, [step], "exactly the mandate's most, a day before it ends")


def _silent(scene: Scene, item: Instalment, at: int, events: list[str], note: str) -> None:
    entity, text = ("account", item.who.account), f"obligation {item.obligation_id}: {note}"
    between = (at, at + DAY_MS)
    scene.near_miss("out_of_mandate_debit", entity, item.who.account, between, events, text)
