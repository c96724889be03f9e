"""Stories of the credit limit: over it, above any, filled fast, raised and drained at once."""

from __future__ import annotations

from streams.simulate.casting import MODEST, RICH
from streams.simulate.scene import Draw, Scene, Script
from streams.simulate.stories.devices_taken import share_of
from streams.simulate.world import DAY_MS, HOUR_MS, Borrower

CAP_MINOR = 20_000_000  # no limit should be above it


def over_the_limit(scene: Scene) -> Script:
    """Paid a little over the limit; beside it, paid exactly up to it."""
    day = scene.opening_day()
    yield day
    over, full = scene.cast(day, 2, room=0.3)
    for who, beyond in ((over, over.limit_minor // 20), (full, 0)):
        at, entity = scene.at(day, 12), ("account", who.account)
        draw = scene.draw(who, at, scene.left(who) + beyond)
        if beyond:
            events = [draw.event_id, draw.paid_event_id]
            found = (entity, who.account, "high", at + 4_000, events, "a twentieth over the limit")
            scene.expect("over_limit", *found)
        else:
            missed = (entity, who.account, (at, at + 4_000), [draw.event_id], "exactly at it")
            scene.near_miss("over_limit", *missed)


def above_the_cap(scene: Scene) -> Script:
    """A limit that no borrower should have; beside it the highest that one may have."""
    day = scene.opening_day()
    yield day
    above, highest = scene.cast(day, 2, room=0.3, days=99, limits=RICH)
    scene.world.limit_minor[above.index] = CAP_MINOR * 11 // 10
    draw = scene.draw(above, scene.at(day, 13))
    scene.found("limit_above_cap", above, "medium", [draw], "a tenth above the cap")
    scene.world.limit_minor[highest.index] = CAP_MINOR
    draw = scene.draw(highest, scene.at(day, 14))
    scene.left_alone("limit_above_cap", highest, [draw], "exactly the cap")


def rapid_stacking(scene: Scene) -> Script:
    """Four draws fill three quarters of the limit in two days; beside them two, and four small."""
    day = scene.opening_day()
    yield day - 8  # so that no draw of their own, still in the window, makes two into three
    stacked, two, small = scene.cast(day - 8, 3, draws=0, room=0.8, days=20)
    yield day
    draws = _filled(scene, stacked, day, (0.19, 0.18, 0.2, 0.18))
    scene.found("rapid_stacking", stacked, "low", draws, "three quarters of the limit in two days",
                first=3)  # fmt: skip
    draws = _filled(scene, two, day, (0.36, 0.36))
    scene.left_alone("rapid_stacking", two, draws, "72 % of the limit, but by two draws")
    draws = _filled(scene, small, day, (0.09, 0.1, 0.09, 0.1))
    scene.left_alone("rapid_stacking", small, draws, "38 % of the limit by four draws")


def _filled(scene: Scene, who: Borrower, day: int, shares: tuple[float, ...]) -> list[Draw]:
    at = scene.at(day, 9)
    return [
        scene.draw(who, at + n * 11 * HOUR_MS, share_of(who.limit_minor, share))
        for n, share in enumerate(shares)
    ]


def limit_raise_drain(scene: Scene) -> Script:
    """A usual draw; two days later the limit has grown by half or more and nearly all is drawn.

    Beside it the growth without the drain, the drain without the growth, a modest growth."""
    day = scene.opening_day()
    yield day
    people = scene.cast(day, 4, room=0.7, limits=MODEST)
    first = [scene.draw(who, scene.at(day, 10 + n)) for n, who in enumerate(people)]
    yield day + 2
    raise_ = scene.some(1.55, 1.95)
    for who, before, raised, share, note in zip(
        people, first, (raise_, raise_, 1.0, 1.25), (scene.some(0.93, 0.99), 0.0, 0.95, 0.95),
        ("the limit raised by half and drained", "raised by half, a usual draw",
         "drained without a raise", "raised by a quarter, and drained"), strict=True,
    ):  # fmt: skip
        scene.world.limit_minor[who.index] = share_of(who.limit_minor, raised)
        amount = share_of(scene.left(who), share) or who.usual_minor
        draw = scene.draw(who, before.at + 2 * DAY_MS, amount)
        if raised == raise_ and share:
            scene.found("limit_raise_drain", who, "high", [draw], note)
        else:
            scene.left_alone("limit_raise_drain", who, [draw], note)
