"""The page: what a run's files hold, put together and drawn by the templates."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from detector.policy import Policy
from detector.rulebook import Rulebook
from streams.explain import Explainer
from streams.explain_log import Timeline, scan, sharing
from streams.explain_run import Record, Run, lines
from streams.explain_values import Told, number, say
from streams.outputs import DECISIONS
from streams.report import figures, incident_sections, sections
from streams.report.gather import Data
from streams.report.incidents import Held, Incident, incidents_of, without_outages
from streams.report.texts import tell
from streams.scoring import Standing, scores, standings

CASES_MAX: Final = 6
CASE_ROWS_MAX: Final = 14  # of a case's timeline
REVISIONS_MAX: Final = 6
SEVERITIES: Final = ("info", "low", "medium", "high", "critical")
COMMANDS: Final = (
    "lendwatch replay --log {logs} --out run/ --as-of {as_of}",
    "lendwatch report --run run/ --out report.html",
)


def page(
    run: Run, policy: Policy, rulebook: Rulebook, truth: Path | None, logs: Sequence[str] = ()
) -> str:
    """The HTML of a run's report; `logs` where its logs have moved, `truth` where it is known."""
    found = standings(alert for revisions in run.alerts.values() for alert in revisions)
    worst = worst_of_each(found.values(), CASES_MAX)
    explainer = Explainer(run, policy, rulebook, [one.last["alert_id"] for one in worst])
    timelines = [Timeline.of(run.alerts[one.last["alert_id"]]) for one in worst]
    data = Data(explainer.clock, run.summary["events"]["repeats"] > 0)
    incidents = incidents_of(run, rulebook)
    held = Held([one for one in incidents if one.is_outage])
    problem = scan(run.summary, logs, [data.take, held.take, sharing(timelines)])
    cases = [
        _case(run, explainer, one, timeline, problem)
        for one, timeline in zip(worst, timelines, strict=True)
    ]
    told = _content(run, rulebook, explainer, None if problem else data, truth, found)
    told["incidents"] = _incidents(run, rulebook, policy, explainer, held, incidents)
    return _drawn({**told, "cases": cases, "problem": problem})


def _incidents(
    run: Run, rulebook: Rulebook, policy: Policy, explainer: Explainer, held: Held,
    incidents: Sequence[Incident],
) -> dict[str, Any]:  # fmt: skip
    names, end_ms = sections.names_of(rulebook), run.summary["last_event_at"] or 0
    without = without_outages(held, rulebook, policy, end_ms)
    outages = [
        incident_sections.outage(one, held, run.alerts, without, names, explainer.clock, end_ms)
        for one in held.outages
    ]
    return {
        "rows": incident_sections.table(incidents, run.alerts, names, explainer.clock),
        "outages": [one for one in outages if one is not None],
    }


def worst_of_each(alerts: Iterable[Standing], most: int) -> list[Standing]:
    """The worst alert of each typology that still stands, the worst typology first."""
    worst: dict[str, Standing] = {}
    for standing in alerts:
        name = standing.last["typology"]
        stands = not standing.withdrawn and standing.last["status"] != "resolved"
        if stands and (name not in worst or _rank(standing) > _rank(worst[name])):
            worst[name] = standing
    return sorted(worst.values(), key=_rank, reverse=True)[:most]


def _rank(standing: Standing) -> tuple[int, float, int]:
    alert = standing.last
    return SEVERITIES.index(alert["severity"]), alert["score"], alert["amount_minor"] or 0


def _content(
    run: Run, rulebook: Rulebook, explainer: Explainer, data: Data | None, truth: Path | None,
    found: dict[str, Standing],
) -> dict[str, Any]:  # fmt: skip
    """Everything but the cases."""
    summary, clock = run.summary, explainer.clock
    names = sections.names_of(rulebook)
    hidden = {name for name, t in rulebook.typologies.items() if t.family == figures.REPAYMENT}
    alerts = list(run.alerts.values())
    table, marks = None, []
    if truth is not None:
        table = scores(lines(truth), found.values())
        marks = figures.marks(lines(truth), found.values(), hidden)
    shown = figures.days_shown(summary, clock, data.days if data is not None else {})
    span = figures.span_days(summary, shown)
    advised = sections.advised(lines(run.folder / DECISIONS))
    debits = sections.debits(alerts, names)
    return {
        "period": _period(explainer, summary),
        "lead": _lead(summary, alerts),
        "lead_truth": None if table is None else _lead_truth(figures.in_all(table)),
        "interrupted": summary["interrupted"],
        "tiles": _tiles(summary, alerts, advised, debits),
        "found": None if table is None else sections.found(table, names),
        "days": sections.days(alerts, data, marks, clock, names, shown, summary["first_event_at"]),
        "debits": debits,
        "states": []
        if data is None
        else incident_sections.states(data.instalments, run.alerts, names),
        "load": sections.load(alerts, table, names, span),
        "advised": advised,
        "data": sections.data_shown(data, summary),
        "repeat": _repeat(summary),
    }


def _case(
    run: Run, explainer: Explainer, one: Standing, timeline: Timeline, problem: Told | None
) -> dict[str, Any]:
    revisions = run.alerts[one.last["alert_id"]]
    content = explainer.explained(revisions, timeline, problem, CASE_ROWS_MAX)
    history = content["history"]
    left_out = len(history) - REVISIONS_MAX
    if left_out > 0:
        content["history"] = history[: REVISIONS_MAX // 2] + history[-REVISIONS_MAX // 2 :]
    content["history_cut"] = REVISIONS_MAX // 2 if left_out > 0 else None
    content["history_left_out"] = tell("earlier_left_out", count=left_out)
    others = {
        explainer.title(last).en: explainer.title(last)
        for last in (known[-1] for known in run.alerts.values())
        if last["case_id"] == one.last["case_id"] and last["alert_id"] != one.last["alert_id"]
    }
    content["others"] = list(others.values())
    return content


def _period(explainer: Explainer, summary: Record) -> Told | None:
    if summary["first_event_at"] is None:
        return None
    first, last = (explainer.clock.local(summary[name]) for name in
                   ("first_event_at", "last_event_at"))  # fmt: skip
    return tell(
        "period",
        zone=explainer.clock.zone,
        first=f"{first:%Y-%m-%d %H:%M}",
        last=f"{last:%Y-%m-%d %H:%M}",
    )


def _lead(summary: Record, alerts: Sequence[Sequence[Record]]) -> Told:
    waiting = sum(revisions[-1]["status"] not in figures.ENDED for revisions in alerts)
    counts = {"alerts": len(alerts), "waiting": waiting, "events": summary["events"]["total"]}
    return tell("lead", **{name: number(count) for name, count in counts.items()})


def _lead_truth(whole: Any) -> Told:
    return tell(
        "lead_truth", planted=number(whole.planted), found=number(whole.found),
        near=number(whole.near_misses), silent=number(whole.left_alone),
        honest=number(whole.honest_alerts),
    )  # fmt: skip


def _tiles(
    summary: Record, alerts: Sequence[Sequence[Record]], advised: Record, debits: Record | None
) -> list[tuple[Told, Told]]:
    transfers = sum(known[-1]["family"] == "unauthorized_transfer" for known in alerts)
    draws = advised["counts"].get("unauthorized_transfer", 0)
    counts = {
        "tile_events": summary["events"]["total"], "tile_draws": draws,
        "tile_transfers": transfers,
    }  # fmt: skip
    tiles = [(Told(number(count), number(count)), tell(key)) for key, count in counts.items()]
    tiles.append((sections.amounts(figures.at_risk(alerts)), tell("tile_risk")))
    if debits is not None:
        for key, name in (("tile_failed", "count"), ("tile_cured", "cured")):
            shown = number(debits[name])
            tiles.append((Told(shown, shown), tell(key)))
    return tiles


def _repeat(summary: Record) -> dict[str, Any]:
    logs = " --log ".join(shlex.quote(told["file"]) for told in summary["inputs"])
    return {
        "commands": [text.format(logs=logs, as_of=summary["as_of"]) for text in COMMANDS],
        "versions": summary["versions"],
        "files": [
            *((told["file"], told["sha256"] or "–") for told in summary["inputs"]),
            *((name, told["sha256"]) for name, told in summary["outputs"].items()),
        ],
        "speed": tell(
            "run_speed", seconds=f"{summary['wall_seconds']:,.1f}",
            speed=number(summary["events_per_second"]),
            memory=number(round(summary["peak_memory_bytes"] / 2**20)),
        ),
    }  # fmt: skip


def _drawn(content: dict[str, Any]) -> str:
    environment = Environment(
        loader=PackageLoader("streams.report"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["both"] = both
    environment.filters["number"] = number
    environment.globals["tell"] = lambda key, **parts: both(tell(key, **parts))
    environment.globals["say"] = lambda key, **parts: both(say(key, **parts))
    for name in ("style.css", "script.js"):
        text = files("streams.report").joinpath("templates", name).read_text("utf-8")
        environment.globals[name.partition(".")[0]] = Markup(text)
    return environment.get_template("report.html").render(content)


def both(told: object) -> Markup:
    """What is told, in both languages, of which the page shows one; escaped."""
    if not isinstance(told, Told):
        return Markup.escape(told)
    if told.en == told.zh:
        return Markup.escape(told.en)
    return Markup('<span lang="en">{}</span><span lang="zh-CN">{}</span>').format(told.en, told.zh)
