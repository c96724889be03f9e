"""Stories of account takeover: a stranger's phone draws far above what is usual."""

from __future__ import annotations

from streams.simulate.scene import Scene, Script
from streams.simulate.world import Borrower


def _share_of_limit(who: Borrower, share: float) -> int:
    return int(who.limit_minor * share) // 100 * 100


def drained_to_a_stranger(scene: Scene) -> Script:
    """A new device draws four times the usual to a payee nobody knew: `other`, then `unknown`."""
    day = scene.opening_day()
    yield day
    drained = []
    for owner, who in zip(("other", "unknown"), scene.cast(day, 2, draws=4, days=99), strict=True):
        at, place = scene.at(day, 3), scene.stranger()
        payee = scene.payee(owner)
        draw = scene.draw(who, at, 4 * who.usual_minor, place, payee, method="otp")
        scene.expect(
            "account_takeover", ("account", who.account), who.account, "critical", at,
            [draw.event_id], f"new device, new payee ({owner}), four times the usual",
        )  # fmt: skip
        drained.append((who, draw))
    yield day + 1
    for who, draw in drained:
        scene.judge(who, scene.at(day + 1, 10), draw, "confirmed_fraud", "takeover")


def drained_to_own_card(scene: Scene) -> Script:
    """A new device draws nearly the whole limit to an own card that was never used before."""
    day = scene.opening_day()
    yield day
    (who,) = scene.cast(day, draws=0, room=0.9, days=99)
    at, place = scene.at(day, 2), scene.stranger()
    amount = _share_of_limit(who, 0.86)
    payee = scene.payee("self")
    draw = scene.draw(who, at, amount, place, payee, method="otp")
    scene.expect(
        "account_takeover", ("account", who.account), who.account, "high", at,
        [draw.event_id], "new device, new own card, 86 % of the limit",
    )  # fmt: skip
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
        at = scene.at(day, 17)
        draw = scene.draw(who, at, amount, place, to)
        scene.near_miss(
            "account_takeover", ("account", who.account), who.account, (at, at),
            [draw.event_id], note,
        )  # fmt: skip
