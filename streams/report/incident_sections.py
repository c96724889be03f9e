"""Incidents as the report draws them: each one line on a time axis, those held under it below."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from streams.explain_values import Clock, Told, money, number, word
from streams.report import incidents
from streams.report.charts import bars
from streams.report.incidents import Held, Incident, Instalment, Key
from streams.report.texts import tell

Names = Mapping[str, Told]  # of typologies
Section = dict[str, Any]
Record = Mapping[str, Any]
LINES_MAX: Final = 36  # drawn under an incident
ROWS_MAX: Final = 12  # of the table
FATES: Final = ("paid", "short", "open")
HOUR_MS: Final = 3_600_000
STEPS_HOURS: Final = (1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 720)  # between ticks of an axis
TICKS_MAX: Final = 6
MARGIN: Final = 0.04  # of the axis, on both sides


class Axis:
    """A stretch of time, as percentages from left to right."""

    def __init__(self, first_ms: int, last_ms: int) -> None:
        margin_ms = max(60_000, int((last_ms - first_ms) * MARGIN))
        self._first_ms, self._last_ms = first_ms - margin_ms, last_ms + margin_ms

    def at(self, ms: int) -> float:
        """How far from the left an instant is, kept inside."""
        share = (ms - self._first_ms) / (self._last_ms - self._first_ms)
        return round(100 * min(1.0, max(0.0, share)), 3)

    def line(self, first_ms: int, last_ms: int) -> Section:
        """A line from one instant to another."""
        left = self.at(first_ms)
        return {"left": left, "width": round(self.at(last_ms) - left, 3)}

    def ticks(self, clock: Clock) -> list[tuple[float, str]]:
        """Whole hours or days of local time, and how they are written."""
        span_hours = (self._last_ms - self._first_ms) / HOUR_MS
        step = next((n for n in STEPS_HOURS if span_hours / n <= TICKS_MAX), STEPS_HOURS[-1])
        form = "%m-%d" if step >= 24 else "%H:%M" if span_hours <= 24 else "%m-%d %H:%M"
        first_hour = -(-self._first_ms // HOUR_MS)
        hours = range(first_hour, self._last_ms // HOUR_MS + 1)
        found = [(hour, clock.local(hour * HOUR_MS)) for hour in hours]
        return [
            (self.at(hour * HOUR_MS), f"{local:{form}}")
            for hour, local in found
            if (local.toordinal() * 24 + local.hour) % step == 0
        ]


def states(
    keys: Mapping[Key, bool], alerts: Mapping[str, Sequence[Record]], names: Names
) -> list[Any]:
    """All instalments of the log by where they stand at its end. `keys`: whether each is paid."""
    counts: Counter[str] = Counter()
    for key, alert_id in incidents.alert_ids(keys).items():
        revisions = alerts.get(alert_id)
        if revisions is None:
            counts["state_paid" if keys[key] else "state_waiting"] += 1
        elif revisions[-1]["status"] == "resolved":
            counts["state_cured"] += 1
        else:
            counts[revisions[-1]["typology"]] += 1
    return bars(counts, lambda name: tell(name) if name.startswith("state_") else names[name])


def table(
    found: Sequence[Incident], alerts: Mapping[str, Sequence[Record]], names: Names, clock: Clock
) -> list[Section]:
    """A row an incident."""
    return [
        {
            "title": names[one.last["typology"]],
            "kind": word("entity", one.last["entity"]["kind"]),
            "entity": one.last["entity"]["id"],
            "span": _span(one, clock),
            "revisions": len(alerts[one.last["alert_id"]]),
            "why": Told(one.last["reasons"][0]["text"], one.last["reasons"][0]["text_zh"]),
        }
        for one in found
        if one.last["status"] != "withdrawn"
    ]


def outage(
    one: Incident, held: Held, alerts: Mapping[str, Sequence[Record]],
    without: Mapping[str, Sequence[Record]], names: Names, clock: Clock, end_ms: int,
) -> Section | None:  # fmt: skip
    """An outage with the instalments that it held; None where it held none."""
    own = held.of(one)
    if not own:
        return None
    named = incidents.alert_ids(own)
    ended_ms = end_ms if one.ended_ms is None else one.ended_ms
    fates = {key: instalment.fate for key, instalment in own.items()}
    ends = [end_ms if at_ms is None else at_ms for _, at_ms in fates.values()]
    axis = Axis(one.began_ms, max(ended_ms, min(max(ends), 2 * ended_ms - one.began_ms)))
    missed = [key for key in own if named[key] in without]
    told = [key for key in own if named[key] in alerts]
    tagged = [key for key in told if alerts[named[key]][0]["treatment"]["system_caused"]]
    counts = Counter(fate for fate, _ in fates.values())
    return {
        "title": names[one.last["typology"]],
        "entity": one.last["entity"]["id"],
        "gist": _gist(one, own, clock),
        "line": axis.line(one.began_ms, ended_ms) | {"lasts": one.ended_ms is None},
        "lines": [_line(own[key], fates[key], axis, end_ms) for key in _spread(list(own))],
        "ticks": axis.ticks(clock),
        "fates": [(name, counts[name], tell(f"fate_{name}")) for name in FATES],
        "lines_note": tell("held_drawn", drawn=min(LINES_MAX, len(own)), count=number(len(own))),
        "with_count": 1 + len(told),
        "without_count": len(missed),
        "with": tell("with_incident", told=number(len(told)), tagged=number(len(tagged))),
        "without": bars(
            Counter(without[named[key]][0]["typology"] for key in missed), names.__getitem__
        ),
        "rows": [
            _row(own[key], without[named[key]], alerts.get(named[key]), names, clock)
            for key in missed[:ROWS_MAX]
        ],
        "rows_left": max(0, len(missed) - ROWS_MAX),
    }


def _gist(one: Incident, own: Mapping[Key, Instalment], clock: Clock) -> Told:
    amounts: Counter[str] = Counter()
    for instalment in own.values():
        step = instalment.steps[0]
        amounts[step.currency] += step.amount_due_minor
    (currency, minor), *_ = sorted(amounts.items(), key=lambda entry: (-entry[1], entry[0]))
    return tell(
        "held_gist", span=_span(one, clock), count=number(len(own)), amount=money(minor, currency)
    )


def _span(one: Incident, clock: Clock) -> Told:
    began = clock.local(one.began_ms)
    if one.ended_ms is None:
        return tell("span_lasts", began=f"{began:%Y-%m-%d %H:%M}")
    ended = clock.local(one.ended_ms)
    form = "%H:%M" if ended.date() == began.date() else "%Y-%m-%d %H:%M"
    return tell("span", began=f"{began:%Y-%m-%d %H:%M}", ended=f"{ended:{form}}")


def _spread(keys: Sequence[Key]) -> list[Key]:
    """Some of them, evenly from the first to the last."""
    step = max(1, len(keys) / LINES_MAX)
    return [keys[int(place * step)] for place in range(min(len(keys), LINES_MAX))]


def _line(one: Instalment, fate: tuple[str, int | None], axis: Axis, end_ms: int) -> Section:
    name, at_ms = fate
    tries = [axis.at(step.occurred_at) for step in one.steps if step.outcome == "channel_error"]
    return axis.line(one.first_ms, end_ms if at_ms is None else at_ms) | {
        "fate": name, "tries": tries,
    }  # fmt: skip


def _row(
    one: Instalment, without: Sequence[Record], told: Sequence[Record] | None, names: Names,
    clock: Clock,
) -> Section:  # fmt: skip
    first = without[0]
    with_it = tell("held_back")
    if told is not None:
        name = names[told[0]["typology"]]
        is_tagged = told[0]["treatment"]["system_caused"]
        with_it = tell("told_tagged" if is_tagged else "told_alone", title=name)
    return {
        "account": first["entity"]["id"],
        "amount": money(first["amount_minor"], first["currency"]),
        "failed": clock.time(one.first_ms),
        "would": tell(
            "would_row",
            title=names[first["typology"]],
            at=clock.time(first["occurred_at"]),
            severity=word("severity", first["severity"]),
        ),
        "with_it": with_it,
    }
