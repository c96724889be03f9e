"""The control stage in the service: its word reaches the account stage, whatever dies meanwhile."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from streams.cli import main
from streams.topics import TopicNames
from tests.detector.attempts import HOUR, MINUTE, START_MS, Record
from tests.detector.test_outages import PERSONAL, in_order, outage, person, steady, step, works
from tests.faults.outcome import Outcome, replayed, served
from tests.kafka.broker import Cluster
from tests.kafka.records import PARTITIONS, applied, read
from tests.kafka.service import Service, drained, serving

FIRST = person(10)
PERSON = "a7777"
HELD = [FIRST, step(FIRST, 15 * MINUTE, PERSONAL)]  # its failure follows an error of the channel
Standing = dict[tuple[str, str], Any]
EVENTS = in_order(steady(), outage(30), works(30, 400), HELD)


def written(path: Path, events: list[Record]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in events))
    return path


def sent(broker: Cluster, path: Path) -> None:
    assert main(["send", "--bootstrap", broker.bootstrap, "--log", str(path)]) == 0


def in_the_end(outcome: Outcome) -> Standing:
    """Of each incident and each person, what stands: not how many revisions it took."""
    return {
        (one["typology"], one["account_id"] or one["entity"]["id"]): (
            one["status"] in ("open", "updated"),
            one["treatment"] and one["treatment"]["system_caused"],
            [r["observed"] for r in one["reasons"] if r["code"].startswith("incident_")],
        )
        for one in outcome.alerts.values() if one["status"] != "withdrawn"
    }  # fmt: skip


def says(service: Service, broker: Cluster, prefix: str, truth: Standing) -> None:
    """Until the service says what the replay says; else what differs."""
    found: Standing = {}

    def is_so() -> bool:
        nonlocal found
        found = in_the_end(served(broker.bootstrap, prefix, PARTITIONS))
        return found == truth

    try:
        service.wait(is_so, 60)
    except AssertionError:
        assert found == truth
        raise


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("outage") / "log.jsonl", EVENTS)


@pytest.fixture(scope="module")
def truth(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Standing:
    found = in_the_end(replayed(log, tmp_path_factory.mktemp("truth")))
    assert found["channel_outage", "bank"][0] is False
    assert found["debit_failed", PERSON][:2] == (True, True)
    return found


def test_an_outage_is_told_once_and_whom_it_held_is_tagged(
    broker: Cluster, prefix: str, log: Path, truth: Standing
) -> None:
    applied(broker.bootstrap)
    sent(broker, log)
    with serving(broker.bootstrap) as service:
        drained(service)
        says(service, broker, prefix, truth)
    found = served(broker.bootstrap, prefix, PARTITIONS)
    assert not found.duplicates and not found.gaps
    assert len(read(broker.bootstrap, TopicNames(prefix).internal("facts"))) >= 2


def test_an_end_in_the_middle_of_a_hold_changes_nothing_in_the_end(
    broker: Cluster, prefix: str, tmp_path: Path, truth: Standing
) -> None:
    """Every loop ends while the outage is open and somebody is held; others go on from its state.

    The state of the control stage is made anew from its blocks; from the whole, as
    tests/detector/test_control_link.py has it.
    """
    applied(broker.bootstrap)
    edges = (12 * MINUTE, 26 * MINUTE, 2 * HOUR)
    at_ms = [one["occurred_at"] - START_MS for one in EVENTS]
    begins = [
        0,
        *(next(k for k, at in enumerate(at_ms) if at > edge) for edge in edges),
        len(at_ms),
    ]
    for k, (begin, end) in enumerate(pairwise(begins)):
        sent(broker, written(tmp_path / f"{k}.jsonl", EVENTS[begin:end]))
        with serving(broker.bootstrap) as service:
            drained(service)
            if k:
                restored = [one for one in service.told("restored") if one["stage"] == "control"]
                assert restored[0]["records"] > 0
    with serving(broker.bootstrap) as service:
        says(service, broker, prefix, truth)
    found = served(broker.bootstrap, prefix, PARTITIONS)
    assert not found.duplicates and not found.gaps


def test_control_made_anew_from_its_inputs_knows_what_it_knew(
    broker: Cluster, prefix: str, log: Path, truth: Standing
) -> None:
    applied(broker.bootstrap)
    sent(broker, log)
    with serving(broker.bootstrap) as service:
        drained(service)
    said = len(read(broker.bootstrap, TopicNames(prefix).alert))
    with serving(broker.bootstrap, ["control"], is_rebuilt=True) as service:
        service.wait(lambda: service.told("rebuilt") and service.told("restored"))
        drained(service, ["control"])
    assert len(read(broker.bootstrap, TopicNames(prefix).alert)) == said
