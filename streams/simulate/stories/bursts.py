"""Stories of speed: many draws in a short time."""

from __future__ import annotations

from streams.simulate.scene import Scene, Script
from streams.simulate.world import MINUTE_MS


def many_draws(scene: Scene) -> Script:
    """Six draws in twenty minutes; beside them four, and six of which three were rejected."""
    day = scene.opening_day()
    yield day
    fast, few, refused = scene.cast(day, 3, room=0.7)
    at = scene.at(day, 20)
    draws = [scene.draw(fast, at + n * 4 * MINUTE_MS, fast.usual_minor // 2) for n in range(6)]
    scene.expect(
        "velocity_burst", ("account", fast.account), fast.account, "high", draws[4].at,
        [draw.event_id for draw in draws], "six draws in twenty minutes",
        status="updated", by=draws[5].at,
    )  # fmt: skip
    at = scene.at(day, 18)
    draws = [scene.draw(few, at + n * 4 * MINUTE_MS, few.usual_minor // 2) for n in range(4)]
    scene.near_miss(
        "velocity_burst", ("account", few.account), few.account, (at, draws[-1].at),
        [draw.event_id for draw in draws], "four draws in twelve minutes",
    )  # fmt: skip
    ends = ("rejected", "rejected", "rejected", "paid", "paid", "paid")
    draws = [
        scene.draw(refused, at + n * 4 * MINUTE_MS, refused.usual_minor // 2, end=end)
        for n, end in enumerate(ends)
    ]
    scene.near_miss(
        "velocity_burst", ("account", refused.account), refused.account, (at, draws[-1].at),
        [draw.event_id for draw in draws], "six asked for, three of them rejected",
    )  # fmt: skip
