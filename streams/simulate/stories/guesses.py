"""Stories of verification by force: codes guessed, faces tried, a flood of one-time passwords."""

from __future__ import annotations

from streams.simulate.casting import Place
from streams.simulate.scene import Draw, Scene, Script
from streams.simulate.world import MINUTE_MS, Borrower


def guessing(scene: Scene) -> Script:
    """Wrong codes and a right one; faces on a strange phone, and one that passes."""
    day = scene.opening_day()
    yield day
    codes, faces = scene.cast(day, 2)
    _, draw = _tried(
        scene, codes, scene.home(codes), "otp", ["failed"] * scene.count(5, 6), scene.at(day, 12)
    )
    scene.found("verification_guessing", codes, "high", [draw], "wrong codes, then a right one")
    place = scene.stranger()
    _, draw = _tried(scene, faces, place, "face", ["failed"] * scene.count(5, 7), scene.at(day, 13))
    scene.found("verification_guessing", faces, "high", [draw], "faces tried on a strange phone")


def guessing_near_misses(scene: Scene) -> Script:
    """The provider's fault, six times; blurred faces on the own phone; three slips."""
    day = scene.opening_day()
    yield day
    for who, method, outcomes, note in zip(
        scene.cast(day, 3), ("otp", "face", "otp"),
        (["error", "timeout"] * 3, ["failed"] * 6, ["failed"] * 3),
        ("the provider's fault", "blurred faces on the known phone", "three slips"), strict=True,
    ):  # fmt: skip
        _, draw = _tried(scene, who, scene.home(who), method, outcomes, scene.at(day, 15))
        scene.left_alone("verification_guessing", who, [draw], note)


def _tried(
    scene: Scene, who: Borrower, place: Place, method: str, outcomes: list[str], at: int
) -> tuple[str, Draw]:
    """A login, a check of each outcome, two minutes apart, then one that passes, and a draw."""
    _, session = scene.login(who, at - 3 * MINUTE_MS, place)
    for n, outcome in enumerate(outcomes):
        scene.verify(who, at + 2 * n * MINUTE_MS, place.device, session, outcome, method)
    money = at + 2 * len(outcomes) * MINUTE_MS
    return session, scene.go_on(who, money, session, place=place, method=method)


def otp_flood(scene: Scene) -> Script:
    """One-time passwords, one a minute, some of them answered; no money moves."""
    day = scene.opening_day()
    yield day
    (who,) = scene.cast(day)
    at = scene.at(day, 20)
    outcomes = ["failed", "passed", "failed", "passed", "passed"] * 3
    outcomes = outcomes[: scene.count(9, 14)]
    events, times = flood(scene, who, at, outcomes)
    scene.expect(
        "otp_flood", ("account", who.account), who.account, "high", times[0], events,
        "one-time passwords, one a minute", status="updated", by=times[-1],
    )  # fmt: skip


def flood_near_misses(scene: Scene) -> Script:
    """Five resends; ten that the provider failed to answer."""
    day = scene.opening_day()
    yield day
    for who, outcomes, note in zip(
        scene.cast(day, 2), (["failed"] * 4 + ["passed"], ["timeout", "error"] * 5),
        ("five resends", "the provider's fault"), strict=True,
    ):  # fmt: skip
        events, times = flood(scene, who, scene.at(day, 19), outcomes)
        entity = ("account", who.account)
        scene.near_miss("otp_flood", entity, who.account, (times[0], times[-1]), events, note)


def flood(scene: Scene, who: Borrower, at: int, outcomes: list[str]) -> tuple[list[str], list[int]]:
    """One-time passwords, one a minute; their events and times."""
    home = scene.home(who)
    event, session = scene.login(who, at - MINUTE_MS, home)
    events, times = [event], []
    for n, outcome in enumerate(outcomes):
        times.append(at + n * MINUTE_MS)
        events.append(scene.check(who, times[-1], home.device, session, outcome, "otp")[0])
    return events, times
