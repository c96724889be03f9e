"""Models in a chain of stages with a learner beside it: what is learnt and what scores, wherever
batches end, whoever is slow, and whatever is made again in the middle."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from detector.counted_blocks import Come
from detector.decode import Decoder
from detector.engine import Engine
from detector.events import TIME_MAX_MS
from detector.ids import Ids
from detector.link_models import VersionsError
from detector.memory import STAGES
from detector.models.blend import BlendWeights
from detector.models.deviations import DeviationWeights
from detector.models.forest import ForestWeights
from detector.models.inputs import DRAW_INPUTS
from detector.models.learner import Version
from detector.models.lessons import DrawJudged, Lesson, packed_lessons
from detector.models.published import Published
from detector.newest import kinds_of
from detector.parts import Parts
from detector.policy import Policy, load_policy
from detector.rulebook import load_rulebook
from tests.detector.chains import Chain
from tests.detector.test_models_in_engine import POLICY, lived, log_of

ACCOUNT, PAYEE = STAGES[0], STAGES[-1]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("policy") / "policy.toml"
    path.write_text(POLICY)
    return path


class Schooled(Chain):
    """A chain that has a school beside it, and follows what it publishes."""

    def __init__(self, path: Path, partitions: int = 1, follows: bool = True) -> None:
        self.policy = load_policy(path)
        super().__init__(None, partitions)
        self.follows = follows
        self.published: list[Version] = []
        self.lessons: dict[tuple[str, int], list[Lesson]] = {}
        self.school_log: dict[bytes, bytes] = {}
        self.arrivals = 0
        self.begin_school()

    def made_parts(self, terms: Any, ids: Ids, partitions: int) -> Parts:
        rulebook = load_rulebook(None, self.policy)
        return Parts(rulebook, self.policy, ids, partitions=partitions, with_models=True)

    def begin_school(self) -> None:
        """A school, made again from what it wrote."""
        self.school = self.parts.school()
        self.school.restore(kinds_of(self.school_log))

    def restart(self) -> None:
        super().restart()
        self.tell_links(getattr(self, "published", []))

    def tell_links(self, versions: Sequence[Version]) -> None:
        for link in self.links.values():
            if link.models is not None:
                link.models.follow(versions)

    def _heard(self, stage: str, p: int, outputs: Any) -> Any:
        self.lessons.setdefault((stage, p), []).extend(outputs.lessons)
        return super()._heard(stage, p, outputs)

    def teach(self, stage: str) -> None:
        """The school takes what a stage has for it."""
        told = {p: self.lessons.pop((stage, p), []) for p in range(self.partitions)}
        come = {p: Come(self.links[ACCOUNT, p].clock_ms, True) for p in range(self.partitions)}
        for value in packed_lessons(told, come if stage == ACCOUNT else {}):
            self.arrivals += 1
            versions = self.school.take([self.arrivals.to_bytes(8, "big") + value])
            self.published += versions
            if self.follows:
                self.tell_links(versions)
        self.keep_school()

    def keep_school(self) -> None:
        """Write what the school changed, as a compacted topic would keep it."""
        for key, record in self.school.changes():
            if record is None:
                del self.school_log[key]
            else:
                self.school_log[key] = record


def schooled(
    lines: list[bytes], path: Path, rng: random.Random, partitions: int = 1,
    restarts: float = 0.0, most: int = 400, follows: bool = True,
) -> Schooled:  # fmt: skip
    """A log through a chain and its school, in batches of any size, with whatever comes between."""
    chain, position = Schooled(path, partitions, follows), 0
    while position < len(lines):
        size = rng.randrange(1, most)
        chain.process(lines[position : position + size])
        position += size
        if rng.random() < 0.7:
            chain.teach(ACCOUNT)
            if rng.random() < 0.7:  # what was taken there comes to the last stage later
                chain.teach(PAYEE)
        if rng.random() < restarts:
            chain.restart()
        if rng.random() < restarts:
            chain.begin_school()
    chain.teach(ACCOUNT)
    chain.teach(PAYEE)
    return chain


def learnt(versions: Sequence[Version]) -> list[Any]:
    """What does not depend on which version scored: all but the blend, and its numbers."""
    told = [
        (one.question, one.from_ms, one.forest, one.deviations, one.correction)
        for one in versions if one.forest is not None or one.deviations is not None
    ]  # fmt: skip
    return sorted(told, key=lambda one: (one[1], one[0]))


def scores(decisions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {one["event_id"]: (one["score"], one["components"]) for one in decisions}


def test_a_school_learns_what_a_replay_learns(policy: Path) -> None:
    lines = log_of(days=14)
    _, _, versions = lived(lines, policy, 500)
    wanted = learnt(versions)
    found = learnt(schooled(lines, policy, random.Random(1), restarts=0.1).published)
    assert len([one for one in wanted if one[2] is not None]) > 4
    # The last hours: no partition has come past them.
    assert found == wanted[: len(found)] and len(found) > len(wanted) - 6


def test_neither_who_is_slow_nor_restarts_change_what_is_learnt(
    policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same lessons of three partitions, in blocks of any size, those of the last stage late;
    in so little room that examples are thinned."""
    monkeypatch.setattr("detector.models.examples.KEPT_MAX", (450, 70))
    monkeypatch.setattr("detector.models.examples.PENDING_MAX", 150)
    for name, value in (("BLOCKS_MIN", 5), ("BLOCKS_A_PIECE", 0), ("PIECE_BYTES", 30_000)):
        monkeypatch.setattr(f"detector.input_log.{name}", value)  # else all is in the blocks
    lines, chain, told = log_of(days=9), Schooled(policy, partitions=3), list[Any]()
    for start in range(0, len(lines), 50):
        chain.process(lines[start : start + 50])
        clocks = {p: chain.links[ACCOUNT, p].clock_ms for p in range(3)}
        lessons = {stage: {p: list(chain.lessons.get((stage, p), [])) for p in range(3)}
                   for stage in (ACCOUNT, PAYEE)}  # fmt: skip
        told.append((lessons, {p: Come(clock_ms, True) for p, clock_ms in clocks.items()}))
        chain.teach(ACCOUNT)
        chain.teach(PAYEE)
    versions = chain.published
    assert len([one for one in versions if one.forest is not None]) > 2
    assert any(one.blend is not None for one in versions)
    assert max(chain.school.models.draws.follower.learner.examples.rates) < 1.0
    for seed in (3, 4):
        print("seed", seed)
        assert taught(policy, told, random.Random(seed), restarts=0.2) == versions


def taught(
    policy: Path, told: Sequence[Any], rng: random.Random, restarts: float
) -> list[Version]:  # fmt: skip
    """What a school makes of lessons, the stages' in their order and in step with nobody."""
    chain, waiting = Schooled(policy, 3, follows=False), list[Any]()
    late: list[bytes] = []
    for place, (lessons, come) in enumerate(told, 1):
        waiting += packed_lessons(lessons[ACCOUNT], come)
        late += packed_lessons(lessons[PAYEE], {})
        some = len(late) if place == len(told) else rng.randrange(len(late) + 1)
        waiting, late = [*waiting, *late[:some]], late[some:]
        if rng.random() < 0.5 or place == len(told):
            chain.published += chain.school.take([bytes(8) + value for value in waiting])
            waiting.clear()
            chain.keep_school()
            if rng.random() < restarts:
                chain.begin_school()
    return chain.published


@pytest.mark.parametrize("partitions", [1, 3])
def test_decisions_name_their_version_and_a_replay_by_these_names_repeats_their_scores(
    policy: Path, partitions: int
) -> None:
    lines = log_of(days=60, a_day=40)
    chain = schooled(lines, policy, random.Random(5), partitions, restarts=0.1, most=100)
    decisions = [orjson.loads(one) for one in chain.said["decisions"]]
    named: dict[str, dict[int, int]] = {}
    ids = Ids()
    for one in decisions:
        number = int(one["versions"]["models"] or 0)
        named.setdefault(one["question"], {})[ids.hash(one["event_id"])] = number
    used = {question: set(of.values()) for question, of in named.items()}
    print({question: len(of) for question, of in used.items()})
    assert all(len(of) > 3 for of in used.values())
    loaded = load_policy(policy)
    engine = Engine(load_rulebook(None, loaded), loaded, ids, recorded=chain.published, named=named)
    outputs = engine.process(Decoder(ids, TIME_MAX_MS).decode(lines))
    at_account = [one for one in decisions if one["question"] == "insufficient_balance"]
    again = scores(outputs.decisions)
    assert all(again[name] == told for name, told in scores(at_account).items())
    if partitions == 1:
        assert again == scores(decisions)


def test_a_restart_of_the_links_changes_no_score_and_no_alert_of_models(policy: Path) -> None:
    lines = log_of(days=9)
    taught = schooled(lines, policy, random.Random(6)).published
    told = []
    for restarts in (False, True):
        chain = Schooled(policy, follows=False)
        chain.published = list(taught)
        chain.restart()
        for start in range(0, len(lines), 100):
            chain.process(lines[start : start + 100])
            if restarts:
                chain.restart()
        told.append({name: sorted(records) for name, records in chain.said.items()})
    assert told[0] == told[1]
    assert any(b"model_risk" in alert for alert in told[0]["alerts"])


def test_a_state_that_was_judged_by_a_version_that_nobody_tells_of_is_refused(
    policy: Path,
) -> None:
    lines = log_of(days=9)
    chain = schooled(lines, policy, random.Random(7))
    chain.published = chain.published[:2]
    chain.restart()
    with pytest.raises(VersionsError, match="bring the topic of weights back"):
        chain.process(lines[-5:])


def test_without_models_nothing_is_told_and_what_models_left_is_passed_over(policy: Path) -> None:
    lines = log_of(days=5)
    chain = schooled(lines, policy, random.Random(8))
    loaded: Policy = load_policy(policy)
    chain.parts = Parts(load_rulebook(None, loaded), loaded, Ids())
    chain.restart()
    assert all(link.models is None for link in chain.links.values())
    chain.lessons.clear()
    chain.process(lines[-20:])
    assert not any(chain.lessons.values())


def test_what_waits_of_an_erased_account_is_never_taught(policy: Path) -> None:
    chain = Schooled(policy)
    chain.process(log_of(days=3))
    told = {0: chain.lessons.pop((ACCOUNT, 0))}
    (block,) = packed_lessons(told, {0: Come(chain.links[ACCOUNT, 0].clock_ms, True)})
    chain.school.take([bytes(8) + block])  # all wait for what draws were judged by
    account = Ids().hash("a5")
    before = chain.school.held
    chain.school.erase(account)
    assert 0 < chain.school.held < before
    chain.teach(PAYEE)
    known = chain.school.models.draws.follower.learner.examples._known
    assert known and account not in {one.account for one in known.values()}
    assert account.to_bytes(8, "big", signed=True) not in b"".join(chain.school_log.values())


def test_rows_without_a_stages_key_keep_their_place_among_those_of_other_partitions(
    policy: Path,
) -> None:
    """No event has a device or an address: what is a backlog of weeks must not come too late at
    the last stage for want of a clock in between."""
    lines = log_of(days=20, a_day=40)
    chain = Schooled(policy, partitions=4, follows=False)
    for start in range(0, len(lines), 500):
        chain.process(lines[start : start + 500])
    judged = [one for p in range(4) for one in chain.lessons[PAYEE, p]
              if isinstance(one, DrawJudged)]  # fmt: skip
    place = [one.name for one in DRAW_INPUTS].index("payee_draws_7d")
    known = [not np.isnan(one.told.example().inputs[place]) for one in judged]
    assert len(known) == 800 and all(known)


def test_a_version_goes_when_it_is_old_and_each_of_its_parts_was_replaced() -> None:
    published = Published(history_ms=100)
    deviations = DeviationWeights(1, [], [], [])
    forest = ForestWeights([], 0.0, [], [], [], [])
    made = [
        Version("q", 1, 0, deviations, forest),
        Version("q", 2, 10, deviations),
        Version("other", 1, 10, deviations),
        Version("q", 3, 20, blend=BlendWeights(1, 0.0, [])),
        Version("q", 4, 111, deviations),
    ]
    gone = [[(one.question, one.number) for one in published.add(each)] for each in made]
    assert gone == [[], [], [], [], [("q", 2)]]
    again = [(one.question, one.number)
             for one in published.add(Version("q", 5, 500, forest=forest))]  # fmt: skip
    assert again == [("q", 1)]
    assert [one.number for one in published.entries] == [1, 3, 4, 5]
