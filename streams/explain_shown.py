"""An explanation on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from streams.explain_values import Told, say

COLOURS: Final = {
    "critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan", "info": "dim",
}  # fmt: skip
MEASURES: Final = ("observed", "normal", "threshold", "share")
Content = Mapping[str, Any]


def show(content: Content, language: str, console: Console | None = None) -> None:
    """Print the parts of an explanation in one language."""
    _Page(console or Console(highlight=False), language).show(content)


class _Page:
    """Prints what is told; ids may hold anything, so that no markup is ever read from them."""

    def __init__(self, console: Console, language: str) -> None:
        self._console = console
        self._language = language

    def show(self, content: Content) -> None:
        colour = COLOURS[content["severity"]["name"]]
        self._line(content["title"], f"bold {colour}")
        self._line(f"{self._in(say('alert_id'))} {content['alert_id']}", "dim")
        self._pairs(content["head"])
        self._history(content["history"])
        self._timeline(content["timeline"])
        self._reasons(content["reasons"])
        self._clearing(content["clearing"])
        if content["missing"] is not None:
            self._missing(content["missing"])
        self._title("title_versions")
        self._pairs(content["versions"])

    def _in(self, told: object) -> str:
        return told.of(self._language) if isinstance(told, Told) else str(told)

    def _line(self, told: object, style: str = "") -> None:
        self._console.print(Text(self._in(told), style=style))

    def _title(self, key: str) -> None:
        self._console.print()
        self._line(say(key), "bold")

    def _pairs(self, pairs: list[Content]) -> None:
        table = Table(box=None, show_header=False, pad_edge=False)
        for pair in pairs:
            table.add_row(Text(self._in(pair["label"]), style="dim"), Text(self._in(pair["value"])))
        self._console.print(table)

    def _table(self, *keys: str) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for key in keys:
            table.add_column(self._in(say(key)), overflow="fold")
        return table

    def _history(self, history: list[Content]) -> None:
        self._title("title_history")
        table = self._table("revision", "status", "at", "because")
        for revision in history:
            because = "\n".join(self._in(text) for text in revision["because"])
            cells = (revision["revision"], revision["status"], revision["at"], because)
            table.add_row(*(Text(self._in(cell)) for cell in cells))
        self._console.print(table)

    def _timeline(self, timeline: Content) -> None:
        self._title("title_timeline")
        self._line(timeline["note"], "dim")
        if not timeline["rows"]:
            self._line(", ".join(timeline["evidence"]))
            return
        accounts = {row["account_id"] for row in timeline["rows"]}
        own = [] if len(accounts) == 1 else ["account"]  # one alone is in the note already
        table = self._table("at", *own, "event", "title_timeline")
        for row in timeline["rows"]:
            style = "bold" if row["is_evidence"] else "dim"
            event = f"{'● ' if row['is_evidence'] else '  '}{row['event_id']}"
            named = [row["account_id"] or "–"] if own else []
            cells = (row["at"], *named, event, row["text"])
            table.add_row(*(Text(self._in(cell), style=style) for cell in cells))
        self._console.print(table)
        if timeline["left_out"] is not None:
            self._line(timeline["left_out"], "dim")

    def _reasons(self, reasons: list[Content]) -> None:
        self._title("title_reasons")
        for reason in reasons:
            self._line(reason["text"])
            told = [
                f"{self._in(say(name))} {self._in(reason[name])}"
                for name in MEASURES if reason[name] is not None
            ]  # fmt: skip
            self._line(f"  {reason['rule']}: {', '.join(told)}", "dim")
        if not reasons:
            self._line(say("no_reasons"))

    def _clearing(self, told: Content) -> None:
        self._title("title_clearing")
        for rule in told["rules"]:
            self._line(rule["intro"])
            for change in rule["changes"]:
                self._line(f"  • {self._in(change)}")
            if rule["unsolved"] is not None:
                self._line(f"  {self._in(rule['unsolved'])}", "dim")
        self._line(told["note"], "dim")

    def _missing(self, missing: Content) -> None:
        self._title("title_missing")
        self._line(missing["intro"])
        for cause in missing["causes"]:
            self._line(f"  • {self._in(cause)}")
        if missing["abstained"] is not None:
            self._line(missing["abstained"])
