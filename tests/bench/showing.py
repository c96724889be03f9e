"""The figures of a run as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from tests.bench.finding import COMPARED
from tests.bench.latency import LATENESS_MAX_MS
from tests.bench.promises import Promise, counts

MIB = 1 << 20
WIDTH = 118


def show(result: Mapping[str, Any], checked: Sequence[Promise]) -> None:
    """Print it all."""
    console = Console(highlight=False, width=WIDTH)
    told = result["machine"]
    console.print(", ".join(f"{name} {value}" for name, value in told.items()))
    for table in (_backlog(result), _steady(result), _found(result), _promises(checked)):
        console.print(table)
    for name, each in (*result["steady"].items(), ("restart", [result.get("restart", {})])):
        for one in each:
            if "failed" in one:
                console.print(f"{name} failed: {one['failed']}", style="red", markup=False)
    restart = result.get("restart", {})
    if "accounts" in restart:
        console.print(
            f"restart with {restart['accounts']:,} accounts: first commit after"
            f" {restart['first_commit_s']:.1f} s, all stages after {restart['all_stages_s']:.1f} s;"
            f" peak memory {restart['grown_bytes'] / MIB:,.0f} MiB while it grew,"
            f" {restart['restored_bytes'] / MIB:,.0f} MiB restored"
        )


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _backlog(result: Mapping[str, Any]) -> Table:
    repetitions = len(result["repetitions"])
    title = f"A backlog of {result['events']:,} events, median of {repetitions}"
    table = _table(title, "events/s", "a core of worker CPU", "worker CPU s", "broker CPU s",
                   "peak MiB", "times its CPU")  # fmt: skip
    ours = result["backlog"]["lendwatch"]["per_worker_cpu_s"]
    for name, one in result["backlog"].items():
        table.add_row(
            name, f"{one['per_wall_s']:,.0f}", f"{one['per_worker_cpu_s']:,.0f}",
            f"{one['worker_cpu_s']:.1f}", f"{one['broker_cpu_s']:.1f}",
            f"{one['peak_bytes'] / MIB:,.0f}", f"{ours / one['per_worker_cpu_s']:.1f}",
        )  # fmt: skip
    return table


def _steady(result: Mapping[str, Any]) -> Table:
    title = "From sending to reading, at a steady pace: p50 / p95 / p99 in ms (of how many)"
    table = _table(title, "events/s", "sender late", "account alerts", "all alerts", "decisions",
                   "worker CPU")  # fmt: skip
    for name, each in result["steady"].items():
        for one in (run for run in each if "failed" not in run):
            late = f"{one['sender_late_p99_ms']:.1f}" + ("" if counts(one) else " !")
            table.add_row(
                name, f"{one['rate']:,.0f}", late,
                *(_quantiles(one[what]) for what in ("account_alerts", "alerts", "decisions")),
                f"{100 * one['worker_cpu_share']:.0f} %",
            )  # fmt: skip
    table.caption = f"!: the sender was {LATENESS_MAX_MS:g} ms late or more at p99: does not count"
    return table


def _quantiles(told: Mapping[str, Any]) -> str:
    if not told["count"]:
        return "none"
    figures = " / ".join(f"{told[name]:,.0f}" for name in ("p50_ms", "p95_ms", "p99_ms"))
    return f"{figures} ({told['count']:,})"


def _found(result: Mapping[str, Any]) -> Table:
    title = "Found of what was planted in the backlog; alerts about honest people and near misses"
    table = _table(title, *COMPARED)
    for name, one in result["backlog"].items():
        cells = []
        for typology in COMPARED:
            told = one["found"][typology]
            wrong = told["honest_alerts"] + told["near_misses_hit"]
            cells.append(f"{told['found']}/{told['planted']}; {wrong:,} wrong")
        table.add_row(name, *cells)
    return table


def _promises(checked: Sequence[Promise]) -> Table:
    table = _table("Promises", "measured", "promised", "goal", "")
    for one in checked:
        sign = "at most" if one.at_most else "at least"
        word = "goal reached" if one.reached else "kept" if one.kept else "BROKEN"
        table.add_row(
            one.text, _number(one.measured), f"{sign} {_number(one.promised)}",
            "" if one.goal is None else _number(one.goal), word,
            style=None if one.kept else "red",
        )  # fmt: skip
    return table


def _number(value: float | None) -> str:
    if value is None:
        return "not measured"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
