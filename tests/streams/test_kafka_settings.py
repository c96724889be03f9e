"""How Kafka is reached: one set of variables, three dialects, no secret ever shown."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from streams.faults import Fault
from streams.kafka_settings import KafkaSettings, Secret
from streams.kafka_variables import is_loopback, kafka_settings

CANARY = "s3cret-canary"
REMOTE = {"LENDWATCH_BOOTSTRAP": "k1:9093,k2:9093"}
USER = {"LENDWATCH_SASL_USERNAME": "watch", "LENDWATCH_SASL_PASSWORD": CANARY}


def test_a_broker_on_this_machine_needs_nothing_but_its_address() -> None:
    kafka = kafka_settings({"LENDWATCH_BOOTSTRAP": "localhost:9092"})
    assert (kafka.app_id, kafka.topic_prefix, kafka.session_timeout_ms) == (
        "lendwatch", "lendwatch", 8_000
    )  # fmt: skip
    assert kafka.confluent() == {
        "bootstrap.servers": "localhost:9092",
        "client.id": "lendwatch",
        "security.protocol": "PLAINTEXT",
        "reconnect.backoff.max.ms": 1_000,
    }
    assert kafka.kafka_python()["security_protocol"] == "PLAINTEXT"
    assert kafka.faust() == {"broker": "kafka://localhost:9092"}


def test_the_command_line_stands_above_the_environment() -> None:
    kafka = kafka_settings({"LENDWATCH_BOOTSTRAP": "k:1"}, bootstrap="127.0.0.1:2, [::1]:3")
    assert kafka.bootstrap == ("127.0.0.1:2", "[::1]:3")


def test_a_user_is_spoken_for_in_three_dialects() -> None:
    kafka = kafka_settings(REMOTE | USER)
    told = kafka.confluent()
    assert told["security.protocol"] == "SASL_SSL" and told["sasl.mechanism"] == "SCRAM-SHA-512"
    assert told["sasl.username"] == "watch" and told["sasl.password"] == CANARY
    assert told["ssl.endpoint.identification.algorithm"] == "https"
    for words in (kafka.kafka_python(), kafka.aiokafka()):
        assert words["bootstrap_servers"] == ["k1:9093", "k2:9093"]
        assert words["security_protocol"] == "SASL_SSL"
        assert words["sasl_plain_username"] == "watch" and words["sasl_plain_password"] == CANARY
        assert words["ssl_context"].check_hostname
    told = kafka.faust()
    assert told["broker"] == "kafka://k1:9093;kafka://k2:9093"
    credentials = told["broker_credentials"]
    assert credentials.protocol.value == "SASL_SSL"
    assert credentials.mechanism.value == "SCRAM-SHA-512" and credentials.password == CANARY


def test_stages_have_groups_and_producers_of_the_apps_name() -> None:
    kafka = kafka_settings(
        {
            "LENDWATCH_BOOTSTRAP": "localhost:1",
            "LENDWATCH_APP_ID": "watch",
            "LENDWATCH_INSTANCE_ID": "w-0",
            "LENDWATCH_SESSION_TIMEOUT_MS": "6000",
        }
    )
    consumer = kafka.confluent_consumer("account")
    assert consumer["group.id"] == "watch-account" and consumer["group.instance.id"] == "w-0"
    assert consumer["session.timeout.ms"] == 6_000 and consumer["heartbeat.interval.ms"] == 1_500
    assert consumer["isolation.level"] == "read_committed" and not consumer["enable.auto.commit"]
    assert consumer["partition.assignment.strategy"] == "range"
    producer = kafka.confluent_producer("account")
    assert producer["transactional.id"] == "watch-account-w-0"
    assert producer["partitioner"] == "murmur2_random"
    assert "transactional.id" not in kafka.confluent_producer()


def test_without_a_stable_name_each_producer_has_one_of_its_own() -> None:
    kafka = kafka_settings({"LENDWATCH_BOOTSTRAP": "localhost:1"})
    ids = {kafka.transactional_id("account") for _ in range(3)}
    assert len(ids) == 3 and all(one.startswith("lendwatch-account-") for one in ids)
    assert "group.instance.id" not in kafka.confluent_consumer("account")


def test_no_secret_is_shown_or_stored() -> None:
    kafka = kafka_settings(REMOTE | USER)
    assert CANARY not in repr(kafka) + str(kafka) + f"{kafka.password}"
    with pytest.raises(TypeError):
        pickle.dumps(kafka.password)


def test_a_password_may_be_in_a_file_whose_last_line_end_is_not_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(f" {CANARY} \n")
    told = {"LENDWATCH_SASL_USERNAME": "watch", "LENDWATCH_SASL_PASSWORD_FILE": str(path)}
    assert kafka_settings(REMOTE | told).confluent()["sasl.password"] == f" {CANARY} "


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({}, "no broker is named"),
        ({"LENDWATCH_BOOTSTRAP": "k1"}, "'k1' is no broker's address"),
        ({"LENDWATCH_BOOTSTRAP": "k1:0"}, "is no broker's address"),
        ({"LENDWATCH_BOOTSTRAP": "http://k1:9"}, "is no broker's address"),
        (REMOTE, "k1:9093 would be reached in plain text"),
        (REMOTE | USER | {"LENDWATCH_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}, "in plain text"),
        (REMOTE | USER | {"LENDWATCH_SECURITY_PROTOCOL": "ssl"}, "'ssl' is none of"),
        (REMOTE | USER | {"LENDWATCH_SECURITY_PROTOCOL": "SSL"}, "SSL asks for no user"),
        (REMOTE | {"LENDWATCH_SASL_USERNAME": "watch"}, "set LENDWATCH_SASL_USERNAME and"),
        (REMOTE | USER | {"LENDWATCH_SASL_MECHANISM": "MD5"}, "'MD5' is none of"),
        (REMOTE | USER | {"LENDWATCH_SASL_PASSWORD_FILE": __file__}, "are both set"),
        (REMOTE | {"LENDWATCH_SSL_CA_FILE": "none.pem"}, "none.pem: is no file"),
        (REMOTE | USER | {"LENDWATCH_SSL_KEY_FILE": __file__}, "needs LENDWATCH_SSL_CERT"),
        (REMOTE | USER | {"LENDWATCH_TOPIC_PREFIX": "a_b"}, "LENDWATCH_TOPIC_PREFIX: 'a_b' may"),
        (REMOTE | USER | {"LENDWATCH_APP_ID": "a" * 101}, "at most 100"),
        (REMOTE | USER | {"LENDWATCH_SESSION_TIMEOUT_MS": "5"}, "'5' is not from 6000 to"),
        (REMOTE | USER | {"LENDWATCH_SESSION_TIMEOUT_MS": "8s"}, "'8s' is not from 6000 to"),
    ],
)
def test_what_is_half_told_or_wrong_is_a_fault_that_names_it(
    told: dict[str, str], says: str
) -> None:
    with pytest.raises(Fault, match=says) as fault:
        kafka_settings(told)
    assert CANARY not in str(fault.value)


def test_plain_text_leaves_this_machine_only_where_somebody_says_so() -> None:
    assert kafka_settings(REMOTE, insecure_dev=True).protocol == "PLAINTEXT"


@pytest.mark.parametrize(
    ("address", "local"),
    [("localhost:1", True), ("127.9.9.9:1", True), ("[::1]:1", True), ("10.0.0.1:1", False),
     ("localhost.example:1", False), ("127.0.0.1.example:1", False), ("0.0.0.0:1", False)],
)  # fmt: skip
def test_loopback_is_known_by_its_address(address: str, local: bool) -> None:
    assert is_loopback(address) is local


def test_tls_files_that_are_none_are_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("nothing")
    kafka = KafkaSettings(("k:1",), protocol="SSL", ca_file=path)
    with pytest.raises(Fault, match="LENDWATCH_SSL_CA_FILE"):
        kafka.ssl_context()


def test_a_secret_shows_nothing() -> None:
    assert repr(Secret(CANARY)) == "Secret(...)"
