"""The stories that can be planted, an explicit list: name → generator function over a `Scene`.

To add one: write a generator function in a module here, plant at least one thing that must be
found (`scene.expect`) and its near misses (`scene.near_miss`), and name it below.
"""

from __future__ import annotations

from typing import Final

from streams.simulate.scene import Story
from streams.simulate.stories import (
    bursts,
    debits,
    devices,
    limits,
    links,
    mules,
    stuffing,
    takeovers,
    verifications,
)

_LISTED: Final[tuple[tuple[str, Story], ...]] = (
    ("mule_fan_in.popular_person", mules.popular_person),  # first: it needs the whole log
    ("verification_bypass", verifications.bypass),
    ("verification_bypass.late_pass", verifications.late_pass),
    ("verification_bypass.partial", verifications.partial_match),
    ("verification_reuse", verifications.reuse),
    ("account_takeover", takeovers.drained_to_a_stranger),
    ("account_takeover.own_card", takeovers.drained_to_own_card),
    ("account_takeover.near_misses", takeovers.near_misses),
    ("velocity_burst", bursts.many_draws),
    ("credential_stuffing.device", stuffing.one_device),
    ("credential_stuffing.network", stuffing.one_network),
    ("credential_stuffing.success", stuffing.success_and_draw),
    ("credential_stuffing.near_misses", stuffing.near_misses),
    ("shared_device", devices.device_farm),
    ("shared_device.near_misses", devices.near_misses),
    ("mule_fan_in", mules.new_mule),
    ("mule_fan_in.near_misses", mules.near_misses),
    ("linked_to_fraud", links.same_payee_and_device),
    ("linked_to_fraud.near_misses", links.near_misses),
    ("over_limit", limits.over_the_limit),
    ("debit_failed", debits.failed_and_cured),
    ("debit_failed.near_misses", debits.near_misses),
)


def _named(listed: tuple[tuple[str, Story], ...]) -> dict[str, Story]:
    names = [name for name, _ in listed]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(f"stories of the same name: {', '.join(sorted(repeated))}")
    return dict(listed)


STORIES: Final[dict[str, Story]] = _named(_LISTED)
