"""Stories of many borrowers who pay one receiver."""

from __future__ import annotations

from streams.simulate.casting import WARM_UP_DAYS
from streams.simulate.scene import Scene, Script


def new_mule(scene: Scene) -> Script:
    """Five to eight borrowers draw to one new person within half a day, from their own phones."""
    day = scene.opening_day()
    yield day
    mule, start = scene.payee(), scene.at(day, 10)
    victims = scene.cast(day, scene.count(5, 8), draws=3, room=0.5, days=99)
    draws = [
        scene.draw(who, start + n * 4_000_000, 2 * who.usual_minor, payee=mule)
        for n, who in enumerate(victims)
    ]
    scene.expect(
        "mule_fan_in", ("payee", mule[0]), None, "high", draws[0].at,
        [draw.event_id for draw in draws], "many borrowers, one new receiver",
        status="updated", by=draws[-1].at,
    )  # fmt: skip
    yield day + 2
    for who, draw in zip(victims[:2], draws[:2], strict=True):
        scene.judge(who, scene.at(day + 2, 15), draw, "confirmed_fraud", "scam_victim")


def near_misses(scene: Scene) -> Script:
    """The same traffic to a shop that has just opened, and to a school on no list."""
    day = scene.opening_day()
    yield day
    for kind, note in (("merchant", "a shop's opening day"), ("institution", "a school's fees")):
        payee, start = scene.payee("other", kind), scene.at(day, 9)
        crowd = scene.cast(day, 7, draws=2, room=0.3, days=2)
        draws = [scene.draw(who, start + n * 3_000_000, payee=payee) for n, who in enumerate(crowd)]
        scene.near_miss(
            "mule_fan_in", ("payee", payee[0]), None, (start, draws[-1].at),
            [draw.event_id for draw in draws], note,
        )  # fmt: skip


def popular_person(scene: Scene) -> Script:
    """A person whom a handful of borrowers have paid all along has one good day."""
    spike = scene.world.days - 2
    person = scene.payee()
    yield 0
    regulars = scene.cast(0, 6, draws=0, room=0.5, days=0)
    events: list[str] = []
    for day in range(spike + 1):
        yield day
        count = 1 if day < WARM_UP_DAYS else 3
        payers = [regulars[(day * 3 + n) % len(regulars)] for n in range(count)]
        if day == spike:
            payers = payers[:2] + scene.cast(day, 4, draws=2, room=0.3, days=1)
        today = [
            scene.draw(who, scene.at(day, 10 + n * 2, 20), who.usual_minor // 2, payee=person)
            for n, who in enumerate(payers)
        ]
        events = [draw.event_id for draw in today]
    scene.near_miss(
        "mule_fan_in", ("payee", person[0]), None,
        (scene.at(spike, 9), scene.at(spike, 21)), events,
        "six accounts in a day, four for the first time, for a receiver of two or three a day",
    )  # fmt: skip
