"""Stories of who is in the session, and where: stolen sessions, impossible journeys."""

from __future__ import annotations

from streams.simulate.casting import Place
from streams.simulate.changes import distance_km
from streams.simulate.scene import Scene, Script
from streams.simulate.world import CITIES, HOUR_MS, MINUTE_MS


def session_hijack(scene: Scene) -> Script:
    """A session goes on from a second phone; another from a second network and an emulator."""
    day = scene.opening_day()
    yield day
    copied, emulated = scene.cast(day, 2)
    at, home, thief = scene.at(day, 11), scene.home(copied), scene.stranger()
    _, session = scene.login(copied, at - 12 * MINUTE_MS, home)
    scene.login(copied, at - 2 * MINUTE_MS, thief, session=session)
    draw = scene.go_on(copied, at, session, place=thief)
    scene.found("session_hijack", copied, "high", [draw], "one session, a second phone")
    at, home = scene.at(day, 13), scene.home(emulated)
    elsewhere = Place(home.device, scene.world.strange_ip())
    _, session = scene.login(emulated, at - 9 * MINUTE_MS, home)
    scene.login(emulated, at - 2 * MINUTE_MS, elsewhere, session=session, signals=["emulator"])
    draw = scene.go_on(emulated, at, session, place=elsewhere)
    scene.found("session_hijack", emulated, "high", [draw], "a second network and a new signal")


def session_near_misses(scene: Scene) -> Script:
    """Out of the house and onto the carrier's network; a new payee in one's own session."""
    day = scene.opening_day()
    yield day
    leaving, generous = scene.cast(day, 2)
    at, home = scene.at(day, 8), scene.home(leaving)
    outside = Place(home.device, str(scene.world.carrier_ips[0]))
    _, session = scene.login(leaving, at - 9 * MINUTE_MS, home)
    scene.login(leaving, at - 2 * MINUTE_MS, outside, session=session)
    draw = scene.go_on(leaving, at, session, place=outside)
    scene.left_alone("session_hijack", leaving, [draw], "a change of network alone")
    draw = scene.draw(generous, scene.at(day, 12), payee=scene.payee())
    scene.left_alone("session_hijack", generous, [draw], "a new payee alone")


def impossible_travel(scene: Scene) -> Script:
    """A login at home; forty minutes later one from another phone in a far city; then a draw."""
    day = scene.opening_day()
    yield day
    (who,) = scene.cast(day)
    at, there = scene.at(day, 14), scene.stranger(_far_from(who.city))
    scene.login(who, at - scene.count(10, 70) * MINUTE_MS, Place(who.device, who.ip, who.city))
    draw = scene.draw(who, at, place=there)
    scene.found(
        "impossible_travel", who, "high", [draw], "more than a thousand kilometres within an hour"
    )


def travel_near_misses(scene: Scene) -> Script:
    """The same through a VPN, without coordinates, at an airliner's pace, with no money moved."""
    day = scene.opening_day()
    yield day
    people = scene.cast(day, 4)
    for who, tells, hours, signals, draws, note in zip(
        people, (True, False, True, True), (0.7, 0.7, 5.0, 0.7), (["vpn"], [], [], []),
        (True, True, True, False),
        ("through a VPN", "no coordinates", "an airliner's pace", "no money moved"), strict=True,
    ):  # fmt: skip
        at, far = scene.at(day, 16), _far_from(who.city)
        there = scene.stranger(far if tells else None)
        home = Place(who.device, who.ip, who.city)
        first, _ = scene.login(who, at - int(hours * HOUR_MS), home)
        if draws:
            draw = scene.draw(who, at, place=there, signals=signals)
            scene.left_alone("impossible_travel", who, [draw], note)
        else:
            second, _ = scene.login(who, at, there)
            entity = ("account", who.account)
            between = (at - int(hours * HOUR_MS), at)
            scene.near_miss("impossible_travel", entity, who.account, between,
                            [first, second], note)  # fmt: skip


def _far_from(city: tuple[float, float]) -> tuple[float, float]:
    return max(CITIES, key=lambda other: distance_km(city, other))
