"""Rules, their unit tests and runbooks hold together, and Alertmanager sends each alert its way."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import promql_parser
import pytest

from streams.cli import parser
from streams.metrics import Metrics
from tests.deploy.tools import (
    DEPLOY,
    RULE_TESTS,
    RULES,
    called,
    loaded,
    rules,
    running,
    tool,
)
from tests.kafka.node import free_ports
from tests.waiting import wait_until

ALERTS = [rule for rule in rules() if "alert" in rule]
ALWAYS = "LendwatchWatchdog"  # it is never quiet
CONFIG = DEPLOY / "alertmanager/alertmanager.yml"
PARTS = ("## How to look", "## What to do")


def name_of(rule: dict[str, Any]) -> str:
    return str(rule.get("alert") or rule["record"])


def metric_names() -> set[str]:
    """Every name that a page of metrics may show."""
    names = {"up"}
    for family in Metrics().registry.collect():
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"],
                    "info": ["_info"]}.get(family.type, [""])  # fmt: skip
        names |= {family.name + suffix for suffix in suffixes}
    return names


def test_promtool_reads_the_rules_and_the_configuration() -> None:
    called("promtool", "check", "rules", *sorted(RULES.glob("*.yaml")))
    called("promtool", "check", "config", DEPLOY / "prometheus/prometheus.yml")


@pytest.mark.parametrize("path", sorted(RULE_TESTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_alert_fires_and_is_quiet_where_its_unit_tests_say(path: Path) -> None:
    said = called("promtool", "test", "rules", path)
    assert "SUCCESS" in said


def test_each_alert_has_a_unit_test_that_fires_and_one_that_is_quiet() -> None:
    told: Counter[tuple[str, bool]] = Counter()
    for path in RULE_TESTS.glob("*.yaml"):
        for group in loaded(path)["tests"]:
            for one in group["promql_expr_test"]:
                name = re.findall(r'alertname="(\w+)"', one["expr"])[0]
                assert group["name"].startswith(name)
                told[name, bool(one["exp_samples"])] += 1
    for rule in ALERTS:
        assert told[rule["alert"], True], f"{rule['alert']} is never seen to fire"
        assert told[rule["alert"], False] or rule["alert"] == ALWAYS


@pytest.mark.parametrize("rule", rules(), ids=name_of)
def test_a_rule_asks_only_for_what_the_page_shows_or_another_rule_records(
    rule: dict[str, Any],
) -> None:
    promql_parser.parse(rule["expr"])
    known = metric_names() | {one["record"] for one in rules() if "record" in one}
    asked = set(re.findall(r"\b(?:up\b|[a-z_]*:?lendwatch_\w+(?::\w+)?)", rule["expr"]))
    assert asked <= known, asked - known
    if "record" in rule:
        assert re.fullmatch(r"job(_\w+)?:lendwatch_\w+:\w+", rule["record"])


@pytest.mark.parametrize("rule", ALERTS, ids=name_of)
def test_an_alert_says_what_it_means_and_names_a_runbook_that_helps(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning", "none")
    assert rule["labels"]["part"] in ("service", "detection")
    told = rule["annotations"]
    assert set(told) == {"summary", "description", "runbook_url"}
    text = (DEPLOY.parent / told["runbook_url"]).read_text("utf-8")
    assert text.startswith("# ") and all(part in text for part in PARTS)
    assert text.split("\n")[0] == f"# {told['summary']}", "the page is found by the alert's words"


def test_no_runbook_is_left_of_an_alert_that_is_gone() -> None:
    named = {Path(rule["annotations"]["runbook_url"]).name for rule in ALERTS}
    assert {path.name for path in (DEPLOY / "runbooks").glob("*.md")} == named


@pytest.mark.parametrize("path", sorted((DEPLOY / "runbooks").glob("*.md")), ids=lambda p: p.stem)
def test_each_command_of_a_runbook_is_one_that_the_command_line_takes(path: Path) -> None:
    text = path.read_text("utf-8")
    lines = [
        line for block in re.findall(r"```\n(.*?)```", text, re.S) for line in block.split("\n")
    ]
    lines += re.findall(r"`(lendwatch [^`]+)`", text)
    known = metric_names()
    for line in lines:
        words = shlex.split(line, comments=True)
        if words and words[0] == "lendwatch":
            parser().parse_args(words[1:])
    for name in re.findall(r"\b(lendwatch_\w+)", text):
        bare = {one.removesuffix("_bucket").removesuffix("_count") for one in known}
        assert name in bare | known, f"{path.name} speaks of {name}"


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("alertname=LendwatchDown severity=critical part=service", "pages"),
        ("alertname=LendwatchLagging severity=warning part=service", "tickets"),
        ("alertname=LendwatchRuleSilent severity=warning part=detection", "analysts"),
        ("alertname=LendwatchWatchdog severity=none part=service", "watchdog"),
    ],
)
def test_an_alert_goes_to_who_is_to_see_it(labels: str, receiver: str) -> None:
    called("amtool", "check-config", CONFIG)
    called("amtool", "config", "routes", "test", "--config.file", CONFIG,
           f"--verify.receivers={receiver}", *labels.split())  # fmt: skip


@contextmanager
def alertmanager(folder: Path) -> Iterator[str]:
    (port,) = free_ports(1)
    words = [f"--config.file={CONFIG}", "--cluster.listen-address=", f"--storage.path={folder}",
             f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
    with running(tool("prometheus-alertmanager"), *words, folder=folder):
        yield f"--alertmanager.url=http://127.0.0.1:{port}"


def test_alerts_on_the_detection_wait_while_the_service_is_down(tmp_path: Path) -> None:
    def names(url: str, *words: str) -> set[str]:
        said = called("amtool", url, "-o", "json", "alert", "query", *words)
        return {one["labels"]["alertname"] for one in orjson.loads(said)}

    with alertmanager(tmp_path) as url:

        def add(name: str, part: str) -> bool:
            return not called("amtool", url, "alert", "add", name, f"part={part}", "severity=x")

        wait_until(
            lambda: "Listening" in (tmp_path / "prometheus-alertmanager.log").read_text(),
            20,
            "it answers",
        )
        add("LendwatchRuleSilent", "detection")
        add("LendwatchDeadLetters", "service")
        assert names(url, "--active") == {"LendwatchRuleSilent", "LendwatchDeadLetters"}
        add("LendwatchDown", "service")
        add("LendwatchLagging", "service")
        wait_until(
            lambda: names(url, "--inhibited") == {"LendwatchRuleSilent", "LendwatchLagging"},
            10,
            "they wait",
        )
        assert names(url, "--active") == {"LendwatchDeadLetters", "LendwatchDown"}
