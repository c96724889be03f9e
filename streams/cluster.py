"""kafka-python's clients, entered with our settings; their errors become faults with a cure."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import AuthorizationError, KafkaError, KafkaTimeoutError, for_code

from streams.faults import Fault
from streams.kafka_settings import KafkaSettings

CONNECT_MAX_MS, REQUEST_MAX_MS = 8_000, 15_000
KNOCK_MAX_S = 3.0
UNKNOWN_TOPIC = 3  # Kafka's code for a topic that is not there


@contextmanager
def admin_of(settings: KafkaSettings) -> Iterator[Any]:
    """A KafkaAdminClient while entered."""
    # What the library has to say we say in our words; and below WARNING it would tell passwords.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    knock(settings)
    with kafka_faults(settings):
        admin = KafkaAdminClient(
            **settings.kafka_python(),
            bootstrap_timeout_ms=CONNECT_MAX_MS,
            request_timeout_ms=REQUEST_MAX_MS,
        )
        try:
            yield admin
        finally:
            admin.close()


@contextmanager
def kafka_faults(settings: KafkaSettings) -> Iterator[None]:
    """What Kafka refuses within becomes a Fault that says what to do."""
    try:
        yield
    except KafkaError as error:
        raise Fault(said(error, settings)) from error


def said(error: KafkaError, settings: KafkaSettings) -> str:
    """An error of Kafka in one line of plain words, with the cure where there is one."""
    if isinstance(error, KafkaTimeoutError):
        return no_answer(settings)
    where = ", ".join(settings.bootstrap)
    kind = type(error).__name__.removesuffix("Error")
    if isinstance(error, AuthorizationError):
        user = settings.username or "that the certificate names"
        return f"{where}: the user {user} lacks a right ({kind}); `lendwatch doctor` says which"
    text = str(error).split("\n")[0][:300]
    return f"{where}: Kafka says {kind}: {text}"


def knock(settings: KafkaSettings) -> None:
    """A Fault where no address can be entered at all: at once, and with the reason. The library
    would only say, after its time is over, that it could not."""
    closed = [_closed(address, settings) for address in settings.bootstrap]
    if all(closed):
        raise Fault("; ".join(filter(None, closed)))


def _closed(address: str, settings: KafkaSettings) -> str | None:
    """Why an address cannot be connected to, or what speaks there is not TLS or not trusted."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    context = settings.ssl_context()
    try:
        with socket.create_connection((host, int(port)), KNOCK_MAX_S) as opened:
            if context is not None:
                context.wrap_socket(opened, server_hostname=host).close()
    except ssl.SSLCertVerificationError as error:
        return (
            f"{address}: the broker's certificate is not trusted ({error.verify_message}): see"
            " LENDWATCH_SSL_CA_FILE, and that the address is the name in the certificate"
        )
    except ssl.SSLError:
        return f"{address}: somebody listens but speaks no TLS: see LENDWATCH_SECURITY_PROTOCOL"
    except OSError as error:
        words = error.strerror or "no answer in time"
        return f"{address}: cannot be reached ({words}): is the address right, is Kafka running?"
    return None


def no_answer(settings: KafkaSettings) -> str:
    """What is wrong where somebody listens, and Kafka yet does not answer us."""
    where = ", ".join(settings.bootstrap)
    if settings.by_password:
        return (
            f"{where}: the broker does not let {settings.username} in: see LENDWATCH_SASL_USERNAME,"
            " LENDWATCH_SASL_PASSWORD_FILE and LENDWATCH_SASL_MECHANISM"
        )
    if settings.encrypted:
        return (
            f"{where}: the broker does not let us in: does it ask for a certificate"
            " (LENDWATCH_SSL_CERTIFICATE_FILE) or for a user (LENDWATCH_SASL_USERNAME)?"
        )
    return (
        f"{where}: somebody listens and does not answer as Kafka does in plain text: is it a"
        " listener with TLS (set LENDWATCH_SSL_CA_FILE, LENDWATCH_SASL_USERNAME)?"
    )


def described(admin: Any, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Topics that are there, by name, as Kafka describes them; those that are not are left out."""
    found = {}
    for one in admin.describe_topics(list(names)):
        if one["error_code"] not in (0, UNKNOWN_TOPIC):
            raise for_code(one["error_code"])(one["name"])
        if not one["error_code"]:
            found[one["name"]] = one
    return found
