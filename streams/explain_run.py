"""The files of a run, as explanations and reports read them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import orjson

from streams.faults import Fault
from streams.outputs import ALERTS, FINDINGS, SUMMARY

NEAREST_MAX: Final = 3
Record = dict[str, Any]


class Run:
    """A run's folder: its summary, and every alert with its revisions in order.

    Fault where the folder holds no whole run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.summary: Record = _summary(folder / SUMMARY)
        self.alerts: dict[str, list[Record]] = defaultdict(list)
        for alert in lines(folder / ALERTS):
            self.alerts[alert["alert_id"]].append(alert)

    def revisions(self, name: str) -> list[Record]:
        """The revisions of the alert with this id, or with the one id that begins so.

        Fault, with the nearest ids, where there is none or more than one.
        """
        if name in self.alerts:
            return self.alerts[name]
        begun = [alert_id for alert_id in self.alerts if name and alert_id.startswith(name)]
        if len(begun) == 1:
            return self.alerts[begun[0]]
        if begun:
            shown = ", ".join(begun[:NEAREST_MAX])
            raise Fault(f"{len(begun)} alerts of {self.folder} begin with {name!r}: {shown}")
        nearest = sorted(self.alerts, key=lambda known: (-_common(name, known), known))
        shown = ", ".join(nearest[:NEAREST_MAX]) or "the run has no alerts"
        raise Fault(f"no alert {name!r} in {self.folder}; nearest: {shown}")

    def findings(self, alert_ids: Collection[str]) -> dict[str, list[Record]]:
        """By event: what was found at each stage (the newest word) where one of these alerts hit.

        None are found in a run that did not write what was measured.
        """
        path = self.folder / FINDINGS
        if not path.exists():
            return {}
        wanted = set(alert_ids)
        events = {
            finding["event_id"] for finding in lines(path)
            if any(rule["alert_id"] in wanted for rule in finding["rules"])
        }  # fmt: skip
        found: dict[str, dict[str, Record]] = defaultdict(dict)
        for finding in lines(path):
            if finding["event_id"] in events:
                found[finding["event_id"]][finding["stage"]] = finding
        return {event: list(stages.values()) for event, stages in found.items()}


def lines(path: Path) -> Iterator[Record]:
    """The records of a file of JSON lines; Fault where it is not there or is broken."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield orjson.loads(line)
                except orjson.JSONDecodeError:
                    raise Fault(f"{path}:{number}: is no JSON") from None
    except OSError as error:
        raise Fault(f"{path}: cannot be read: {error.strerror}") from None


def _summary(path: Path) -> Record:
    try:
        whole: Record = orjson.loads(path.read_bytes())
    except OSError:
        raise Fault(f"{path.parent}: holds no whole run ({SUMMARY} is not there)") from None
    except orjson.JSONDecodeError:
        raise Fault(f"{path}: is no JSON") from None
    return whole


def _common(one: str, other: str) -> int:
    """How many characters two names begin with alike."""
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in alike)
