"""The environment, read in this one place and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

from streams.faults import Fault
from streams.kafka_settings import KafkaSettings
from streams.kafka_variables import ADDRESS, kafka_settings

POLICY_VARIABLE = "LENDWATCH_POLICY"
INSECURE_VARIABLE = "LENDWATCH_INSECURE_DEV"
METRICS_VARIABLE = "LENDWATCH_METRICS_PORT"
PORTS = range(65_536)


def policy_path(argument: str | None) -> Path | None:
    """The policy overlay to lay over the shipped policy: the argument, else the environment."""
    told = argument or os.environ.get(POLICY_VARIABLE)
    return Path(told) if told else None


def kafka(bootstrap: str | None = None, insecure_dev: bool = False) -> KafkaSettings:
    """How to reach Kafka: the arguments, else the environment (kafka_variables.py)."""
    insecure = insecure_dev or os.environ.get(INSECURE_VARIABLE) == "1"
    return kafka_settings(os.environ, bootstrap, insecure)


def metrics_address(argument: str | None) -> tuple[str, int] | None:
    """Where the page of metrics and health is served, None for nowhere: the argument HOST:PORT,
    else the port that the environment tells, on loopback."""
    told = argument or f"127.0.0.1:{os.environ.get(METRICS_VARIABLE) or '0'}"
    match = ADDRESS.fullmatch(told)
    if match is None or int(match["port"]) not in PORTS:
        name = METRICS_VARIABLE if argument is None else "--metrics"
        raise Fault(f"{name}: {told!r} is no address: give HOST:PORT, or a port in the variable")
    port = int(match["port"])
    return (match["host"].strip("[]"), port) if port else None
