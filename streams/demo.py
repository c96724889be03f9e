"""`lendwatch demo`: a small generated world, replayed, and what was found against its truth."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from rich import box
from rich.console import Console
from rich.table import Table

from detector.jit import was_compiled
from detector.rules import Typology
from streams.explain import Explainer
from streams.explain_log import Timeline
from streams.explain_run import Run
from streams.explain_shown import COLOURS
from streams.explain_values import money
from streams.outputs import ALERTS, prepare
from streams.progress import bytes_read
from streams.replay import Options, Outcome, load, replay
from streams.report.command import write
from streams.report.page import worst_of_each
from streams.scoring import Score, Standing, lines, scores, standings
from streams.simulate import Summary
from streams.simulating import simulated

SEED, ACCOUNTS, DAYS, PRESET = 7, 2000, 32, "demo"
DAY_MS = 86_400_000
EXPLAINED_MAX = 5
REPORT = "report.html"
MEASURES = {"observed": "observed 本次", "normal": "normal 平时", "threshold": "threshold 阈值"}


def run(arguments: argparse.Namespace) -> int:
    """The command: makes the world, replays it, shows what came of it; returns the exit status."""
    began = time.perf_counter()
    out = Path(arguments.out)
    world, found = out / "world", out / "run"
    prepare(world, ("events.jsonl", "truth.jsonl"))
    if not was_compiled():
        print("Compiling the engine: about a minute, this once.", file=sys.stderr)
    made = simulated(world, SEED, ACCOUNTS, DAYS, PRESET)
    options = Options([str(made.events)], found, as_of_ms=made.last_ms + DAY_MS)
    with bytes_read("replay", options.logs) as report:
        outcome = replay(options, report)
    if outcome.stopped:
        print(f"lendwatch: interrupted; what was found so far is in {found}", file=sys.stderr)
        return outcome.exit_status(strict=False)
    alerts = standings(lines(found / ALERTS))
    table = scores(lines(made.truth), alerts.values())
    policy, rulebook = load(None, None)
    worst = worst_of_each(alerts.values(), EXPLAINED_MAX)
    report_file = out / REPORT
    run_read = Run(found)
    write(run_read, policy, rulebook, report_file, made.truth)
    if arguments.json:
        told = {
            "scores": [score.told() for score in table],
            "worst": [one.last for one in worst],
            "report": str(report_file),
        }
        sys.stdout.buffer.write(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
        return 0
    console = Console(highlight=False, soft_wrap=True)
    _show_world(console, made, outcome)
    _show_scores(console, table, rulebook.typologies)
    explainer = Explainer(run_read, policy, rulebook, [one.last["alert_id"] for one in worst])
    _show_why(console, run_read, worst, explainer)
    seconds = time.perf_counter() - began
    console.print(f"\nEvents and truth: {world}/   Alerts, decisions, summary: {found}/")
    console.print(f"[bold]Report, English and Chinese: {report_file}[/bold]", soft_wrap=True)
    console.print(
        f"Done in {seconds:.1f} s. Why one alert: lendwatch explain --help. "
        "Replay your own log: lendwatch replay --help"
    )
    return 0


def _show_world(console: Console, made: Summary, outcome: Outcome) -> None:
    summary = outcome.summary
    console.print(
        f"[bold]A world of {ACCOUNTS:,} borrowers over {DAYS} days[/bold] (seed {SEED}): "
        f"{made.event_count:,} events, replayed in {summary['wall_seconds']:.1f} s."
    )
    decisions = summary["decisions"]
    outcomes = ", ".join(f"{count:,} {name}" for name, count in decisions["by_outcome"].items())
    console.print(f"{decisions['total']:,} decisions: {outcomes}.")


def _show_scores(
    console: Console, table: Sequence[Score], typologies: Mapping[str, Typology]
) -> None:
    console.print(
        "\n[bold]What was planted, and what was found[/bold]. A near miss looks like the crime and "
        "must stay silent;\nan honest alert is about what nobody planted."
    )
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column("typology 类型")
    for name in ("planted", "found", "near miss", "silent", "honest"):
        shown.add_column(name, justify="right")
    for score in table:
        typology = typologies.get(score.typology)
        title = f"{typology.title}\n{typology.title_zh}" if typology else score.typology
        missed = score.found < score.planted or score.left_alone < score.near_misses
        shown.add_row(
            title, str(score.planted), str(score.found), str(score.near_misses),
            str(score.left_alone), str(score.honest_alerts),
            style="yellow" if missed or score.honest_alerts else None,
        )  # fmt: skip
    console.print(shown)


def _show_why(console: Console, run: Run, worst: Sequence[Standing], explainer: Explainer) -> None:
    console.print("[bold]Why[/bold], of the worst alert of each kind:")
    for standing in worst:
        alert = standing.last
        revisions = run.alerts[alert["alert_id"]]
        told = explainer.explained(revisions, Timeline.of(revisions), None)
        severity, entity = alert["severity"], alert["entity"]
        at = explainer.clock.local(alert["occurred_at"])
        console.print(
            f"\n[{COLOURS[severity]}]{severity}[/] [bold]{told['title'].en} "
            f"{told['title'].zh}[/bold]: {entity['kind']} {entity['id']}, "
            f"{at:%Y-%m-%d %H:%M %z}{_money(alert)}"
        )
        for reason in told["reasons"]:
            _show_reason(console, reason)
        for rule in told["clearing"]["rules"]:
            for change in rule["changes"][:1]:
                console.print(f"    would have cleared it: {change.en}", style="dim", markup=False)
        console.print(f"  advice: {', '.join(alert['actions'])}")


def _show_reason(console: Console, reason: Mapping[str, Any]) -> None:
    console.print(f"  {reason['text'].en}", markup=False)
    console.print(f"  {reason['text'].zh}", markup=False)
    told = [
        f"{title} {reason[name].en}" for name, title in MEASURES.items() if reason[name] is not None
    ]
    console.print(
        f"    {reason.get('rule') or reason['model']}: {', '.join(told)}", style="dim", markup=False
    )


def _money(alert: Mapping[str, Any]) -> str:
    if alert["amount_minor"] is None:
        return ""
    return f", {money(alert['amount_minor'], alert['currency']).en} at risk"
