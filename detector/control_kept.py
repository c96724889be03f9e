"""All that a control stage remembers, as plain values that can be written and taken up again."""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec
import numpy as np

from detector.control import Control
from detector.control_memory import ControlMemory
from detector.incidents import SAMPLES_MAX, Incident, Samples


class Array(msgspec.Struct, array_like=True):
    """An array of the memory, little-endian."""

    kind: str
    shape: tuple[int, ...]
    content: bytes


class KeptSamples(msgspec.Struct, array_like=True):
    """What is kept of a series for evidence."""

    series: tuple[int, int]
    kept: list[tuple[int, str, str]]
    currency: str | None


class Kept(msgspec.Struct):
    """A control stage."""

    arrays: dict[str, Array]
    names: list[str]
    unwatched: int
    channels: dict[str, int]
    providers: dict[int, int]
    incidents: dict[int, list[Incident]]
    fails_open: dict[int, Incident]
    silent: dict[int, Incident]
    samples: list[KeptSamples]
    event_id: str


def kept_of(control: Control) -> Kept:
    """What it remembers now."""
    watched = control.watched
    return Kept(
        {name: _kept(array) for name, array in control.memory._asdict().items()},
        watched.names, watched.unwatched, watched.channels, watched.providers,
        control.incidents, control.fails_open, control.silent,
        [KeptSamples(key, list(one.kept), one.currency) for key, one in control.samples.items()],
        control.event_id,
    )  # fmt: skip


def take_up(control: Control, kept: Kept) -> None:
    """Let a fresh one go on from what another remembered.

    Raises:
        ValueError: that one had another memory: it was made for another `lateness_hours`.
    """
    arrays = {name: _array(kept.arrays[name]) for name in ControlMemory._fields}
    minutes = control.memory.counts.shape[1]
    if arrays["counts"].shape[1] != minutes:
        raise ValueError(
            f"it remembers {arrays['counts'].shape[1]} minutes, and {minutes} are asked for"
            " (`lateness_hours` of the policy)"
        )
    control.memory = ControlMemory(**arrays)
    watched = control.watched
    watched.names, watched.unwatched = kept.names, kept.unwatched
    watched.channels, watched.providers = kept.channels, kept.providers
    control.incidents.update(kept.incidents)
    control.fails_open, control.silent = kept.fails_open, kept.silent
    for one in kept.samples:
        control.samples[one.series] = Samples(deque(one.kept, SAMPLES_MAX), one.currency)
    control.event_id = kept.event_id


def _kept(array: np.ndarray[Any, Any]) -> Array:
    told = array.dtype.newbyteorder("<")
    return Array(told.str, array.shape, array.astype(told).tobytes())


def _array(one: Array) -> np.ndarray[Any, Any]:
    kind = np.dtype(one.kind)
    return np.frombuffer(one.content, kind).reshape(one.shape).astype(kind.newbyteorder("="))
