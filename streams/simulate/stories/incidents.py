"""Stories of what befalls many at once: a channel of debits."""

from __future__ import annotations

from streams.simulate.instalments import Down
from streams.simulate.scene import Scene, Script
from streams.simulate.world import CHANNELS


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
