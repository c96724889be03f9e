"""The parts of the report as its templates want them: numbers with their words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from functools import partial
from itertools import pairwise
from typing import Any, Final

from detector.rulebook import Rulebook
from streams.explain_values import Clock, Told, duration, listed, money, number, same, word
from streams.explain_words import WORDS
from streams.report import figures
from streams.report.charts import bars, columns, in_order
from streams.report.figures import REPAYMENT, Mark, Record
from streams.report.gather import Data, middle
from streams.report.texts import tell
from streams.scoring import Score

TICKS_MAX: Final = 6
HOURS: Final = tuple(f"{hour:02d}" for hour in range(24))
TYPES: Final = ("login", "identity_verification", "disbursement", "auto_debit", "disposition")
Names = Mapping[str, Told]  # of typologies
Section = dict[str, Any]


def names_of(rulebook: Rulebook) -> Names:
    """What its typologies are called."""
    return {name: Told(one.title, one.title_zh) for name, one in rulebook.typologies.items()}


def found(table: Sequence[Score], names: Names) -> Section:
    """Found against the truth: a row a typology, and their sum."""
    rows = [
        {
            **asdict(score),
            "title": names.get(score.typology, same(score.typology)),
        }
        for score in table
    ]
    return {"rows": rows, "whole": figures.in_all(table)}


def days(
    alerts: Iterable[Sequence[Record]], data: Data | None, marks: Sequence[Mark], clock: Clock,
    names: Names, span: range, first_ms: int | None,
) -> Section | None:  # fmt: skip
    """Events and alerts by local day of a span, with marks where incidents were planted."""
    if first_ms is None:
        return None
    labels = [date.fromordinal(day).isoformat() for day in span]
    opened: dict[bool, Counter[int]] = {True: Counter(), False: Counter()}
    for revisions in alerts:
        first = revisions[0]
        day = clock.local(first["occurred_at"]).toordinal()
        opened[first["family"] == REPAYMENT][day] += 1
    counted = [("days_alerts", opened[False]), ("days_debits", opened[True])]
    if data is not None:
        counted.insert(0, ("days_events", data.days))
    short = [label[5:] for label in labels]  # month and day: six whole dates overlap on a phone
    ticked = _ticked(len(labels))
    charts = [
        columns(tell(key), short, [counts[day] for day in span], ticked) for key, counts in counted
    ]
    shown, lanes = [], Counter[int]()
    in_span = [mark for mark in marks if clock.local(mark.at_ms).toordinal() in span]
    for mark in sorted(in_span, key=lambda mark: mark.at_ms):
        place = clock.local(mark.at_ms).toordinal() - span.start
        shown.append({**_mark(mark, place, len(span), clock, names), "lane": lanes[place]})
        lanes[place] += 1  # those of one day stand on one another
    return {
        "charts": charts,
        "labels": labels,
        "thin_until": labels[0] if clock.local(first_ms).toordinal() < span.start else None,
        "marks": shown,
        "lanes": max(lanes.values(), default=0),
        "found": sum(mark.is_found for mark in marks),
        "missed": sum(not mark.is_found for mark in marks),
    }


def _ticked(count: int) -> list[int]:
    """Which of so many columns are labelled: the first, the last, and some between."""
    step = max(1, -(-count // TICKS_MAX))
    return list(range(step // 2, count, step))


def _mark(mark: Mark, place: int, count: int, clock: Clock, names: Names) -> Section:
    title = names.get(mark.typology, same(mark.typology))
    state = tell("marker_found" if mark.is_found else "marker_missed")
    when = clock.time(mark.at_ms).en
    return {
        "left": round(100 * (place + 0.5) / count, 3),
        "is_found": mark.is_found,
        "en": f"{when} {title.en}: {state.en}",
        "zh": f"{when} {title.zh}：{state.zh}",
    }


def load(
    alerts: Iterable[Sequence[Record]], table: Sequence[Score] | None, names: Names, span: float
) -> Section:
    """New alerts a day by typology, and the honest ones among them where the truth is known."""
    counts: Counter[str] = Counter()
    withdrawn: Counter[str] = Counter()
    for revisions in alerts:
        counts[revisions[0]["typology"]] += 1
        withdrawn[revisions[0]["typology"]] += revisions[-1]["status"] == "withdrawn"
    honest = None if table is None else {score.typology: score.honest_alerts for score in table}
    rows = [
        {
            "title": names.get(name, same(name)),
            "count": count,
            "a_day": f"{count / span:,.2f}",
            "withdrawn": withdrawn[name],
            "honest": None if honest is None else f"{honest.get(name, 0) / span:,.2f}",
        }
        for name, count in counts.most_common()
    ]
    return {"rows": rows, "days": f"{span:.1f}"}


def debits(alerts: Sequence[Sequence[Record]], names: Names) -> Section | None:
    """Instalments whose debit failed: states, amounts, time to cure; None where there are none."""
    states = figures.debit_states(alerts)
    if not states:
        return None
    times = figures.cure_times(alerts)
    steps = figures.CURE_STEPS_MS
    labels = [
        tell("up_to", time=duration(steps[0])),
        *(tell("between", begin=duration(a), end=duration(b)) for a, b in pairwise(steps)),
        tell("over", time=duration(steps[-1])),
    ]
    return {
        "states": [
            {
                "title": names.get(state.typology, same(state.typology)),
                "status": word("status", state.status),
                "count": state.count,
                "due_first": amounts(state.due_first),
                "due_now": amounts(state.due_now),
            }
            for state in states
        ],
        "cures": in_order(labels, figures.cure_counts(times)) if times else [],
        "median": tell("cure_median", time=duration(figures.cure_median(times))),
        "count": sum(state.count for state in states),
        "cured": len(times),
    }


def amounts(by_currency: Mapping[str, int]) -> Told:
    """Sums of money, one a currency."""
    told = [money(minor, currency) for currency, minor in sorted(by_currency.items())]
    return listed(told) if told else same("–")


def advised(decisions: Iterable[Record]) -> Section:
    """What was advised, by question."""
    outcomes, degraded = figures.advised(decisions)
    return {
        "charts": [
            {
                "title": tell(f"question_{question}"),
                "bars": in_order(
                    [word("outcome", name) for name in WORDS["outcome"]],
                    [counts[name] for name in WORDS["outcome"]],
                ),
            }
            for question, counts in sorted(outcomes.items(), reverse=True)
        ],
        "degraded": tell("degraded", count=number(degraded)),
        "counts": {question: sum(counts.values()) for question, counts in outcomes.items()},
    }


def data_shown(data: Data | None, summary: Record) -> Section:
    """What the data looked like; what the run counted, where the log is gone."""
    shown: Section = {
        "types": bars(summary["events"]["by_type"], partial(word, "type")),
        "dead": tell("dead_letters", count=number(summary["dead_letters"]["total"])),
        **{name: [] for name in ("hours", "charts", "paid", "channels")},
    }
    if data is None:
        return shown
    draws = data.draws
    shown["hours"] = [
        columns(word("type", name), HOURS, [data.hours[name][h] for h in range(24)],
                range(0, 24, 6))
        for name in TYPES if data.types[name]
    ]  # fmt: skip
    counters = {
        "data_draws": (Counter(draws.statuses.values()), "disbursement"),
        "data_owner": (Counter(draws.owners.values()), "payee_owner"),
        "data_checks": (data.checks, "verification"),
        "data_debits": (data.debits, "debit"),
        "data_dispositions": (data.dispositions, "disposition"),
    }
    shown["charts"] = [
        {"title": tell(key), "bars": bars(counts, partial(word, table))}
        for key, (counts, table) in counters.items()
        if counts
    ]
    shown["paid"] = [
        tell("data_paid", amount=money(sum(paid), currency), count=number(len(paid)),
             median=money(middle(paid), currency))
        for currency, paid in sorted(draws.paid_by_currency().items())
    ]  # fmt: skip
    shown["channels"] = [
        {
            "name": name,
            "attempts": sum(counts.values()),
            "short": counts["insufficient_balance"] + counts["partial"],
            "errors": counts["channel_error"],
        }
        for name, counts in sorted(data.channels.items())
    ]
    return shown
