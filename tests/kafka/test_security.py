"""A broker that asks who is there: all three clients get in by password and by certificate, nobody
else does, and what a user may not do is told by name."""

from __future__ import annotations

import asyncio
import json
import logging
import time

import faust
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from confluent_kafka.admin import AdminClient
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
)

from streams import cluster, settings
from streams.cli import main
from streams.kafka_settings import KafkaSettings
from streams.topics import TopicNames, planned
from tests.kafka.broker import Cluster
from tests.kafka.records import applied
from tests.kafka.secure import ALLOWED, STRANGER, Secured

Captured = pytest.CaptureFixture[str]


def access_of(started: Cluster) -> Secured:
    assert started.secured is not None
    return started.secured


def by_password(patch: pytest.MonkeyPatch, started: Cluster, user: str) -> Secured:
    """The environment of a user who has a password in a file."""
    access = access_of(started)
    path = access.folder / f"{user}.password"
    path.write_text(access.passwords[user] + "\n")
    patch.setenv("LENDWATCH_BOOTSTRAP", access.bootstrap)
    patch.setenv("LENDWATCH_SASL_USERNAME", user)
    patch.setenv("LENDWATCH_SASL_PASSWORD_FILE", str(path))
    patch.setenv("LENDWATCH_SSL_CA_FILE", str(access.ca))
    return access


def by_certificate(patch: pytest.MonkeyPatch, started: Cluster) -> None:
    """The environment of a user whom a certificate names."""
    access = access_of(started)
    patch.setenv("LENDWATCH_BOOTSTRAP", access.certified_bootstrap)
    patch.setenv("LENDWATCH_SSL_CA_FILE", str(access.ca))
    patch.setenv("LENDWATCH_SSL_CERTIFICATE_FILE", str(access.certificate("client")))
    patch.setenv("LENDWATCH_SSL_KEY_FILE", str(access.key("client")))


async def aiokafka_enters(words: dict[str, object]) -> int:
    client = AIOKafkaAdminClient(**words)
    await client.start()
    try:
        return len((await client.describe_cluster())["brokers"])
    finally:
        await client.close()


def faust_words(kafka: KafkaSettings) -> dict[str, object]:
    """What faust would give its aiokafka client."""
    app = faust.App("tests", **kafka.faust())
    brokers = [f"{url.host}:{url.port}" for url in app.conf.broker]
    return {
        "bootstrap_servers": brokers,
        **credentials_to_aiokafka_auth(app.conf.broker_credentials),
    }


@pytest.mark.parametrize("way", ["password", "certificate"])
def test_all_three_clients_get_in(
    secured: Cluster, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "password":
        by_password(monkeypatch, secured, ALLOWED)
    else:
        by_certificate(monkeypatch, secured)
    kafka = settings.kafka()
    assert kafka.protocol == ("SASL_SSL" if way == "password" else "SSL")
    assert len(AdminClient(kafka.confluent()).list_topics(timeout=20).brokers) == 1
    with KafkaAdminClient(**kafka.kafka_python()) as admin:
        assert len(admin.describe_cluster()["brokers"]) == 1
    assert asyncio.run(aiokafka_enters(kafka.aiokafka())) == 1
    assert asyncio.run(aiokafka_enters(faust_words(kafka))) == 1


def test_who_is_not_known_is_told_so_and_no_password_is_shown(
    secured: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(cluster, "CONNECT_MAX_MS", 2_000)
    access = by_password(monkeypatch, secured, ALLOWED)
    assert main(["doctor", "--json"]) == 1
    path = access.folder / "wrong.password"
    path.write_text("wr0ng-canary")
    monkeypatch.setenv("LENDWATCH_SASL_PASSWORD_FILE", str(path))
    assert main(["doctor"]) == 2
    told = capsys.readouterr()
    assert f"the broker does not let {ALLOWED} in" in told.err
    for word in ("wr0ng-canary", access.passwords[ALLOWED]):
        assert word not in told.out + told.err + caplog.text


def test_a_certificate_that_nobody_signed_is_told(
    secured: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    by_password(monkeypatch, secured, ALLOWED)
    monkeypatch.delenv("LENDWATCH_SSL_CA_FILE")
    assert main(["topics", "plan", "--partitions", "4"]) == 2
    assert "certificate is not trusted" in capsys.readouterr().err


def test_plain_text_to_a_listener_with_tls_is_told(
    secured: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_MAX_MS", 2_000)
    address = access_of(secured).bootstrap
    assert main(["topics", "plan", "--partitions", "4", "--bootstrap", address]) == 2
    assert "is it a listener with TLS" in capsys.readouterr().err


def granted(started: Cluster, user: str, names: TopicNames, app: str) -> None:
    """The rights that the README asks for, given to a user."""
    exact, prefixed = ACLResourcePatternType.LITERAL, ACLResourcePatternType.PREFIXED
    asked = [(ResourceType.GROUP, app, prefixed, ("READ",)),
             (ResourceType.TRANSACTIONAL_ID, app, prefixed, ("WRITE",))]  # fmt: skip
    for topic in planned(names, 1, 1):
        rights = ["DESCRIBE", "DESCRIBE_CONFIGS"]
        if topic.name in names.inputs or ".internal." in topic.name:
            rights.append("READ")
        if topic.name not in names.inputs:
            rights.append("WRITE")
        asked.append((ResourceType.TOPIC, topic.name, exact, tuple(rights)))
    acls = [
        ACL(f"User:{user}", "*", ACLOperation[right], ACLPermissionType.ALLOW,
            ResourcePattern(kind, name, pattern_type=pattern))
        for kind, name, pattern, rights in asked
        for right in rights
    ]  # fmt: skip
    with KafkaAdminClient(bootstrap_servers=started.bootstrap) as admin:
        assert admin.create_acls(acls)["failed"] == []


def test_rights_that_are_lacking_are_named_with_the_command_that_gives_them(
    secured: Cluster, prefix: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    applied(secured.bootstrap)
    granted(secured, ALLOWED, TopicNames(prefix), prefix)
    by_password(monkeypatch, secured, ALLOWED)
    deadline = time.monotonic() + 20  # the broker learns of rights a little later
    while main(["doctor", "--json"]):
        assert time.monotonic() < deadline, capsys.readouterr().out
    by_password(monkeypatch, secured, STRANGER)
    capsys.readouterr()
    assert main(["doctor", "--json"]) == 1
    cures = {
        one["text"]: one["cure"]
        for one in json.loads(capsys.readouterr().out)["findings"]
        if one["check"] == "rights"
    }
    login = TopicNames(prefix).input("login")
    assert f"--operation Describe --operation Read --topic {login}" in cures[
        f"no Describe, Read on topic {login}"
    ]  # fmt: skip
    assert f"no Read on group {prefix}*" in cures
    assert f"no Describe, Read, Write on topic {prefix}.internal.*" in cures
