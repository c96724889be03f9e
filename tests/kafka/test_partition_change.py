"""The written way to another number of partitions (streams/service/README.md), gone once."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.cli import main
from streams.faults import Fault
from tests.faults.judging import judged
from tests.faults.outcome import Outcome, served
from tests.kafka.broker import Cluster
from tests.kafka.records import PARTITIONS, applied
from tests.kafka.service import drained, serving


def test_another_partition_count_is_refused_and_the_written_way_leads_to_it(
    broker: Cluster, prefix: str, world: Path, truth: Outcome, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    applied(broker.bootstrap)
    log = str(world / "log.jsonl")
    assert main(["send", "--bootstrap", broker.bootstrap, "--log", log]) == 0
    with serving(broker.bootstrap) as service:  # it drains, and is stopped
        drained(service)
    more = ["--bootstrap", broker.bootstrap, "--partitions", str(PARTITIONS + 2)]
    capsys.readouterr()
    assert main(["topics", "apply", *more, "--replication", "1"]) == 2
    assert "another LENDWATCH_TOPIC_PREFIX" in capsys.readouterr().err
    monkeypatch.setenv("LENDWATCH_TOPIC_PREFIX", f"{prefix}b")
    monkeypatch.setenv("LENDWATCH_APP_ID", f"{prefix}b")
    assert main(["topics", "apply", *more, "--replication", "1"]) == 0
    assert main(["send", "--bootstrap", broker.bootstrap, "--log", log]) == 0
    with serving(broker.bootstrap) as service:
        assert service.partitions == PARTITIONS + 2
        drained(service)
    judged(truth, served(broker.bootstrap, f"{prefix}b", PARTITIONS + 2)).check()


def test_a_state_written_for_another_partition_count_is_refused(
    broker: Cluster, prefix: str, world: Path
) -> None:
    """Somebody added partitions by hand: accounts would be parted from their state."""
    applied(broker.bootstrap)
    assert main(["send", "--bootstrap", broker.bootstrap, "--log", str(world / "log.jsonl")]) == 0
    with serving(broker.bootstrap) as service:
        drained(service)
    with (
        serving(broker.bootstrap, partitions=PARTITIONS + 1) as other,
        pytest.raises(Fault, match=f"written for {PARTITIONS} partitions"),
    ):
        other.wait(lambda: False)
