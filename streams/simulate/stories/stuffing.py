"""Stories of stolen passwords tried on many accounts."""

from __future__ import annotations

from streams.simulate.casting import Place
from streams.simulate.scene import Scene, Script
from streams.simulate.world import MINUTE_MS

TRIED = 24  # accounts an attack tries; the shipped threshold is 10
PACE_MS = 19_000


def one_device(scene: Scene) -> Script:
    """One device, an address of another network for each try."""
    day = scene.opening_day()
    yield day
    device, start = scene.stranger().device, _quiet_hour(scene, day)
    events = [
        scene.login(who, start + n * PACE_MS, Place(device, scene.world.strange_ip()), "failure")[0]
        for n, who in enumerate(scene.passers_by(TRIED))
    ]
    scene.expect(
        "credential_stuffing", ("device", device), None, "high", start,
        events, "24 accounts from one device", status="updated", by=start + TRIED * PACE_MS,
    )  # fmt: skip


def one_network(scene: Scene) -> Script:
    """One network, a fresh device for each try."""
    day = scene.opening_day()
    yield day
    ip, start = scene.world.strange_ip(), _quiet_hour(scene, day)
    events = [
        scene.login(who, start + n * PACE_MS, Place(scene.world.token("dx"), ip), "failure")[0]
        for n, who in enumerate(scene.passers_by(TRIED))
    ]
    scene.expect(
        "credential_stuffing", ("network", cidr(ip)), None, "high", start,
        events, "24 accounts from one network", status="updated", by=start + TRIED * PACE_MS,
    )  # fmt: skip


def success_and_draw(scene: Scene) -> Script:
    """One device on one network; the last password fits, and the account is drained from there."""
    day = scene.opening_day()
    yield day
    (victim,) = scene.cast(day, draws=4, days=99)
    place, start = scene.stranger(), _quiet_hour(scene, day)
    tried = [*scene.passers_by(TRIED), victim]
    events = [
        scene.login(who, start + n * PACE_MS, place, "failure")[0] for n, who in enumerate(tried)
    ]
    at = start + len(tried) * PACE_MS + 15 * MINUTE_MS
    draw = scene.draw(victim, at, 4 * victim.usual_minor, place, scene.payee(), method="otp")
    events.append(draw.event_id)
    for entity in (("device", place.device), ("network", cidr(place.ip))):
        scene.expect(
            "credential_stuffing", entity, None, "critical", start,
            events, "25 accounts tried, one of them entered and drained", "updated", at,
        )  # fmt: skip
    scene.expect(
        "account_takeover", ("account", victim.account), victim.account, "critical", at,
        [draw.event_id], "the account whose password fitted",
    )  # fmt: skip
    yield day + 1
    scene.judge(victim, scene.at(day + 1, 9), draw, "confirmed_fraud", "takeover")


def near_misses(scene: Scene) -> Script:
    """An outage where failures happen everywhere, and an office with many good logins."""
    day = scene.opening_day()
    yield day
    _outage(scene, scene.at(day, 15))
    _office(scene, scene.at(day, 9, spread_minutes=20))


def _outage(scene: Scene, start: int) -> None:
    """Nobody gets in for nine minutes, at home or on a carrier's network."""
    crowd = scene.passers_by(110 + scene.world.accounts // 80)
    carrier_ip = str(scene.world.carrier_ips[0])
    on_carrier, at_home = crowd[:14], crowd[14:]
    pace = 9 * MINUTE_MS // len(at_home)
    events = [
        scene.login(who, start + n * pace, scene.home(who), "failure")[0]
        for n, who in enumerate(at_home)
    ]
    for n, who in enumerate(on_carrier):
        place = Place(who.device, carrier_ip)
        when = start + 90_000 + n * 30_000
        events.append(scene.login(who, when, place, "failure")[0])
    scene.near_miss(
        "credential_stuffing", ("network", cidr(carrier_ip)), None,
        (start, start + 9 * MINUTE_MS), events, "an outage of ours: failures everywhere at once",
    )  # fmt: skip


def _office(scene: Scene, start: int) -> None:
    """Forty colleagues behind one address; twelve mistype."""
    ip, events = scene.world.strange_ip(), []
    for n, who in enumerate(scene.passers_by(40)):
        outcome = "failure" if n % 3 == 2 and n < 36 else "success"
        place = Place(who.device, ip)
        events.append(scene.login(who, start + n * 13_000, place, outcome)[0])
    scene.near_miss(
        "credential_stuffing", ("network", cidr(ip)), None,
        (start, start + 9 * MINUTE_MS), events, "an office: 28 of 40 get in",
    )  # fmt: skip


def _quiet_hour(scene: Scene, day: int) -> int:
    """A start at night or in the morning, apart from every other attack's: two at once would shield
    each other, for an attack is told from an outage by how little fails elsewhere."""
    scene.world.tokens[f"attacks of day {day}"] += 1
    earlier = scene.world.tokens[f"attacks of day {day}"] - 1
    return scene.at(day, 0.3 + 0.5 * (earlier % 28), spread_minutes=8)


def cidr(ip: str) -> str:
    """The /24 of an IPv4 address."""
    return ip.rsplit(".", 1)[0] + ".0/24"
