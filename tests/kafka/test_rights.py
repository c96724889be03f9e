"""The service's rights are enough, and each one is needed: without it the failure names it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import KafkaError, KafkaException
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)

from detector.counted_blocks import Come
from detector.memory import STAGES
from detector.models.lessons import packed_lessons
from streams import settings
from streams.cli import main
from streams.faults import Fault
from streams.metrics import Metrics
from streams.replay import load
from streams.rights import Right, learner_rights, service_rights
from streams.service.app import Options
from streams.service.faulty import Aside, Patience
from streams.service.journal import Journal
from streams.service.learning import learner_loop
from streams.service.readers import word
from streams.service.transaction import Transactions
from streams.topic_changes import check_topics
from streams.topics import LEARNER, TopicNames
from tests.kafka.broker import Cluster
from tests.kafka.records import PARTITIONS, applied, read, write
from tests.kafka.secure import ALLOWED
from tests.kafka.service import serving
from tests.kafka.test_security import access_of, by_password
from tests.waiting import wait_until

KINDS = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP,
         "transactionalId": ResourceType.TRANSACTIONAL_ID}  # fmt: skip
LOG_LINES = 4_500
KNOWN_MAX_S = 20.0  # the broker learns of rights a little later
FAILS_MAX_S = 60.0
Captured = pytest.CaptureFixture[str]


class One(NamedTuple):
    """One operation of one right."""

    right: Right
    operation: str

    def acl(self) -> ACL:
        pattern = ACLResourcePatternType.PREFIXED if self.right.is_prefix else (
            ACLResourcePatternType.LITERAL)  # fmt: skip
        where = ResourcePattern(KINDS[self.right.kind], self.right.name, pattern_type=pattern)
        return ACL(f"User:{ALLOWED}", "*", ACLOperation[self.operation.upper()],
                   ACLPermissionType.ALLOW, where)  # fmt: skip

    def filter(self) -> ACLFilter:
        acl = self.acl()
        where = acl.resource_pattern
        return ACLFilter(
            acl.principal, acl.host, acl.operation, acl.permission_type,
            ResourcePatternFilter(where.resource_type, where.resource_name, where.pattern_type),
        )  # fmt: skip


class Rights(NamedTuple):
    """Those of the user, on a cluster that holds a part of a world, of which nothing is done."""

    cluster: Cluster
    names: TopicNames
    all: tuple[One, ...]

    @contextmanager
    def without(self, kind: str, name: str, operation: str) -> Iterator[None]:
        """One of them taken away, and given back."""
        (one,) = [
            one
            for one in self.all
            if (one.right.kind, one.right.name, one.operation) == (kind, name, operation)
        ]
        with KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap) as admin:
            assert len(admin.delete_acls([one.filter()])[0][1]) == 1
            try:
                yield
            finally:
                assert admin.create_acls([one.acl()])["failed"] == []


@pytest.fixture(scope="module")
def rights(secured: Cluster, world: Path) -> Iterator[Rights]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LENDWATCH_TOPIC_PREFIX", "rights")
        patch.setenv("LENDWATCH_APP_ID", "rights")
        applied(secured.bootstrap)
        names = TopicNames("rights")
        log = world / "rights.jsonl"
        lines = (world / "log.jsonl").read_bytes().splitlines(keepends=True)
        log.write_bytes(b"".join(lines[:LOG_LINES]))
        assert main(["send", "--bootstrap", secured.bootstrap, "--log", str(log)]) == 0
        write(secured.bootstrap, names.input("login"), [b"no event"])
        every = tuple(
            One(right, operation)
            for right in service_rights(names, "rights")
            for operation in right.operations
        )
        with KafkaAdminClient(bootstrap_servers=secured.bootstrap) as admin:
            assert admin.create_acls([one.acl() for one in every])["failed"] == []
        by_password(patch, secured, ALLOWED)
        yield Rights(secured, names, every)


@pytest.fixture(autouse=True)
def as_the_user(rights: Rights, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test before this one took out of the environment."""
    monkeypatch.setenv("LENDWATCH_TOPIC_PREFIX", "rights")
    monkeypatch.setenv("LENDWATCH_APP_ID", "rights")
    by_password(monkeypatch, rights.cluster, ALLOWED)


def doctors_words(capsys: Captured) -> list[str]:
    capsys.readouterr()
    main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)["findings"]
    return [one["text"] for one in found
            if one["check"] == "rights" and one["level"] == "wrong"]  # fmt: skip


def until_known(is_so: Callable[[list[str]], bool], capsys: Captured) -> list[str]:
    deadline_s = time.monotonic() + KNOWN_MAX_S
    while not is_so(said := doctors_words(capsys)):
        assert time.monotonic() < deadline_s, said
    return said


REFUSED, HIDDEN = "TOPIC_AUTHORIZATION_FAILED", "lacks a right"
# What is taken away, how the service ends, and what the doctor says of it. `account-state`: read
# only where there is a state, so that it comes after the service has run.
CASES = [
    # The first: what the others leave there is only how far partitions have come.
    ("topic", "control-in", "Write", REFUSED, "no Write on topic {inner}*"),
    ("topic", "alert", "Write", HIDDEN, "Write on topic {}"),
    ("topic", "dead-letter", "Write", HIDDEN, "Write on topic {}"),
    ("topic", "decision", "Write", HIDDEN, "Write on topic {}"),
    ("topic", "device-in", "Write", REFUSED, "no Write on topic {inner}*"),
    ("topic", "account-state", "Write", REFUSED, "no Write on topic {inner}*"),
    ("topic", "login", "Read", HIDDEN, "Read on topic {}"),
    ("topic", "erasures", "Read", HIDDEN, "Read on topic {inner}*"),
    ("topic", "facts", "Read", REFUSED, "no Read on topic {inner}*"),
    ("topic", "learner-state", "Describe", HIDDEN, "no Describe on topic {inner}*"),
    ("topic", "weights", "Read", HIDDEN, "Read on topic {inner}*"),
    ("topic", "features", "Write", HIDDEN, "Write on topic {inner}*"),
    ("group", "rights-", "Read", "GROUP_AUTHORIZATION_FAILED", "no Read on group rights*"),
    ("transactionalId", "rights-", "Write", "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
     "no Write on transactional-id rights*"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "short", "operation", "failure", "word"), CASES,
                         ids=[f"{one[1]}-{one[2]}" for one in CASES])  # fmt: skip
def test_without_one_right_the_service_ends_and_the_doctor_names_it(
    rights: Rights, kind: str, short: str, operation: str, failure: str, word: str,
    capsys: Captured,
) -> None:  # fmt: skip
    names = rights.names
    name = {
        "alert": names.alert, "decision": names.decision, "dead-letter": names.dead_letter,
        "login": names.input("login"), "rights-": "rights-",
    }.get(short) or names.internal(short)  # fmt: skip
    ends_without(rights, (kind, name, operation), failure, word, capsys)
    if kind == "topic" and operation == "Write":
        assert read(rights.cluster.bootstrap, name) == []


def test_why_a_transaction_failed_is_told_by_the_record_that_comes_after(
    rights: Rights, capsys: Captured
) -> None:
    """The library says of such a record only that the transaction is in no state to take it."""
    state = rights.names.internal("account-state")
    with rights.without("topic", state, "Write"):
        until_known(lambda said: any("no Write on topic" in one for one in said), capsys)
        kafka = settings.kafka(access_of(rights.cluster).bootstrap)
        aside = Aside("test", lambda: False)
        one = Transactions(kafka, STAGES[0], Patience(lambda: False), aside)
        one.start()
        one.begin()
        why = []

        def has_failed() -> bool:
            try:
                one.write_state(state, 0, [(b"key", b"value")], lambda error, message: None)
            except KafkaException as error:
                why.append(error.args[0].code())
            return bool(why)

        wait_until(has_failed, KNOWN_MAX_S, "the failure")
        assert why == [KafkaError.TOPIC_AUTHORIZATION_FAILED]
        one.drop()


def ends_without(
    rights: Rights, which: tuple[str, str, str], failure: str, word: str, capsys: Captured
) -> None:
    """Take a right away; the doctor says it, and the account stage ends for want of it."""
    wanted = word.format(which[1], inner=rights.names.internal("").removesuffix(".v1"))
    with rights.without(*which):
        until_known(lambda said: any(wanted in one for one in said), capsys)
        with (
            pytest.raises(Fault, match=failure),
            serving(access_of(rights.cluster).bootstrap, STAGES[:1]) as service,
        ):
            service.wait(lambda: False, FAILS_MAX_S)


def test_the_rights_are_enough_and_a_state_is_not_read_without_one(
    rights: Rights, capsys: Captured
) -> None:
    until_known(lambda said: not said, capsys)
    names, plain = rights.names, rights.cluster.bootstrap
    outputs = (names.alert, names.decision, names.dead_letter, names.internal("payee-state"))
    with serving(access_of(rights.cluster).bootstrap) as service:
        assert service.partitions == PARTITIONS
        for topic in outputs:
            service.wait(lambda topic=topic: bool(read(plain, topic)))
        assert not service.told("begins_anew")
    state = names.internal("account-state")
    ends_without(rights, ("topic", state, "Read"), REFUSED, "no Read on topic {inner}*", capsys)


def test_the_learners_rights_are_enough_for_it(
    rights: Rights, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, plain = "learns", rights.cluster.bootstrap
    monkeypatch.setenv("LENDWATCH_TOPIC_PREFIX", name)
    monkeypatch.setenv("LENDWATCH_APP_ID", name)
    with pytest.MonkeyPatch.context() as patch:  # by the listener that asks nobody
        for variable in ("SASL_USERNAME", "SASL_PASSWORD_FILE", "SSL_CA_FILE"):
            patch.delenv(f"LENDWATCH_{variable}")
        applied(plain)
    names = TopicNames(name)
    with KafkaAdminClient(bootstrap_servers=plain) as admin:
        every = [One(right, operation) for right in learner_rights(names, name)
                 for operation in right.operations]  # fmt: skip
        assert admin.create_acls([one.acl() for one in every])["failed"] == []
    (block,) = packed_lessons({0: []}, {0: Come(1, True)})
    write(plain, names.internal("features"), [block], key=word(1))
    kafka = settings.kafka(access_of(rights.cluster).bootstrap)
    policy, rulebook = load(None, None)
    assert check_topics(kafka) == PARTITIONS
    options = Options(kafka, policy, rulebook, (LEARNER,), PARTITIONS, Path(), with_models=True)
    loop = learner_loop(options, Journal(StringIO(), in_words=False), Metrics())
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(loop.run)
        try:
            state = names.internal(f"{LEARNER}-state")
            wait_until(lambda: running.done() or read(plain, state), FAILS_MAX_S, "a state")
        finally:
            loop.stop()
        running.result()
    assert {one.key[:1] for one in read(plain, state)} == {b"V", b"D"}
