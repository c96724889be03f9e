"""Models in the service: what was decided under which version can be said again, whoever dies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from detector.ids import Ids
from detector.models.learner import Version
from detector.models.lessons import DebitJudged, DrawEntered, DrawJudged, unpacked_lessons
from detector.parts import Parts
from detector.sealing import unsealed
from streams.cli import main
from streams.replay import load
from streams.service.readers import ERASURE, word
from streams.topics import LEARNER, TopicNames
from tests.detector.test_models_in_engine import POLICY, log_of
from tests.faults.site import Site, site_on
from tests.faults.workers import Worker
from tests.kafka.broker import Cluster
from tests.kafka.records import read
from tests.kafka.service import LOOPS, behind
from tests.waiting import wait_until

DAYS, DRAWS_A_DAY, PIECES = 60, 40, 8
DONE_MAX_S = 300.0
DEBITS, DRAWS = "insufficient_balance", "unauthorized_transfer"


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("policy") / "policy.toml"
    path.write_text(POLICY)
    return path


def done(site: Site, stages: Sequence[str]) -> None:
    """Until these have taken all that is there."""
    wait_until(lambda: behind(site.settings, site.partitions, stages) == 0, DONE_MAX_S, "all done")


def feed(site: Site, lines: Sequence[bytes]) -> None:
    with site.fed(lines):
        pass


def killed(one: Worker) -> None:
    one.kill()
    one.start()


def lessons_of(site: Site) -> list[Any]:
    """The records of what there was to be learnt."""
    records = read(site.bootstrap, TopicNames(site.prefix).internal("features"))
    assert all(record.key != ERASURE for record in records)
    return records


def learnt_of(records: Sequence[Any], policy: Path) -> list[Version]:
    """What one learner that nobody disturbs makes of what the service told its own."""
    loaded, rulebook = load(policy, None)
    school = Parts(rulebook, loaded, Ids(), with_models=True).school()
    versions: list[Version] = []
    for record in records:
        versions += school.take([word(record.timestamp) + record.value])
    return versions


def published(site: Site) -> list[Version]:
    records = read(site.bootstrap, TopicNames(site.prefix).internal("weights"))
    return [unsealed(one.value, Version) for one in records]


def numbers_of(versions: Sequence[Version], question: str) -> list[int]:
    return [one.number for one in versions if one.question == question]


def decisions_of(lines: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in lines.splitlines()]


def replayed(site: Site, log: Path, policy: Path, out: Path) -> list[dict[str, Any]]:
    """The decisions of a replay by what the service recorded."""
    models, controls = out / "models.jsonl", out / "controls.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LENDWATCH_TOPIC_PREFIX", site.prefix)
        words = ["--out", str(models), "--controls", str(controls), "--bootstrap", site.bootstrap]
        assert main(["models", *words]) == 0
    words = ["--models", str(models), "--controls", str(controls), "--policy", str(policy)]
    assert main(["replay", "--log", str(log), "--out", str(out / "run"), *words]) == 0
    return decisions_of((out / "run/decisions.jsonl").read_bytes())


def test_a_replay_by_what_was_recorded_repeats_scores_though_learner_and_worker_were_killed(
    broker: Cluster, policy: Path, tmp_path: Path
) -> None:
    lines = log_of(DAYS, DRAWS_A_DAY)
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"\n".join(lines) + b"\n")
    size = len(lines) // PIECES + 1
    with site_on(broker) as site:
        words = ["--policy", str(policy)]
        worker = site.worker("w0", words=["--models", "learn", *words])
        learner = site.worker("learner", words=words, command="learn")
        worker.start()
        learner.start()
        for piece in range(PIECES):
            feed(site, lines[piece * size : (piece + 1) * size])
            if piece in (2, 5):  # while it has work
                killed(worker)
            done(site, LOOPS)
            if piece in (4, 5):
                killed(learner)
            done(site, [LEARNER])
        worker.stop()
        learner.stop()
        assert sum(one["records"] for one in learner.life.told("restored")) > 0
        versions = published(site)
        records = lessons_of(site)
        assert versions == learnt_of(records, policy)  # none lost, none twice, none another
        for question in (DEBITS, DRAWS):
            numbers = numbers_of(versions, question)
            assert numbers == list(range(1, len(numbers) + 1))
        decided = read(site.bootstrap, TopicNames(site.prefix).decision)
        decisions = [orjson.loads(one.value) for one in decided]
        again = {one["event_id"]: one for one in replayed(site, log, policy, tmp_path)}
    assert set(Counter(one["event_id"] for one in decisions).values()) == {1}
    assert {one["event_id"] for one in decisions} == set(again)
    told = Counter(
        type(lesson)
        for record in records
        for _, lessons in unpacked_lessons(record.value).lessons
        for lesson in lessons
    )
    asked = Counter(one["question"] for one in decisions)
    assert told[DebitJudged] == asked[DEBITS] > 0
    assert told[DrawEntered] == told[DrawJudged] == asked[DRAWS] > 0
    for question in (DEBITS, DRAWS):
        used = {one["versions"]["models"] for one in decisions if one["question"] == question}
        made = numbers_of(versions, question)
        print(question, "versions used:", len(used - {None}), "of", len(made))
        assert len(used - {None}) >= 2
    draws = [one for one in decisions if one["question"] == DRAWS]
    same_draws = sum(one["score"] == again[one["event_id"]]["score"] for one in draws)
    print("draws, whose payees' partitions take them in another order:", same_draws, "of",
          len(draws), "scores are those of the replay")  # fmt: skip
    for one in decisions:
        if one["question"] == DEBITS:  # of the account stage, which is exact
            same = again[one["event_id"]]
            assert (one["score"], one["versions"]) == (same["score"], same["versions"])
            assert one["components"] == same["components"]
