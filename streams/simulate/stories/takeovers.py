"""Stories of account takeover: a stranger's phone draws far above what is usual."""

from __future__ import annotations

from streams.simulate.scene import Scene, Script
from streams.simulate.stories.devices_taken import share_of


def drained_to_a_stranger(scene: Scene) -> Script:
    """A new device draws several times the usual to a payee nobody knew: `other`; `unknown`."""
    day = scene.opening_day()
    yield day
    drained = []
    for owner, who in zip(("other", "unknown"), scene.cast(day, 2, draws=4, days=99), strict=True):
        at, place = scene.at(day, 3), scene.stranger()
        payee = scene.payee(owner)
        amount = share_of(who.usual_minor, scene.some(2.6, 6))
        draw = scene.draw(who, at, amount, place, payee, method="otp")
        note = f"new device, new payee ({owner}), several times the usual"
        scene.found("account_takeover", who, "critical", [draw], note)
        drained.append((who, draw))
    yield day + 1
    for who, draw in drained:
        scene.judge(who, scene.at(day + 1, 10), draw, "confirmed_fraud", "takeover")


def drained_to_own_card(scene: Scene) -> Script:
    """A new device draws nearly the whole limit to an own card that was never used before."""
    day = scene.opening_day()
    yield day
    (who,) = scene.cast(day, draws=0, room=0.9, days=99)
    place, amount = scene.stranger(), share_of(who.limit_minor, scene.some(0.83, 0.89))
    payee = scene.payee("self")
    draw = scene.draw(who, scene.at(day, 2), amount, place, payee, method="otp")
    note = "new device, new own card, most of the limit"
    scene.found("account_takeover", who, "high", [draw], note)
    yield day + 1
    scene.judge(who, scene.at(day + 1, 11), draw, "confirmed_fraud", "takeover")


def near_misses(scene: Scene) -> Script:
    """A new phone alone, a new payee alone, both with a usual amount."""
    day = scene.opening_day()
    yield day
    phone, payee, both = scene.cast(day, 3, draws=4)
    for who, amount, place, to, note in (
        (phone, 4 * phone.usual_minor, scene.stranger(), phone.card, "a new phone alone"),
        (payee, 4 * payee.usual_minor, scene.home(payee), scene.payee(), "a new payee alone"),
        (both, both.usual_minor, scene.stranger(), scene.payee(), "both, but a usual amount"),
    ):
        draw = scene.draw(who, scene.at(day, 17), amount, place, to)
        scene.left_alone("account_takeover", who, [draw], note)
