"""Stories of verification: money without a check, a late check, the wrong check, one used twice."""

from __future__ import annotations

from streams.simulate.scene import Scene, Script
from streams.simulate.world import HOUR_MS, MINUTE_MS


def bypass(scene: Scene) -> Script:
    """Paid out with no check at all, and after a check that failed; beside it a check in time."""
    day = scene.opening_day()
    yield day
    skipped, failed, fresh = scene.cast(day, 3)
    for who, tried in ((skipped, False), (failed, True)):
        at, home = scene.at(day, 14), scene.home(who)
        _, session = scene.login(who, at - 80_000, home)
        named = None
        if tried:
            named = scene.verify(who, at - 30_000, home.device, session, "failed")
        draw = scene.ask(who, at, who.usual_minor, home, who.card, session, named)
        note = "the check it names had failed" if tried else "no verification at all"
        entity = ("account", who.account)
        events = [draw.event_id]
        scene.expect("verification_bypass", entity, who.account, "critical", at, events, note)
    at, home = scene.at(day, 15), scene.home(fresh)
    _, session = scene.login(fresh, at - 9 * MINUTE_MS, home)
    passed = scene.verify(fresh, at - 8 * MINUTE_MS, home.device, session)
    draw = scene.ask(fresh, at, fresh.usual_minor, home, fresh.card, session, passed)
    scene.near_miss(
        "verification_bypass", ("account", fresh.account), fresh.account, (at, at),
        [draw.event_id], "the right pass, eight minutes old",
    )  # fmt: skip


def late_pass(scene: Scene) -> Script:
    """The right pass is dated before the money and reaches the log forty minutes after it."""
    day = scene.opening_day()
    yield day
    (who,) = scene.cast(day)
    at, home, late = scene.at(day, 13), scene.home(who), 40 * MINUTE_MS
    _, session = scene.login(who, at - 80_000, home)
    passed = scene.verify(who, at - 25_000, home.device, session, arrives_at=at + late)
    draw = scene.ask(who, at, who.usual_minor, home, who.card, session, passed)
    scene.expect(
        "verification_bypass", ("account", who.account), who.account, "critical", at,
        [draw.event_id], "the pass arrives late: withdrawn", status="withdrawn", by=at + late,
    )  # fmt: skip


def partial_match(scene: Scene) -> Script:
    """A pass of the same phone, but of the session before: medium."""
    day = scene.opening_day()
    yield day
    (who,) = scene.cast(day)
    at, home = scene.at(day, 16), scene.home(who)
    _, earlier = scene.login(who, at - 7 * MINUTE_MS, home)
    passed = scene.verify(who, at - 6 * MINUTE_MS, home.device, earlier)
    _, session = scene.login(who, at - 2 * MINUTE_MS, home)
    draw = scene.ask(who, at, who.usual_minor, home, who.card, session, passed)
    scene.expect(
        "verification_bypass", ("account", who.account), who.account, "medium", at,
        [draw.event_id], "same device, another session",
    )  # fmt: skip


def reuse(scene: Scene) -> Script:
    """One check releases two draws: to another payee at once, and again after twenty minutes."""
    day = scene.opening_day()
    yield day
    quick, slow, proper = scene.cast(day, 3)
    for who, wait, payee in (
        (quick, 4 * MINUTE_MS, scene.payee()),
        (slow, 20 * MINUTE_MS, slow.card),
    ):
        at, home = scene.at(day, 11), scene.home(who)
        first = scene.draw(who, at)
        again = (who.usual_minor, home, payee, first.session_id, first.verification_id)
        second = scene.ask(who, at + wait, *again)
        events, entity = [first.event_id, second.event_id], ("account", who.account)
        note = "to another payee, four minutes later" if who is quick else "twenty minutes later"
        found = (entity, who.account, "high", second.at, events, note)
        scene.expect("verification_reuse", *found)
        if who is slow:
            why = "the check it reuses is older than ten minutes"
            bypassed = (entity, who.account, "critical", second.at, [second.event_id], why)
            scene.expect("verification_bypass", *bypassed)
    at = scene.at(day, 12)
    first, second = scene.draw(proper, at), scene.draw(proper, at + HOUR_MS)
    scene.near_miss(
        "verification_reuse", ("account", proper.account), proper.account, (at, second.at),
        [first.event_id, second.event_id], "two draws, each with a check of its own",
    )  # fmt: skip
