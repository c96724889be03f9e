"""Alerts at a terminal: committed ones only, as lines for people or for programs."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

import orjson
import pytest
from confluent_kafka import Producer

from streams.cli import main
from streams.topics import TopicNames
from tests.kafka.broker import Cluster
from tests.kafka.records import applied, write

Captured = pytest.CaptureFixture[str]


def alert(alert_id: str, severity: str = "high", **fields: Any) -> bytes:
    """An alert as the contract has it, as far as it is printed."""
    told = {
        "alert_id": alert_id, "revision": 1, "status": "open", "typology": "velocity_burst",
        "severity": severity, "entity": {"kind": "account", "id": "A\x1b[31m"},
        "occurred_at": 1_772_416_800_000, "act_by": 1_772_417_100_000, "amount_minor": 123_456,
        "currency": "CNY", "actions": ["hold_disbursement", "manual_review"],
        "reasons": [{"code": "velocity_burst", "text": "5 draws", "text_zh": "5笔"}],
    }  # fmt: skip
    return orjson.dumps(told | fields)


def test_an_alert_is_told_in_some_plain_lines(
    broker: Cluster, prefix: str, capsys: Captured
) -> None:
    applied(broker.bootstrap)
    topic = TopicNames(prefix).alert
    write(broker.bootstrap, topic, [alert("a1"), alert("a2", "low"), b"no alert"])
    capsys.readouterr()
    words = ["alerts", "--bootstrap", broker.bootstrap, "--severity", "medium"]
    assert main(words) == 0
    told = capsys.readouterr()
    assert told.out == (
        "HIGH     velocity_burst  account A\\x1b[31m  open 1\n"
        "         2026-03-02T02:00:00.000+00:00  a1\n"
        "         1,234.56 CNY at risk\n"
        "         - 5 draws\n"
        "         advised until 2026-03-02T02:05:00.000+00:00: hold_disbursement, manual_review\n"
    )
    assert "is no alert" in told.err
    assert main([*words, "--lang", "zh"]) == 0
    assert "- 5笔" in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    assert orjson.loads(capsys.readouterr().out) == orjson.loads(alert("a1"))


def heed_interrupts() -> None:
    """A shell that starts tests in the background makes them, and their children, ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_following_shows_what_is_committed_and_nothing_else(broker: Cluster, prefix: str) -> None:
    applied(broker.bootstrap)
    topic = TopicNames(prefix).alert
    command = [sys.executable, "-m", "streams.cli", "alerts", "--follow", "--json",
               "--bootstrap", broker.bootstrap]  # fmt: skip
    write(broker.bootstrap, topic, [alert("before")])
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed_interrupts
    ) as following:
        try:
            assert following.stdout is not None
            assert orjson.loads(following.stdout.readline())["alert_id"] == "before"
            settings = {"bootstrap.servers": broker.bootstrap, "transactional.id": prefix}
            writer = Producer(settings)
            writer.init_transactions(30)
            for alert_id, end in (("never", writer.abort_transaction),
                                  ("after", writer.commit_transaction)):  # fmt: skip
                writer.begin_transaction()
                writer.produce(topic, alert(alert_id), b"A")
                writer.flush(30)
                end(30)
            assert orjson.loads(following.stdout.readline())["alert_id"] == "after"
            following.send_signal(signal.SIGINT)
            assert following.wait(20) == 130
        finally:
            following.kill()
