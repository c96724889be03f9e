"""`KafkaSettings` out of variables: every word checked, and a fault that names the variable.

| variable | says | default |
|---|---|---|
| `LENDWATCH_BOOTSTRAP` | brokers, `HOST:PORT`, several with commas | none |
| `LENDWATCH_APP_ID` | with what every group and transactional id begins | `lendwatch` |
| `LENDWATCH_INSTANCE_ID` | this worker's stable name; one worker each | none |
| `LENDWATCH_SESSION_TIMEOUT_MS` | after this silence a worker's partitions go to others | 8000 |
| `LENDWATCH_TOPIC_PREFIX` | with what every topic begins | `lendwatch` |
| `LENDWATCH_SECURITY_PROTOCOL` | `SASL_SSL`, `SSL`, ... | from what else is told |
| `LENDWATCH_SASL_MECHANISM` | `SCRAM-SHA-512`, `SCRAM-SHA-256`, `PLAIN` | `SCRAM-SHA-512` |
| `LENDWATCH_SASL_USERNAME` | the user | none |
| `LENDWATCH_SASL_PASSWORD`, `..._FILE` | the password, or a file that holds it | none |
| `LENDWATCH_SSL_CA_FILE` | who signed the brokers' certificates | the system's |
| `LENDWATCH_SSL_CERTIFICATE_FILE`, `LENDWATCH_SSL_KEY_FILE` | our own, for mTLS | none |
| `LENDWATCH_SSL_KEY_PASSWORD`, `..._FILE` | of the key | none |
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path

from streams.faults import Fault
from streams.kafka_settings import KafkaSettings, Secret

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
# A broker takes 6 s to 30 min by default (group.min.session.timeout.ms and its max).
SESSION_TIMEOUT_MS = range(6_000, 1_800_001)
# What names of topics and groups may hold, and short enough for the names made of them.
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9.-]{0,99}")
ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.%]+\]|[^\s:,/\[\]]+):(?P<port>[0-9]{1,5})")


def kafka_settings(
    variables: Mapping[str, str], bootstrap: str | None = None, insecure_dev: bool = False
) -> KafkaSettings:
    """What the variables say, with the command line's `--bootstrap` before theirs."""
    words = _Words(variables)
    user = words.text("SASL_USERNAME")
    ca_file, certificate = words.file("SSL_CA_FILE"), words.file("SSL_CERTIFICATE_FILE")
    plain = "SASL_SSL" if user else "SSL" if ca_file or certificate else "PLAINTEXT"
    settings = KafkaSettings(
        bootstrap=_addresses(bootstrap or words.text("BOOTSTRAP")),
        app_id=words.name("APP_ID") or "lendwatch",
        instance_id=words.name("INSTANCE_ID"),
        session_timeout_ms=words.number("SESSION_TIMEOUT_MS", SESSION_TIMEOUT_MS) or 8_000,
        topic_prefix=words.name("TOPIC_PREFIX") or "lendwatch",
        protocol=words.one_of("SECURITY_PROTOCOL", PROTOCOLS) or plain,
        mechanism=words.one_of("SASL_MECHANISM", MECHANISMS) or MECHANISMS[0],
        username=user,
        password=words.secret("SASL_PASSWORD"),
        ca_file=ca_file,
        certificate_file=certificate,
        key_file=words.file("SSL_KEY_FILE"),
        key_password=words.secret("SSL_KEY_PASSWORD"),
    )
    _refuse_half_told(settings)
    if not settings.encrypted and not insecure_dev:
        _refuse_in_the_open(settings)
    return settings


class _Words:
    """The variables of Kafka; an empty one is as if it were not set."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def text(self, name: str) -> str | None:
        return self._variables.get(f"LENDWATCH_{name}") or None

    def name(self, name: str) -> str | None:
        told = self.text(name)
        if told is not None and not NAME.fullmatch(told):
            raise Fault(
                f"LENDWATCH_{name}: {told!r} may hold letters, digits, `.` and `-` only, begins"
                " with a letter or digit, and has at most 100 of them"
            )
        return told

    def one_of(self, name: str, words: tuple[str, ...]) -> str | None:
        told = self.text(name)
        if told is not None and told not in words:
            raise Fault(f"LENDWATCH_{name}: {told!r} is none of {', '.join(words)}")
        return told

    def number(self, name: str, bounds: range) -> int | None:
        told = self.text(name)
        if told is None:
            return None
        if not re.fullmatch("[0-9]{1,9}", told) or int(told) not in bounds:
            raise Fault(f"LENDWATCH_{name}: {told!r} is not from {bounds[0]} to {bounds[-1]}")
        return int(told)

    def file(self, name: str) -> Path | None:
        told = self.text(name)
        if told is not None and not Path(told).is_file():
            raise Fault(f"LENDWATCH_{name}: {told}: is no file that can be read")
        return Path(told) if told else None

    def secret(self, name: str) -> Secret | None:
        """A secret by itself, or by the file that holds it: its one line end is not part of it."""
        path, told = self.file(f"{name}_FILE"), self.text(name)
        if path is None:
            return Secret(told) if told else None
        if told is not None:
            raise Fault(f"LENDWATCH_{name} and LENDWATCH_{name}_FILE are both set: keep one")
        try:
            return Secret(path.read_text("utf-8").removesuffix("\n").removesuffix("\r"))
        except (OSError, UnicodeDecodeError):
            raise Fault(f"LENDWATCH_{name}_FILE: {path}: cannot be read as a text") from None


def _addresses(told: str | None) -> tuple[str, ...]:
    if told is None:
        raise Fault("no broker is named: give --bootstrap HOST:PORT, or set LENDWATCH_BOOTSTRAP")
    found = tuple(one.strip() for one in told.split(","))
    for one in found:
        match = ADDRESS.fullmatch(one)
        if match is None or not 0 < int(match["port"]) < 65_536:
            raise Fault(f"{one!r} is no broker's address: it is HOST:PORT, several with commas")
    return found


def _refuse_half_told(settings: KafkaSettings) -> None:
    if settings.by_password and (settings.username is None or settings.password is None):
        raise Fault(
            f"{settings.protocol} needs a user: set LENDWATCH_SASL_USERNAME and"
            " LENDWATCH_SASL_PASSWORD_FILE (or LENDWATCH_SASL_PASSWORD)"
        )
    if settings.username is not None and not settings.by_password:
        raise Fault(
            f"LENDWATCH_SASL_USERNAME is set, but {settings.protocol} asks for no user: leave out"
            " LENDWATCH_SECURITY_PROTOCOL, or make it SASL_SSL"
        )
    if settings.key_file is not None and settings.certificate_file is None:
        raise Fault("LENDWATCH_SSL_KEY_FILE needs LENDWATCH_SSL_CERTIFICATE_FILE beside it")


def _refuse_in_the_open(settings: KafkaSettings) -> None:
    """Passwords and accounts do not cross a network in plain text by oversight."""
    for address in settings.bootstrap:
        if not is_loopback(address):
            raise Fault(
                f"{address} would be reached in plain text ({settings.protocol}): set"
                " LENDWATCH_SASL_USERNAME or LENDWATCH_SSL_CA_FILE for TLS, or say --insecure-dev"
                " where nothing real is at stake"
            )


def is_loopback(address: str) -> bool:
    """Whether HOST:PORT can only be this machine."""
    host = address.rpartition(":")[0].strip("[]")
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
