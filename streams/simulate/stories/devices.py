"""Stories of one device with many accounts."""

from __future__ import annotations

from streams.simulate.casting import Place
from streams.simulate.scene import Scene, Script
from streams.simulate.world import Borrower

BROKEN = 60  # accounts behind a broken identifier; from 51 on it is no device


def device_farm(scene: Scene) -> Script:
    """Five to seven fresh accounts draw from one phone within three days."""
    day = scene.opening_day()
    place, draws = scene.stranger(), []
    for n in range(scene.count(5, 7)):
        yield day + n // 2
        who = scene.newcomer()
        draws.append(scene.draw(who, scene.at(day + n // 2, 10 + 4 * (n % 2)), place=place))
    scene.expect(
        "shared_device", ("device", place.device), None, "high", draws[0].at,
        [draw.event_id for draw in draws], "fresh accounts on one phone",
        status="updated", by=draws[-1].at,
    )  # fmt: skip


def near_misses(scene: Scene) -> Script:
    """A family's tablet; an identifier that sixty accounts share before, and after, it draws."""
    day = scene.opening_day()
    yield day
    family, events = scene.family(day), []
    start = scene.at(day, 18)
    for n, who in enumerate(family):
        place = Place(who.tablet, who.ip)
        events.append(scene.draw(who, start + n * 1_800_000, place=place).event_id)
    scene.near_miss(
        "shared_device", ("device", family[0].tablet), None, (start, start + 3_600_000), events,
        f"a family of {len(family)} on one tablet",
    )  # fmt: skip
    drawers, others = scene.cast(day, 11, draws=2, room=0.3), scene.passers_by(2 * BROKEN)
    yield from _broken_before(scene, day, drawers[:5], others[:BROKEN])
    yield from _broken_after(scene, day + 1, drawers[5:], others[BROKEN:])


def _broken_before(
    scene: Scene, day: int, drawers: list[Borrower], others: list[Borrower]
) -> Script:
    """Sixty accounts log in with it; only then five draw."""
    device = scene.world.token("db")
    start = scene.at(day, 6)
    for n, who in enumerate(others):
        scene.login(who, start + n * 60_000, Place(device, who.ip))
    yield day + 1
    draws = [
        scene.draw(who, scene.at(day + 1, 10 + n), place=Place(device, who.ip))
        for n, who in enumerate(drawers)
    ]
    scene.near_miss(
        "shared_device", ("device", device), None, (draws[0].at, draws[-1].at),
        [draw.event_id for draw in draws], "a broken identifier with more than 50 accounts",
    )  # fmt: skip


def _broken_after(
    scene: Scene, day: int, drawers: list[Borrower], others: list[Borrower]
) -> Script:
    """Five draw with it, which looks like a farm; then sixty log in with it, and at the next draw
    it is seen to be none."""
    device = scene.world.token("db")
    drawers, last = drawers[:-1], drawers[-1]
    draws = [
        scene.draw(who, scene.at(day, 8 + n * 2, 30), place=Place(device, who.ip))
        for n, who in enumerate(drawers)
    ]
    yield day + 1
    start = scene.at(day + 1, 8)
    logins = [
        scene.login(who, start + n * 60_000, Place(device, who.ip))[0]
        for n, who in enumerate(others)
    ]
    clearing = scene.draw(last, scene.at(day + 1, 12), place=Place(device, last.ip))
    scene.expect(
        "shared_device", ("device", device), None, "high", draws[0].at,
        [*(draw.event_id for draw in draws), *logins, clearing.event_id],
        "a broken identifier, seen too late: withdrawn",
        status="withdrawn", by=clearing.at,
    )  # fmt: skip
