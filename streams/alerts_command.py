"""`lendwatch alerts`: alerts for a person at a terminal, as they are committed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import Any

import orjson

from streams import settings
from streams.cluster import kafka_faults
from streams.faults import Fault
from streams.plain_text import plain
from streams.reading import reader_of
from streams.times import iso
from streams.topics import TopicNames

SEVERITIES = ("info", "low", "medium", "high", "critical")


def run(arguments: argparse.Namespace) -> int:
    """Print the newest alerts, and with --follow those that come."""
    if arguments.last < 0:
        raise Fault("--last: 0 or more")
    kafka = settings.kafka(arguments.bootstrap, arguments.insecure_dev)
    least = SEVERITIES.index(arguments.severity)
    with kafka_faults(kafka), reader_of(kafka, TopicNames(kafka.topic_prefix).alert) as reader:
        reader.last(arguments.last)
        for records in (reader.to_end(), *([reader.on()] if arguments.follow else [])):
            _print(records, least, arguments)
    return 0


def _print(records: Iterable[Any], least: int, arguments: argparse.Namespace) -> None:
    for record in records:
        alert = _read(record.value)
        if alert is None:
            place = f"{record.partition}:{record.offset}"
            print(f"lendwatch: {place} of {record.topic} is no alert", file=sys.stderr)
        elif _rank(alert) >= least:
            if arguments.json:
                print(record.value.decode("utf-8"), flush=True)
            else:
                print(told(alert, arguments.lang), flush=True)


def _read(value: bytes | None) -> dict[str, Any] | None:
    try:
        found = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _rank(alert: dict[str, Any]) -> int:
    """How bad it is; a word that we do not know is shown rather than hidden."""
    told_severity = alert.get("severity")
    return SEVERITIES.index(told_severity) if told_severity in SEVERITIES else len(SEVERITIES)


def told(alert: dict[str, Any], lang: str = "en") -> str:
    """An alert in some lines: what, of whom, why, and what is advised until when."""
    entity = alert.get("entity") or {}
    head = (
        f"{_word(alert, 'severity').upper():<8} {_word(alert, 'typology')}"
        f"  {plain(str(entity.get('kind', '?')))} {plain(str(entity.get('id', '?')))}"
        f"  {_word(alert, 'status')} {_word(alert, 'revision')}"
    )
    lines = [head, f"         {_time(alert.get('occurred_at'))}  {_word(alert, 'alert_id')}"]
    if alert.get("amount_minor"):
        lines.append(f"         {_amount(alert)} at risk")
    text = "text_zh" if lang == "zh" else "text"
    for reason in alert.get("reasons") or []:
        lines.append(f"         - {plain(str(reason.get(text) or reason.get('code') or '?'))}")
    actions = ", ".join(plain(str(one)) for one in alert.get("actions") or [])
    if actions and actions != "none":
        until = f" until {_time(alert['act_by'])}" if alert.get("act_by") else ""
        lines.append(f"         advised{until}: {actions}")
    return "\n".join(lines)


def _word(alert: dict[str, Any], name: str) -> str:
    return plain(str(alert.get(name, "?")))


def _time(value: Any) -> str:
    return iso(value) or "?" if isinstance(value, int) and 0 <= value < 1 << 42 else "?"


def _amount(alert: dict[str, Any]) -> str:
    minor = alert["amount_minor"]
    amount = f"{minor / 100:,.2f}" if isinstance(minor, int) else "?"
    return f"{amount} {_word(alert, 'currency')}"
