"""Stories of the credit limit."""

from __future__ import annotations

from streams.simulate.scene import Scene, Script


def over_the_limit(scene: Scene) -> Script:
    """Paid a little over the limit; beside it, paid exactly up to it."""
    day = scene.opening_day()
    yield day
    over, full = scene.cast(day, 2, room=0.3)
    for who, beyond in ((over, over.limit_minor // 20), (full, 0)):
        left = who.limit_minor - int(scene.world.outstanding_minor[who.index])
        at = scene.at(day, 12)
        draw = scene.draw(who, at, left + beyond)
        entity = ("account", who.account)
        if beyond:
            events = [draw.event_id, draw.paid_event_id]
            found = (entity, who.account, "high", at + 4_000, events, "a twentieth over the limit")
            scene.expect("over_limit", *found)
        else:
            missed = (entity, who.account, (at, at + 4_000), [draw.paid_event_id], "exactly at it")
            scene.near_miss("over_limit", *missed)
