"""What the slow engine measures beside `reference_readings`: counts, sums, ages and anchors.

The laws cited are those of detector/README.md, 20a to 20h above all.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from tests.reference_logic import NO_HISTORY, SOURCE_MISSING, Number, Truth, Unknown
from tests.reference_memory import HOUR, Entry
from tests.reference_readings import View

Picks = Callable[[Entry], bool]
Found = list[Entry] | Unknown
EARTH_KM = 6_371.0088
HIDING = {"vpn", "tor"}

# -- which entries are counted --


def good_login(entry: Entry) -> bool:
    return entry.is_login and not entry.failed_login


def failed_check(entry: Entry) -> bool:
    return entry.is_check and bool(entry.event["outcome"] == "failed")


def signals(entry: Entry) -> set[str]:
    return set(entry.event.get("device_signals") or ())


def shows(entry: Entry, *words: str) -> bool:
    """Carries one of these signals."""
    return not signals(entry).isdisjoint(words)


def by(entry: Entry, *methods: str) -> bool:
    """Law 20b: the entry's method is one of these."""
    return entry.event["method"] in methods


def all_of(
    see: View, picks: Picks, span_ms: int | None = None, before: bool = False
) -> list[Entry]:
    """Law 15, what is no draw; no span: all that the ring holds up to the event's place."""
    every_ms = see.entry.t + 1
    entries = see.entity.up_to(see.entry, every_ms if span_ms is None else span_ms, before)
    return [entry for entry in entries if picks(entry)]


def draws(see: View, span_ms: int | None = None, before: bool = False) -> Found:
    """Draws that are not void (law 10)."""
    every_ms = see.entry.t + 1
    return fed(see, see.draws(every_ms if span_ms is None else span_ms, before), "disbursement")


def same(see: View, name: str, entries: Found) -> Found:
    """Law 16: those whose id equals the event's."""
    own = getattr(see.entry, name)
    if isinstance(entries, Unknown):
        return entries
    if own is None:
        return see.cause(name)
    return [entry for entry in entries if getattr(entry, name) == own]


def fed(see: View, found: Found, *feeds: str) -> Found:
    """Law 20: unknown where none of the feeds is there."""
    return SOURCE_MISSING if see.terms.missing_sources.issuperset(feeds) else found


def whole(see: View, found: Found, from_ms: int) -> Found:
    """Law 17, of a window that begins after `from_ms`."""
    put_away_ms = see.entity.put_away_ms
    return NO_HISTORY if put_away_ms is not None and put_away_ms > from_ms else found


# -- what is made of them --


def number(see: View, found: Found) -> Number:
    return found if isinstance(found, Unknown) else len(see.counts(found))


def total(see: View, found: Found, name: str) -> Number:
    if isinstance(found, Unknown):
        return found
    return sum(entry.event[name] for entry in see.counts(found))


def least(see: View, found: Found, name: str) -> Number:
    if isinstance(found, Unknown):
        return found
    return min((entry.event[name] for entry in see.counts(found)), default=NO_HISTORY)


def newest(see: View, found: Found, name: str) -> Number:
    """Law 20d."""
    if isinstance(found, Unknown):
        return found
    see.counts(found)
    value: Number = found[-1].event[name] if found else NO_HISTORY
    return value


def age_of_first(see: View, found: Found, read: bool = True) -> Number:
    """`read`: the rule reads it itself, not only as an anchor."""
    if isinstance(found, Unknown):
        return found
    see.counts(found if read else [])
    return see.entry.t - found[0].t if found else NO_HISTORY


def age_of_last(see: View, found: Found, read: bool = True) -> Number:
    if isinstance(found, Unknown):
        return found
    see.counts(found if read else [])
    return see.entry.t - found[-1].t if found else NO_HISTORY


# -- law 20c: anchors --


def since(see: View, age: Number, entries: list[Entry]) -> Found:
    """Of the entries of the span, those from the anchor's time on; all where there is none."""
    if isinstance(age, Unknown):
        return entries if age == NO_HISTORY else age
    return [entry for entry in entries if entry.t >= see.entry.t - age]


def until(
    see: View, age: Number, entries: list[Entry], span_ms: int, absent: bool = False
) -> Found:
    """Of all entries those between the anchor less the span and the anchor, both left out.

    `absent`: where there is no anchor, nothing is counted; else it is not known.
    """
    if isinstance(age, Unknown):
        return [] if absent and age == NO_HISTORY else age
    anchor_ms = see.entry.t - age
    return [entry for entry in entries if anchor_ms - span_ms < entry.t < anchor_ms]


# -- laws 20e to 20g --


def since_draw(see: View) -> Number:
    drawn = draws(see, before=True)
    if isinstance(drawn, Unknown):
        return drawn
    drawn = drawn or see.entity.put_away
    return see.entry.t - drawn[-1].t if drawn else NO_HISTORY


def new_signals(logins: list[Entry]) -> int:
    """Signals first shown on another network than that of the first log-in."""
    shown: set[str] = set()
    new: set[str] = set()
    for entry in logins:
        away = None not in (entry.network, logins[0].network)
        if away and entry.network != logins[0].network:
            new |= signals(entry) - shown
        shown |= signals(entry)
    return len(new)


def travel_kmh(see: View, span_ms: int, over_km: float) -> Number:
    logins = all_of(see, good_login)
    pairs = [
        pair for pair in pairwise(logins)
        if pair[1].t > see.entry.t - span_ms
    ]  # fmt: skip
    see.counts([login for pair in pairs for login in pair])
    speeds = [speed_kmh(*pair, over_km) for pair in pairs]
    if not pairs:
        return NO_HISTORY
    greatest = max((speed for speed in speeds if speed is not None), default=0.0)
    return SOURCE_MISSING if greatest == 0 and None in speeds else greatest


def speed_kmh(one: Entry, two: Entry, over_km: float) -> float | None:
    """Of two log-ins in a row; None where it is not known."""
    if one.device is not None and one.device == two.device:
        return 0.0
    if one.device is None or two.device is None or (signals(one) | signals(two)) & HIDING:
        return None
    places = degrees(one), degrees(two)
    if places[0] is None or places[1] is None:
        return None
    km = distance_km(*places[0], *places[1])
    return 0.0 if km <= over_km else km / (max(1, two.t - one.t) / HOUR)


def degrees(entry: Entry) -> tuple[float, float] | None:
    """Latitude and longitude in tenths, as they are kept."""
    told: list[Any] = [entry.event.get(name) for name in ("latitude", "longitude")]
    return None if None in told else (round(told[0] * 10) / 10, round(told[1] * 10) / 10)


def distance_km(north: float, east: float, to_north: float, to_east: float) -> float:
    """Along the great circle, by the angle between two unit vectors."""
    one, two = unit(north, east), unit(to_north, to_east)
    cross = math.hypot(
        one[1] * two[2] - one[2] * two[1],
        one[2] * two[0] - one[0] * two[2],
        one[0] * two[1] - one[1] * two[0],
    )
    along = sum(a * b for a, b in zip(one, two, strict=True))
    return EARTH_KM * math.atan2(cross, along)


def unit(north: float, east: float) -> tuple[float, float, float]:
    lat, lon = math.radians(north), math.radians(east)
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)


# -- law 20h --


def days_early(see: View) -> int:
    terms, entry = see.terms, see.entry
    return (terms.local_date(entry.event["due_at"]) - terms.local_date(entry.t)).days


def is_after(see: View, name: str) -> Truth:
    """The debit is later than a time that the mandate may tell."""
    at_ms = see.entry.event.get(name)
    return SOURCE_MISSING if at_ms is None else see.entry.t > at_ms
