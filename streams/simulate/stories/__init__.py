"""The stories that can be planted, an explicit list: name → generator function over a `Scene`.

To add one: write a generator function in a module here, plant at least one thing that must be
found (`scene.expect`) and its near misses (`scene.near_miss`), and name it below.
"""

from __future__ import annotations

from typing import Final

from streams.simulate.scene import Story
from streams.simulate.stories import (
    bursts,
    cases,
    debits,
    devices,
    devices_taken,
    guesses,
    incidents,
    limits,
    links,
    mandates,
    mules,
    sessions,
    stuffing,
    takeovers,
    verifications,
)

_LISTED: Final[tuple[tuple[str, Story], ...]] = (
    ("mule_fan_in.popular_person", mules.popular_person),  # first: it needs the whole log
    ("case.slow_ramp", cases.slow_ramp),
    ("case.shenzhen", cases.shenzhen),
    ("case.huang_yi", cases.huang_yi),
    ("case.stolen_phone", cases.stolen_phone),
    # Then those who need rare people: rich ones, sleepers, ones with a long history.
    ("threshold_evasion", bursts.threshold_evasion),
    ("threshold_evasion.near_misses", bursts.threshold_near_misses),
    ("limit_above_cap", limits.above_the_cap),
    ("account_takeover", takeovers.drained_to_a_stranger),
    ("account_takeover.own_card", takeovers.drained_to_own_card),
    ("account_takeover.near_misses", takeovers.near_misses),
    ("linked_to_fraud", links.same_payee_and_device),
    ("linked_to_fraud.near_misses", links.near_misses),
    ("linked_to_fraud.popular_and_own", links.popular_and_own),
    ("credential_stuffing.success", stuffing.success_and_draw),
    ("credential_stuffing.device", stuffing.one_device),
    ("credential_stuffing.network", stuffing.one_network),
    ("credential_stuffing.near_misses", stuffing.near_misses),
    ("remote_control", devices_taken.remote_control),
    ("remote_control.near_misses", devices_taken.remote_near_misses),
    ("sim_swap", devices_taken.sim_swap),
    ("sim_swap.near_misses", devices_taken.sim_near_misses),
    ("induced_borrowing", devices_taken.induced_borrowing),
    ("induced_borrowing.near_misses", devices_taken.induced_near_misses),
    ("dormant_awakening", devices_taken.dormant_awakening),
    ("dormant_awakening.near_misses", devices_taken.dormant_near_misses),
    ("rapid_stacking", limits.rapid_stacking),
    ("limit_raise_drain", limits.limit_raise_drain),
    ("verification_bypass", verifications.bypass),
    ("verification_bypass.late_pass", verifications.late_pass),
    ("verification_bypass.partial", verifications.partial_match),
    ("verification_reuse", verifications.reuse),
    ("verification_guessing", guesses.guessing),
    ("verification_guessing.near_misses", guesses.guessing_near_misses),
    ("otp_flood", guesses.otp_flood),
    ("otp_flood.near_misses", guesses.flood_near_misses),
    ("session_hijack", sessions.session_hijack),
    ("session_hijack.near_misses", sessions.session_near_misses),
    ("impossible_travel", sessions.impossible_travel),
    ("impossible_travel.near_misses", sessions.travel_near_misses),
    ("velocity_burst", bursts.velocity_burst),
    ("probe_then_drain", bursts.probe_then_drain),
    ("probe_then_drain.near_misses", bursts.probe_near_misses),
    ("shared_device", devices.device_farm),
    ("shared_device.near_misses", devices.near_misses),
    ("mule_fan_in", mules.new_mule),
    ("mule_fan_in.near_misses", mules.near_misses),
    ("over_limit", limits.over_the_limit),
    ("out_of_mandate_debit", mandates.out_of_mandate),
    ("out_of_mandate_debit.near_misses", mandates.near_misses),
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
# What befalls a whole channel; told once a world, by the presets that name it.
INCIDENTS: Final[dict[str, Story]] = _named((
    ("channel_outage", incidents.channel_outage),
    ("complaint_spike", incidents.complaint_spike),
    ("feed_silent", incidents.feed_silent),
    ("feed_broken", incidents.feed_broken),
    ("delinquency_surge", incidents.delinquency_surge),
))  # fmt: skip
