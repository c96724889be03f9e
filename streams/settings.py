"""The environment, read in this one place and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

from streams.kafka_settings import KafkaSettings
from streams.kafka_variables import kafka_settings

POLICY_VARIABLE = "LENDWATCH_POLICY"
INSECURE_VARIABLE = "LENDWATCH_INSECURE_DEV"


def policy_path(argument: str | None) -> Path | None:
    """The policy overlay to lay over the shipped policy: the argument, else the environment."""
    told = argument or os.environ.get(POLICY_VARIABLE)
    return Path(told) if told else None


def kafka(bootstrap: str | None = None, insecure_dev: bool = False) -> KafkaSettings:
    """How to reach Kafka: the arguments, else the environment (kafka_variables.py)."""
    insecure = insecure_dev or os.environ.get(INSECURE_VARIABLE) == "1"
    return kafka_settings(os.environ, bootstrap, insecure)
