"""How this process reaches Kafka, said once and spoken in three dialects: confluent-kafka,
kafka-python, aiokafka with faust. `kafka_variables.py` reads it from the environment.

Secrets come from the environment or from files, never from arguments, and are never printed: they
are held in `Secret`, which shows nothing of itself. Plain text is refused unless every broker is
on loopback or the deployment says that it is for development.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

from streams.faults import Fault

# One transaction of the service takes tens of milliseconds; what is open for longer than this is a
# dead owner's, and readers wait for it.
TRANSACTION_TIMEOUT_MS = 10_000


class Secret:
    """A word that is used and never shown."""

    def __init__(self, word: str) -> None:
        self._word = word

    def __repr__(self) -> str:
        return "Secret(...)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is neither copied nor stored")

    def reveal(self) -> str:
        """The word itself, for a client library and nobody else."""
        return self._word


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Where the brokers are, who we are to them, and by what names."""

    bootstrap: tuple[str, ...]
    app_id: str = "lendwatch"
    instance_id: str | None = None
    session_timeout_ms: int = 8_000
    topic_prefix: str = "lendwatch"
    protocol: str = "PLAINTEXT"
    mechanism: str = "SCRAM-SHA-512"
    username: str | None = None
    password: Secret | None = None
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    key_password: Secret | None = None

    @property
    def client_id(self) -> str:
        """What broker logs and quotas call this process."""
        return f"{self.app_id}-{self.instance_id}" if self.instance_id else self.app_id

    @property
    def encrypted(self) -> bool:
        """Whether the brokers are reached through TLS."""
        return self.protocol.endswith("SSL")

    @property
    def by_password(self) -> bool:
        """Whether we say who we are by a user's name and password."""
        return self.protocol.startswith("SASL")

    def group_id(self, stage: str) -> str:
        """The consumer group of a stage."""
        return f"{self.app_id}-{stage}"

    def transactional_id(self, stage: str) -> str:
        """The name under which a worker's producer of a stage is fenced."""
        return f"{self.app_id}-{stage}-{self.instance_id or uuid4().hex}"

    def confluent(self) -> dict[str, Any]:
        """Connection of a librdkafka client; what it does with it is for its owner to add."""
        keys: dict[str, Any] = {
            "bootstrap.servers": ",".join(self.bootstrap),
            "client.id": self.client_id,
            "security.protocol": self.protocol,
            # A broker that is back is found within a second; by default it may take ten.
            "reconnect.backoff.max.ms": 1_000,
            "ssl.ca.location": _text(self.ca_file),
            "ssl.certificate.location": _text(self.certificate_file),
            "ssl.key.location": _text(self.key_file),
            "ssl.key.password": _word(self.key_password),
        }
        if self.encrypted:
            keys["ssl.endpoint.identification.algorithm"] = "https"
        if self.by_password:
            keys |= {"sasl.mechanism": self.mechanism, "sasl.username": self.username}
            keys["sasl.password"] = _word(self.password)
        return {key: value for key, value in keys.items() if value is not None}

    def confluent_consumer(self, stage: str) -> dict[str, Any]:
        """A member of a stage's group: sees only what is committed, commits only by transaction,
        and owns the same partition number of every topic (hence `range`)."""
        keys = self.confluent() | {
            "group.id": self.group_id(stage),
            "session.timeout.ms": self.session_timeout_ms,
            "heartbeat.interval.ms": self.session_timeout_ms // 4,
            "partition.assignment.strategy": "range",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
        return keys if self.instance_id is None else keys | {"group.instance.id": self.instance_id}

    def confluent_producer(self, stage: str | None = None) -> dict[str, Any]:
        """A producer that loses nothing and repeats nothing, and puts a key where Java's clients
        put it; of a stage, one that writes in transactions."""
        keys = self.confluent() | {
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",  # librdkafka's own default is CRC32
            "compression.type": "lz4",  # costs a worker a sixth less than zstd
        }
        if stage is None:
            return keys
        return keys | {
            "transactional.id": self.transactional_id(stage),
            "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
        }

    def kafka_python(self) -> dict[str, Any]:
        """Connection of a kafka-python client."""
        keys = {
            "bootstrap_servers": list(self.bootstrap),
            "client_id": self.client_id,
            "security_protocol": self.protocol,
            "ssl_context": self.ssl_context(),
        }
        return keys | self._sasl_words()

    def aiokafka(self) -> dict[str, Any]:
        """Connection of an aiokafka client."""
        return self.kafka_python()  # the two share their words

    def faust(self) -> dict[str, Any]:
        """The broker arguments of a faust app."""
        from faust import SASLCredentials, SSLCredentials

        context = self.ssl_context()
        keys: dict[str, Any] = {"broker": ";".join(f"kafka://{one}" for one in self.bootstrap)}
        if self.by_password:
            keys["broker_credentials"] = SASLCredentials(
                username=self.username,
                password=_word(self.password),
                ssl_context=context,
                mechanism=self.mechanism,
            )
        elif context is not None:
            keys["broker_credentials"] = SSLCredentials(context=context)
        return keys

    def ssl_context(self) -> ssl.SSLContext | None:
        """TLS that checks the broker's certificate and its name, with our own where we have one."""
        if not self.encrypted:
            return None
        try:
            context = ssl.create_default_context(cafile=_text(self.ca_file))
            if self.certificate_file is not None:
                context.load_cert_chain(
                    self.certificate_file, self.key_file, _word(self.key_password) or ""
                )
        except (OSError, ssl.SSLError) as error:
            raise Fault(
                f"the TLS files cannot be used ({error.strerror or error}): see"
                " LENDWATCH_SSL_CA_FILE, LENDWATCH_SSL_CERTIFICATE_FILE, LENDWATCH_SSL_KEY_FILE"
            ) from None
        return context

    def _sasl_words(self) -> dict[str, Any]:
        if not self.by_password:
            return {}
        return {
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": _word(self.password),
        }


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _word(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()
