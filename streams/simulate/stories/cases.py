"""Three cases that were reported, and one that grows too slowly for any single event to tell."""

from __future__ import annotations

from streams.simulate.casting import MODEST, RICH, WARM_UP_DAYS
from streams.simulate.scene import Scene, Script
from streams.simulate.stories.devices_taken import share_of
from streams.simulate.stories.guesses import flood
from streams.simulate.world import DAY_MS, HOUR_MS, MINUTE_MS, START_MS

RESET_AFTER_MS = 81 * MINUTE_MS
HUANG_DRAWS, HUANG_TOTAL_MINOR = 28, 10_719_901


def shenzhen(scene: Scene) -> Script:
    """At two in the night a hidden screen recorder draws the whole limit of an account that had
    been asleep; seven minutes later it is on the victim's own, otherwise unused card.

    What follows, seven withdrawals in digital yuan over three dawns, happens at the bank, out of a
    lender's sight: here it leaves the thief's log-ins, which look whether there is more."""
    day = scene.opening_day()
    yield day
    (victim,) = scene.sleepers(day)
    home, card = scene.home(victim), scene.payee("self")
    at = scene.at(day, 2, 10)
    _, session = scene.login(victim, at - 3 * MINUTE_MS, home, signals=["screen_sharing"])
    passed = scene.verify(victim, at - MINUTE_MS, home.device, session)
    amount = share_of(scene.left(victim), 0.9984)
    words = (amount, home, card, session, passed)
    draw = scene.ask(victim, at, *words, after_ms=7 * MINUTE_MS)
    note = "by night, first draw in 90 days, all of the limit, to an own card"
    scene.found("remote_control", victim, "critical", [draw], note)
    scene.found("induced_borrowing", victim, "high", [draw], note)
    for n in range(7):
        dawn = scene.at(day + n // 3, 4.5) + n % 3 * 9 * MINUTE_MS
        scene.login(victim, dawn, home, signals=["screen_sharing"])


def huang_yi(scene: Scene) -> Script:
    """An evening flood of one-time passwords; the phone goes dead, for the number was moved to
    another SIM card; then 28 draws of 107,199.01 in all, each released by such a password."""
    day = scene.opening_day()
    yield day
    (victim,) = scene.cast(day, room=0.8, limits=RICH, days=30)
    at = scene.at(day, 19, 20)
    events, times = flood(scene, victim, at, ["failed"] * 12)
    scene.expect(
        "otp_flood", ("account", victim.account), victim.account, "high", times[0], events,
        "twelve one-time passwords in the evening", status="updated", by=times[-1],
    )  # fmt: skip
    thief, payee = scene.stranger(), scene.payee()
    start = times[-1] + 75 * MINUTE_MS
    scene.login(victim, start, thief, signals=["sim_changed"], method="otp")
    draws = []
    for n in range(HUANG_DRAWS):
        part = HUANG_TOTAL_MINOR * (n + 1) // HUANG_DRAWS - HUANG_TOTAL_MINOR * n // HUANG_DRAWS
        when = start + (6 + 5 * n) * MINUTE_MS
        draws.append(scene.draw(victim, when, part, thief, payee, method="otp"))
    note = "28 draws from the phone with the new SIM card"
    scene.found("sim_swap", victim, "critical", draws, note, first=0)
    scene.found("velocity_burst", victim, "high", draws, note, first=4)
    yield day + 1
    scene.judge(victim, scene.at(day + 1, 11), draws[0], "confirmed_fraud", "identity_theft")


def stolen_phone(scene: Scene) -> Script:
    """A phone is stolen; 81 minutes later its SIM card works in another handset. The account is
    reset by one-time passwords, then three transfers go to a stranger."""
    day = scene.opening_day()
    yield day
    (victim,) = scene.cast(day, draws=4, room=0.9, days=30)
    theft = scene.at(day, 7, 20)
    scene.login(victim, theft - 30 * MINUTE_MS, scene.home(victim))
    thief, payee, at = scene.stranger(), scene.payee(), theft + RESET_AFTER_MS
    for n in range(2):
        scene.login(victim, at + n * MINUTE_MS, thief, "failure", signals=["sim_changed"])
    words = {"signals": ["sim_changed"], "method": "otp"}
    scene.login(victim, at + 4 * MINUTE_MS, thief, **words)  # type: ignore[arg-type]
    draws = [
        scene.draw(victim, at + (20 + 25 * n) * MINUTE_MS, share_of(victim.limit_minor, share),
                   thief, payee, method="otp")
        for n, share in enumerate((0.3, 0.3, 0.25))
    ]  # fmt: skip
    note = "SIM card in another handset, reset, three transfers"
    for typology in ("sim_swap", "account_takeover"):
        scene.found(typology, victim, "critical", draws, note, first=0)
    yield day + 1
    scene.judge(victim, scene.at(day + 1, 9), draws[0], "confirmed_fraud", "takeover")


def slow_ramp(scene: Scene) -> Script:
    """A good customer who never meant to pay: draws grow by a fifth every three days, each usual
    beside the one before. No rule need see the climb (`either`); the last leap, three draws that
    fill two thirds of the limit within a day, is `rapid_stacking` and must be seen."""
    end = scene.world.days - 3
    day = max(WARM_UP_DAYS, end - 30)
    yield day
    (who,) = scene.cast(day, draws=0, room=0.8, days=99, limits=MODEST)
    climb, amount = [], share_of(who.limit_minor, 0.02)
    while day < end - 8:
        yield day
        if scene.left(who) - amount > who.limit_minor * 3 // 4:
            climb.append(scene.draw(who, scene.at(day, 18), amount))
            amount = amount * 6 // 5 // 100 * 100
        day += 3
    if climb:
        scene.either("rapid_stacking", who, climb, "a slow climb, usual step by step")
    yield end
    at = START_MS + end * DAY_MS + 10 * HOUR_MS
    leap = [
        scene.draw(who, at + n * 4 * HOUR_MS, share_of(scene.left(who), share))
        for n, share in enumerate((0.33, 0.5, 0.94))
    ]
    scene.found("rapid_stacking", who, "low", leap, "the leap at the end of a slow climb")
