"""`lendwatch do-not-report`: which alerts of a run must not reach credit reporting, and why."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from streams.faults import Fault

COLUMNS: Final = (
    "account_id", "alert_id", "typology", "status", "opened_at", "amount_minor", "currency",
    "reason", "trigger_event_id",
)  # fmt: skip
OVER: Final = ("resolved", "withdrawn")


def add_do_not_report(
    commands: Any, command: Callable[..., argparse.ArgumentParser], add_run: Callable[..., None]
) -> None:
    """The command's arguments."""
    add = command(
        commands,
        "do-not-report",
        run,
        "list the alerts of a run that must not reach credit reporting, each with its reason",
        "lendwatch do-not-report --run run/ > do_not_report.csv",
        "  0  done\n  2  a file is bad",
    ).add_argument
    add_run(add)
    add("--json", action="store_true", help="print JSON lines instead of CSV")


def run(arguments: argparse.Namespace) -> int:
    """The command: a line an alert, as CSV, or JSON lines under `--json`."""
    import orjson

    from streams.outputs import ALERTS

    path = Path(arguments.run) / ALERTS
    try:
        with path.open("rb") as file:
            told = list(listed(map(orjson.loads, file)))
    except OSError as error:
        raise Fault(f"{path}: cannot be read: {error.strerror}; name a run's folder") from None
    except orjson.JSONDecodeError:
        raise Fault(f"{path}: is no file of alerts; replay the log again") from None
    if arguments.json:
        sys.stdout.buffer.writelines(orjson.dumps(line) + b"\n" for line in told)
        return 0
    writer = csv.DictWriter(sys.stdout, COLUMNS)
    writer.writeheader()
    writer.writerows(told)
    return 0


def listed(alerts: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """One line for each alert whose days must not be reported, in the order of opening.

    What an alert last said before it was over counts: an obligation that was overdue by the
    system's doing and is paid now was still never overdue by its borrower's. `reason`:
    `hardship`, `system_caused`, or `deferred`.
    """
    newest: dict[str, Mapping[str, Any]] = {}
    status: dict[str, str] = {}
    for alert in alerts:
        status[alert["alert_id"]] = alert["status"]
        if alert["treatment"] is not None and alert["status"] not in OVER:
            newest[alert["alert_id"]] = alert
    for name, alert in newest.items():
        treatment = alert["treatment"]
        if treatment["do_not_report"] and alert["account_id"] and status[name] != "withdrawn":
            found = [word for word in ("hardship", "system_caused") if treatment[word]]
            line = {key: alert.get(key) for key in COLUMNS}
            yield line | {"status": status[name], "reason": next(iter(found), "deferred")}
