"""Stories of a phone that somebody else steers, and of a number moved to another SIM card."""

from __future__ import annotations

from streams.simulate.casting import MODEST
from streams.simulate.scene import Draw, Scene, Script
from streams.simulate.world import DAY_MS, HOUR_MS, MINUTE_MS, Borrower


def share_of(minor: int, share: float) -> int:
    """A share of an amount, in whole units of the currency."""
    return int(minor * share) // 100 * 100


def remote_control(scene: Scene) -> Script:
    """By night after months without a draw; most of the limit by day; a service just installed."""
    day = scene.opening_day()
    yield day
    sleeper, drained = scene.sleepers(day, 2)
    (misled,) = scene.cast(day, draws=4)
    draw = scene.draw(sleeper, scene.at(day, 1.5), signals=["remote_control"])
    scene.found("remote_control", sleeper, "critical", [draw], "by night, first draw in 90 days")
    amount = share_of(scene.left(drained), scene.some(0.84, 0.98))
    draw = scene.draw(drained, scene.at(day, 15), amount, signals=["screen_sharing"])
    scene.found("remote_control", drained, "critical", [draw],
                "first draw in 90 days, nearly all of the limit",
                also=["induced_borrowing"])  # fmt: skip
    amount = share_of(scene.left(misled), scene.some(0.84, 0.98))
    at = scene.at(day + 1, 1.5)
    draw = scene.draw(misled, at, amount, signals=["accessibility_service"])
    scene.found("remote_control", misled, "critical", [draw],
                "by night, nearly all of the limit, a service not seen before")  # fmt: skip


def remote_near_misses(scene: Scene) -> Script:
    """The signal alone; with the night alone; a service that was always on; two hours earlier."""
    day = scene.opening_day()
    yield day
    alone, nightly, early = scene.cast(day, 3)
    (always,) = scene.sleepers(day, helped=True)
    draw = scene.draw(alone, scene.at(day, 11), signals=["screen_sharing"])
    scene.left_alone("remote_control", alone, [draw], "screen shared, a usual draw by day")
    draw = scene.draw(nightly, scene.at(day + 1, 1), signals=["remote_control"])
    scene.left_alone("remote_control", nightly, [draw], "a usual draw by night")
    signals = ["accessibility_service"]
    draw = scene.draw(always, scene.at(day + 1, 2), share_of(scene.left(always), 0.7),
                      signals=signals)  # fmt: skip
    scene.left_alone("remote_control", always, [draw], "a service used for months")
    at, home = scene.at(day + 1, 3), scene.home(early)
    scene.login(early, at - 2 * HOUR_MS, home, signals=["screen_sharing"])
    draw = scene.draw(early, at, share_of(scene.left(early), 0.9))
    scene.left_alone("remote_control", early, [draw], "screen shared two hours before")


def sim_swap(scene: Scene) -> Script:
    """The number moves to a thief's phone: more than half of the limit; usual sums by OTP alone."""
    day = scene.opening_day()
    yield day
    (drained,) = scene.cast(day, room=0.7)
    (milked,) = scene.cast(day)
    thief = scene.stranger()
    scene.login(drained, scene.at(day, 21), thief, signals=["sim_changed"])
    amount = share_of(drained.limit_minor, scene.some(0.54, 0.69))
    draw = scene.draw(drained, scene.at(day + 1, 4), amount, thief)
    scene.found(
        "sim_swap", drained, "critical", [draw], "more than half of the limit from the new phone"
    )
    thief = scene.stranger()
    scene.login(milked, scene.at(day, 22), thief, signals=["sim_changed"])
    draw = scene.draw(milked, scene.at(day + 2, 13), place=thief, method="otp")
    scene.found("sim_swap", milked, "critical", [draw], "every pass since was an OTP")


def sim_near_misses(scene: Scene) -> Script:
    """A new card in the old phone; a new phone and card with a face check; four days later."""
    day = scene.opening_day()
    yield day
    (old, new), (patient,) = scene.cast(day, 2), scene.cast(day, room=0.75, days=14)
    at = scene.at(day, 10)
    scene.login(old, at, scene.home(old), signals=["sim_changed"])
    draw = scene.draw(old, at + 3 * HOUR_MS, method="otp")
    scene.left_alone("sim_swap", old, [draw], "a new card in the old phone")
    phone = scene.stranger()
    scene.login(new, at, phone, signals=["sim_changed"])
    draw = scene.draw(new, at + 5 * HOUR_MS, place=phone)
    scene.left_alone("sim_swap", new, [draw], "a new phone, a usual draw, a face check")
    phone = scene.stranger()
    scene.login(patient, at, phone, signals=["sim_changed"])
    yield day + 4
    late = at + 4 * DAY_MS
    draw = scene.draw(patient, late, share_of(patient.limit_minor, 0.6), phone)
    scene.left_alone("sim_swap", patient, [draw], "four days later")


def induced_borrowing(scene: Scene) -> Script:
    """Talked into it, on the own phone: screen shared; three draws to a stranger; a fresh card."""
    day = scene.opening_day()
    yield day
    shared, own = scene.sleepers(day, 2)
    (thrice,) = scene.cast(day, room=0.6, limits=MODEST)
    amount = share_of(scene.left(shared), scene.some(0.84, 0.98))
    draw = scene.draw(shared, scene.at(day, 14), amount, signals=["screen_sharing"])
    scene.found("induced_borrowing", shared, "high", [draw],
                "first draw in 90 days, nearly all of the limit, screen shared",
                also=["remote_control"])  # fmt: skip
    amount = share_of(scene.left(own), scene.some(0.84, 0.98))
    draw = scene.draw(own, scene.at(day, 15), amount, payee=scene.payee("self"))
    scene.found("induced_borrowing", own, "high", [draw], "nearly all of it, to a fresh own card")
    draws = _three(
        scene, thrice, scene.at(day, 16), share_of(scene.left(thrice), scene.some(0.28, 0.32))
    )
    scene.found("induced_borrowing", thrice, "high", draws,
                "three draws, most of what was left, to a new payee")  # fmt: skip


def induced_near_misses(scene: Scene) -> Script:
    """A large draw to the known card; three usual ones to a new payee."""
    day = scene.opening_day()
    yield day
    (planned,), (usual,) = scene.sleepers(day), scene.cast(day, room=0.6)
    draw = scene.draw(planned, scene.at(day, 11), share_of(scene.left(planned), 0.92))
    scene.left_alone("induced_borrowing", planned, [draw], "a large draw to the known card")
    draws = _three(scene, usual, scene.at(day, 12), usual.usual_minor)
    scene.left_alone("induced_borrowing", usual, draws, "three usual draws to a new payee")


def dormant_awakening(scene: Scene) -> Script:
    """An account asleep for months wakes on a strange phone: half of the limit; or to another."""
    day = scene.opening_day()
    yield day
    half, other = scene.sleepers(day, 2)
    for who, share, payee, note in (
        (half, scene.some(0.54, 0.9), half.card, "half of the limit or more, to the own card"),
        (other, 0.05, scene.payee(), "a usual sum, to somebody else"),
    ):
        at, place = scene.at(day, 9), scene.stranger()
        scene.login(who, at, place)
        amount = share_of(who.limit_minor, share)
        draw = scene.draw(who, at + 4 * HOUR_MS, amount, place, payee)
        scene.found("dormant_awakening", who, "high", [draw], note)


def dormant_near_misses(scene: Scene) -> Script:
    """A dormant account that only looks in, from a new phone; one that draws on the known phone."""
    day = scene.opening_day()
    yield day
    looks, draws = scene.sleepers(day, 2)
    at = scene.at(day, 10)
    event, _ = scene.login(looks, at, scene.stranger())
    entity = ("account", looks.account)
    scene.near_miss("dormant_awakening", entity, looks.account, (at, at), [event], "only looks in")
    draw = scene.draw(draws, at + HOUR_MS, share_of(draws.limit_minor, 0.6))
    scene.left_alone("dormant_awakening", draws, [draw], "the known phone")


def _three(scene: Scene, who: Borrower, at: int, amount_minor: int) -> list[Draw]:
    payee = scene.payee()
    return [scene.draw(who, at + n * 18 * MINUTE_MS, amount_minor, payee=payee) for n in range(3)]
