"""On a running stack every panel finds its series, and a fault is told and taken back."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from deploy.grafana.dashboards import DASHBOARDS, written
from detector.obligation_states import STATES
from streams.metrics import SERIES_MAX
from streams.service.counting import CONTROL
from streams.topics import TopicNames
from tests.deploy.drills import PAGES, Drills, fed_before, logins_of, split
from tests.deploy.stack import Stack, feeding, standing
from tests.deploy.tools import DEPLOY, called, loaded
from tests.kafka.broker import Cluster
from tests.kafka.records import read, write
from tests.waiting import wait_until

SCRAPE_MAX_S, TOLD_MAX_S = 0.05, 240
PANELS = [(name, panel) for name, panels in DASHBOARDS.items() for panel in panels]
QUERIES = [(name, panel.title, query) for name, panel in PANELS for query, _ in panel.queries]


@pytest.fixture(scope="module")
def stack(
    broker: Cluster, world: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Everything runs, has judged most of a world, and gets the rest, of which one feed is not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LENDWATCH_TOPIC_PREFIX", "stack")
        patch.setenv("LENDWATCH_APP_ID", "stack")
        folder = tmp_path_factory.mktemp("stack")
        first, rest = split(world / "log.jsonl", folder, 0.9)
        before = partial(fed_before, first)
        with (
            standing(folder, broker.bootstrap, is_hurried=True, before=before) as one,
            feeding(one, rest, 100.0),
        ):
            write(broker.bootstrap, TopicNames("stack").input("login"), [b"no event"] * 9)
            yield one


@pytest.fixture(scope="module")
def drills(stack: Stack) -> Drills:
    """Its faults, from its beginning on."""
    return Drills(stack, TOLD_MAX_S)


def asked(query: str) -> str:
    """A panel's query as Grafana sends it."""
    return (query.replace("$__rate_interval", "1m").replace("$job", ".+")
            .replace("$instance", ".+"))  # fmt: skip


def test_the_files_are_what_their_source_makes() -> None:
    for name, text in written().items():
        assert (DEPLOY / "grafana/dashboards" / name).read_text("utf-8") == text


@pytest.mark.parametrize(("board", "title", "query"), QUERIES)
def test_a_query_is_one_of_a_worker_or_a_job_and_is_read(
    board: str, title: str, query: str
) -> None:
    promql_parser.parse(asked(query))
    for chosen in re.findall(r"\{(.*?)\}", query):
        assert 'job=~"$job",instance=~"$instance"' in chosen
    for span in re.findall(r"rate\(\w+\{.*?\}\[(.*?)\]", query):
        assert span == "$__rate_interval"


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=lambda one: getattr(one, "title", one))
def test_a_panel_says_what_it_shows_and_in_which_unit(board: str, panel: object) -> None:
    title, description, unit, queries = panel  # type: ignore[misc]
    assert title and description.endswith(".") and queries
    assert unit in ("short", "ops", "s", "bytes", "percentunit")


def test_provisioning_names_what_is_there() -> None:
    folder = DEPLOY / "grafana/provisioning"
    (source,) = loaded(folder / "datasources/prometheus.yaml")["datasources"]
    assert source["type"] == "prometheus" and source["access"] == "proxy"
    (provider,) = loaded(folder / "dashboards/lendwatch.yaml")["providers"]
    assert provider["type"] == "file" and provider["allowUiUpdates"] is False
    mounted = loaded(DEPLOY / "compose.yaml")["services"]["grafana"]["volumes"]
    assert any(one.endswith(f"{provider['options']['path']}:ro") for one in mounted)


def test_every_panel_finds_series_where_the_service_runs(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    has_control = bool(stack.asked(f'lendwatch_turns_total{{stage="{CONTROL}"}}'))
    queries = [one for one in QUERIES if has_control or "incidents" not in one[2]]

    def empty() -> list[str]:
        return [title for _, title, query in queries if not stack.asked(asked(query))]

    wait_until(lambda: not empty(), 60, "each has series")
    rows = [
        (board, title, len(stack.asked(asked(query))), query) for board, title, query in queries
    ]
    with capsys.disabled():
        print()
        for board, title, count, query in rows:
            print(f"{board:12} {title:32} {count:4} series  {query}")
    assert all(count for _, _, count, _ in rows)


def test_a_service_that_has_done_all_shows_no_lag_and_is_well(stack: Stack) -> None:
    """Marks of transactions, which lie behind the last record of every internal topic, are none."""
    wait_until(lambda: value(stack, "sum(lendwatch_lag_records)") == 0, 60, "nothing waits")
    assert value(stack, "sum(lendwatch_events_total)") > 20_000
    assert value(stack, "sum(lendwatch_blocks_total)") > 10
    wait_until(lambda: value(stack, "max(lendwatch_lag_seconds)") == 0, 30, "nor has waited")
    for path in ("/healthz", "/livez", "/readyz"):
        with urllib.request.urlopen(stack.page + path, timeout=10) as answer:
            assert answer.read() == b"ok\n"


def value(stack: Stack, query: str) -> float:
    (one,) = stack.asked(query)
    return float(one["value"][1])


def test_the_live_page_is_well_made_bounded_quick_and_names_nobody(
    stack: Stack, world: Path
) -> None:
    took_s = []
    for _ in range(9):
        began_s = time.perf_counter()
        with urllib.request.urlopen(f"{stack.page}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        took_s.append(time.perf_counter() - began_s)
    called("promtool", "check", "metrics", stdin=text)
    series = [line for line in text.splitlines() if not line.startswith("#")]
    print(f"{len(series)} series, {sorted(took_s)[4] * 1e3:.0f} ms a scrape")
    assert 300 < len(series) <= SERIES_MAX
    assert sorted(took_s)[4] <= SCRAPE_MAX_S
    told = set(re.findall(r'="([^"]*)"', text))
    ids = {
        value for line in (world / "log.jsonl").read_text("utf-8").splitlines()
        for name, value in json.loads(line).items() if name.endswith("_id") and value
    }  # fmt: skip
    assert len(ids) > 20_000 and not ids & told


def test_a_killed_worker_is_told_through_alertmanager_and_taken_back(
    stack: Stack, drills: Drills
) -> None:
    came = stack.receiver
    wait_until(lambda: came.of("LendwatchWatchdog", "firing"), 60, "the watchdog comes")
    before = len(came.came)
    print(drills.killed().text)
    (body,) = [body for _, body in came.came[before:]
               if body["alerts"][0]["labels"]["alertname"] == "LendwatchDown"][:1]  # fmt: skip
    told = body["alerts"][0]["annotations"]
    assert "{{" not in told["description"] and told["runbook_url"].endswith("down.md")


def test_obligations_shown_as_open_are_those_whose_alert_stands_also_after_a_restart(
    stack: Stack,
) -> None:
    wait_until(lambda: stack.shown("lendwatch_lag_records") == 0, 60, "nothing waits")
    newest: dict[str, dict[str, Any]] = {}
    for record in read(stack.bootstrap, TopicNames("stack").alert):
        alert = json.loads(record.value)
        known = newest.setdefault(alert["alert_id"], alert)
        if alert["revision"] >= known["revision"]:
            newest[alert["alert_id"]] = alert
    stand = Counter(
        one["typology"] for one in newest.values()
        if one["typology"] in STATES and one["status"] in ("open", "updated")
    )  # fmt: skip
    print(stand)
    assert stand.total() > 10

    def shown() -> dict[str, float]:
        found = stack.asked("sum by (state) (lendwatch_obligations_open) > 0")
        return {one["metric"]["state"]: float(one["value"][1]) for one in found}

    wait_until(lambda: shown() == stand, 30, "what stands is shown")


def test_each_fault_is_told_by_its_alert_and_nobody_is_called_for_another(
    stack: Stack, drills: Drills
) -> None:
    before = len(drills.heard())
    for drill in (
        drills.consumer_stalled(logins_of(stack.folder / "first.jsonl", stack.folder)),
        drills.filled_with_dead_letters(), drills.silent(),
    ):  # fmt: skip
        print(drill.text)
    heard = drills.heard()[before:]
    print(heard)
    assert [name for path, name in heard if path == PAGES] == ["LendwatchNotCommitting"]
