"""Stories of what befalls many at once: a channel of debits, or a feed."""

from __future__ import annotations

from streams.simulate import shapes
from streams.simulate.instalments import Down, Worse
from streams.simulate.log import Mute
from streams.simulate.scene import Scene, Script
from streams.simulate.stories.debits import instalment
from streams.simulate.world import CHANNELS, DAY_MS, HOUR_MS, MINUTE_MS, START_MS, Borrower

SPIKE, MURMUR = 16, 8  # complaints in an hour: many, and too few to matter
ASKED = 12  # borrowers looked at for each that is wanted: one in ten has the rarest channel
BROKEN_LINES = 160


def channel_outage(scene: Scene) -> Script:
    """A bank fails from a quarter past eight until three, all of its attempts."""
    day, channel = scene.opening_day(), CHANNELS[0]
    down = Down(channel, scene.at(day, 8.25, 10), scene.at(day, 15, 10))
    scene.instalments.take_down(down)
    words = ("alert", (down.from_ms, down.until_ms), down.event_ids, "every attempt fails")
    entity = ("channel", channel)
    scene.truth.add(
        scene.story, "channel_outage", entity, None, *words, severity="high", status="resolved"
    )
    yield day


def complaint_spike(scene: Scene) -> Script:
    """Many complain within the hour about debits of one bank; a few about those of another."""
    day = scene.opening_day() + 1
    yield day - 1
    for channel, count in ((CHANNELS[1], SPIKE), (CHANNELS[2], MURMUR)):
        at, event_ids = scene.at(day, 14, 60), []
        for who in _of_channel(scene, channel, count):
            item = instalment(scene, who, day)
            debited = item.step(scene.at(day, 9), "success", item.owed)
            event_ids.append(scene.log.next_id())
            words = debited, "complaint", "desk-1", None
            scene.log.tell(shapes.disposition(
                event_ids[-1], who.who, at + scene.count(0, 50) * MINUTE_MS, *words
            ))  # fmt: skip
        found = count == SPIKE
        more = {"severity": "high"} if found else {}
        note = f"{count} complaints in an hour"
        scene.truth.add(
            scene.story, "complaint_spike", ("channel", channel), None,
            "alert" if found else "silent", (at, at + HOUR_MS), event_ids, note, **more,
        )  # fmt: skip


def _of_channel(scene: Scene, channel: str, count: int) -> list[Borrower]:
    """Borrowers of no story who are debited by a channel."""
    found = [who for who in scene.passers_by(ASKED * count) if who.obligation[1] == channel]
    return found[:count]


def feed_silent(scene: Scene) -> Script:
    """No log-in reaches the log from late morning until the afternoon."""
    day = scene.opening_day()
    mute = Mute("login", scene.at(day, 11, 20), scene.at(day, 15, 20))
    scene.log.muted.append(mute)
    between = mute.from_ms, mute.until_ms
    scene.truth.add(
        scene.story, "feed_silent", ("feed", "login"), None, "alert", between, [],
        "no log-in arrives", severity="high",
    )  # fmt: skip
    yield day


def feed_broken(scene: Scene) -> Script:
    """A producer's new version writes times as text, for a quarter of an hour."""
    day = scene.opening_day()
    yield day
    at = scene.at(day, 18, 60)
    people = scene.passers_by(BROKEN_LINES)
    for n, who in enumerate(people):
        event = shapes.login(
            scene.log.next_id(), who.who, at + n * 15 * MINUTE_MS // BROKEN_LINES,
            scene.world.token("s"), who.device, who.ip,
        )  # fmt: skip
        scene.log.tell(event, told=event | {"occurred_at": f"{event['occurred_at']} ms"})
    between = at, at + 15 * MINUTE_MS
    scene.truth.add(
        scene.story, "feed_broken", ("feed", "login"), None, "alert", between, [],
        "times written as text", severity="high",
    )  # fmt: skip


def delinquency_surge(scene: Scene) -> Script:
    """On one day of the fourth month or later a bank's borrowers are short of money."""
    first = scene.world.days - 10
    day = scene.count(first, first + 3)
    worse = Worse(CHANNELS[0], day)
    scene.instalments.make_worse(worse)
    between = START_MS + day * DAY_MS, START_MS + (day + 1) * DAY_MS
    scene.truth.add(
        scene.story, "delinquency_surge", ("channel", worse.channel), None, "alert", between,
        worse.event_ids, "balances are short", severity="medium",
    )  # fmt: skip
    yield day
