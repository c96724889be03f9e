"""Stories of what is linked to confirmed fraud, and of what only seems to be."""

from __future__ import annotations

from streams.simulate.casting import Place
from streams.simulate.scene import Scene, Script
from streams.simulate.world import HOUR_MS

CUSTOMERS = 30  # of a popular payee; from 21 on one confirmed fraud is not enough


def same_payee_and_device(scene: Scene) -> Script:
    """After a confirmed takeover one borrower draws to its payee, another from its device."""
    day = scene.opening_day()
    yield day
    victim, payer, guest = scene.cast(day, 3, draws=4, days=99)
    at, place, mule = scene.at(day, 3), scene.stranger(), scene.payee()
    fraud = scene.draw(victim, at, 4 * victim.usual_minor, place, mule, method="otp")
    scene.expect(
        "account_takeover", ("account", victim.account), victim.account, "critical", at,
        [fraud.event_id], "the fraud that others are linked to",
    )  # fmt: skip
    yield day + 1
    scene.judge(victim, scene.at(day + 1, 10), fraud, "confirmed_fraud", "takeover")
    yield day + 2
    to_payee = scene.draw(payer, scene.at(day + 2, 11), payee=mule)
    from_device = scene.draw(guest, scene.at(day + 2, 13), place=place)
    for who, draw, note in (
        (payer, to_payee, "to the payee of a confirmed fraud"),
        (guest, from_device, "from the device and network of a confirmed fraud"),
    ):
        scene.expect(
            "linked_to_fraud", ("account", who.account), who.account, "high", draw.at,
            [draw.event_id], note,
        )  # fmt: skip


def near_misses(scene: Scene) -> Script:
    """A payee cleared again; the victim's own tablet, on which the family goes on."""
    day = scene.opening_day()
    yield day
    (suspect, *_) = (cast := scene.cast(day, 2))
    family, mule, friend = scene.family(day), scene.payee(), scene.payee()
    doubted = scene.draw(suspect, scene.at(day, 12), payee=friend)
    victim, relative = family[0], family[1]
    at, tablet = scene.at(day, 21), Place(victim.tablet, victim.ip)
    _, session = scene.login(victim, at - 60_000, tablet)
    fraud = scene.ask(victim, at, victim.usual_minor, tablet, mule, session, None)
    scene.expect(
        "verification_bypass", ("account", victim.account), victim.account, "critical", at,
        [fraud.event_id], "unverified, on the family's own tablet",
    )  # fmt: skip
    yield day + 1
    found = scene.at(day + 1, 9)
    scene.judge(victim, found, fraud, "confirmed_fraud", "takeover")
    scene.judge(suspect, found, doubted, "confirmed_fraud")
    scene.judge(suspect, found + 4 * HOUR_MS, doubted, "false_positive")
    yield day + 2
    at = scene.at(day + 2, 14)
    for who, draw, note in (
        (cast[0], scene.draw(cast[0], at, payee=friend), "cleared: the suspect draws again"),
        (cast[1], scene.draw(cast[1], at, payee=friend), "cleared: another draws to that payee"),
        (relative, scene.draw(relative, at, place=tablet), "the victim's own old tablet"),
    ):
        scene.near_miss(
            "linked_to_fraud", ("account", who.account), who.account, (at, at),
            [draw.event_id], note,
        )  # fmt: skip


def popular_and_own(scene: Scene) -> Script:
    """A shop with many customers, of whom one was deceived; a borrower deceived into drawing to
    the own card, who goes on using it."""
    day = scene.opening_day()
    yield day
    shop, card = scene.payee("other", "merchant"), scene.payee("self")
    deceived, owner, customer = scene.cast(day, 3, draws=4, days=99)
    able = [who for who in scene.passers_by(48) if scene.left(who) > 2 * who.usual_minor]
    for n, who in enumerate(able[:CUSTOMERS]):
        at = scene.at(day, 9, 20) + n * HOUR_MS // 3
        scene.draw(who, at, who.usual_minor // 2, payee=shop)
    bought = scene.draw(deceived, scene.at(day, 12), payee=shop)
    drawn = scene.draw(owner, scene.at(day, 13), payee=card)
    yield day + 1
    for who, draw in ((deceived, bought), (owner, drawn)):
        scene.judge(who, scene.at(day + 1, 9), draw, "confirmed_fraud", "scam_victim")
    yield day + 2
    draw = scene.draw(customer, scene.at(day + 2, 12), payee=shop)
    note = "a payee of more than twenty accounts, one of them deceived"
    scene.left_alone("linked_to_fraud", customer, [draw], note)
    draw = scene.draw(owner, scene.at(day + 2, 12), payee=card)
    scene.left_alone("linked_to_fraud", owner, [draw], "the own card")
