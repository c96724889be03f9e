"""Stories of amounts and speed: many draws at once, a probe before the drain, just below a line."""

from __future__ import annotations

from collections.abc import Sequence

from streams.simulate.casting import RICH, Payee, Place
from streams.simulate.scene import Draw, Scene, Script
from streams.simulate.stories.devices_taken import share_of
from streams.simulate.world import HOUR_MS, MINUTE_MS, Borrower

STEP_UP_MINOR = 5_000_000  # from here the lender checks more strictly


def velocity_burst(scene: Scene) -> Script:
    """Six draws or more in half an hour; beside them four, and six of which half were rejected."""
    day = scene.opening_day()
    yield day
    fast, few, refused = scene.cast(day, 3, room=0.7)
    draws = _series(scene, fast, scene.at(day, 20), scene.count(6, 8), "paid")
    scene.found("velocity_burst", fast, "high", draws, "six draws or more, four minutes apart",
                first=4)  # fmt: skip
    draws = _series(scene, few, scene.at(day, 18), 4, "paid")
    scene.left_alone("velocity_burst", few, draws, "four draws in twelve minutes")
    at = scene.at(day, 18)
    draws = _series(scene, refused, at, 3, "rejected")
    draws += _series(scene, refused, at + 12 * MINUTE_MS, 3, "paid")
    scene.left_alone("velocity_burst", refused, draws, "six asked for, three of them rejected")


def _series(scene: Scene, who: Borrower, at: int, count: int, end: str) -> list[Draw]:
    half = who.usual_minor // 2
    return [scene.draw(who, at + n * 4 * MINUTE_MS, half, end=end) for n in range(count)]


def probe_then_drain(scene: Scene) -> Script:
    """A hundredth of the limit, then more than half: to a new payee; from a new phone."""
    day = scene.opening_day()
    yield day
    to_payee, from_phone = scene.cast(day, 2, room=0.7)
    for who, place, payee, note in (
        (to_payee, scene.home(to_payee), scene.payee(), "to the same new payee"),
        (from_phone, scene.stranger(), from_phone.card, "from the same new phone"),
    ):
        draws = _probe(scene, who, day, 35 * MINUTE_MS, place, payee, payee)
        scene.found("probe_then_drain", who, "high", draws, f"a probe, then more than half, {note}")


def probe_near_misses(scene: Scene) -> Script:
    """Two usual draws; a drain to the own card after a probe elsewhere; three hours between."""
    day = scene.opening_day()
    yield day
    (usual,), (elsewhere, slow) = scene.cast(day), scene.cast(day, 2, room=0.7)
    payee, at = scene.payee(), scene.at(day, 15)
    draws = [scene.draw(usual, at + n * 30 * MINUTE_MS, payee=payee) for n in range(2)]
    scene.left_alone("probe_then_drain", usual, draws, "two usual draws")
    home = scene.home(elsewhere)
    draws = _probe(scene, elsewhere, day, 30 * MINUTE_MS, home, scene.payee(), elsewhere.card)
    scene.left_alone("probe_then_drain", elsewhere, draws, "the large one to the known card")
    payee = scene.payee()
    draws = _probe(scene, slow, day, 3 * HOUR_MS, scene.home(slow), payee, payee)
    scene.left_alone("probe_then_drain", slow, draws, "three hours between them")


def _probe(
    scene: Scene, who: Borrower, day: int, wait_ms: int, place: Place, first: Payee, then: Payee
) -> list[Draw]:
    at = scene.at(day, 10)
    small, large = (
        share_of(who.limit_minor, share)
        for share in (scene.some(0.003, 0.016), scene.some(0.54, 0.68))
    )
    return [
        scene.draw(who, at, small, place, first),
        scene.draw(who, at + wait_ms, large, place, then),
    ]


def threshold_evasion(scene: Scene) -> Script:
    """Three draws of nine tenths of the amount from which checks are stricter, in ten hours."""
    day = scene.opening_day()
    yield day
    (who,) = scene.cast(day, room=0.88, limits=RICH)
    draws = _spread(scene, who, scene.at(day, 9), [scene.some(0.87, 0.93) for _ in range(3)])
    note = "three of nine tenths of the line, in ten hours"
    scene.found("threshold_evasion", who, "medium", draws, note)


def threshold_near_misses(scene: Scene) -> Script:
    """Three amounts well below the line; two close to it."""
    day = scene.opening_day()
    yield day
    spread, twice = scene.cast(day, 2, room=0.7, limits=RICH)
    draws = _spread(scene, spread, scene.at(day, 9), (0.3, 0.6, 0.45))
    scene.left_alone("threshold_evasion", spread, draws, "30, 60 and 45 % of the line")
    draws = _spread(scene, twice, scene.at(day, 9), (0.9, 0.93))
    scene.left_alone("threshold_evasion", twice, draws, "two draws close to the line")


def _spread(scene: Scene, who: Borrower, at: int, shares: Sequence[float]) -> list[Draw]:
    return [
        scene.draw(who, at + n * 5 * HOUR_MS, share_of(STEP_UP_MINOR, share))
        for n, share in enumerate(shares)
    ]
