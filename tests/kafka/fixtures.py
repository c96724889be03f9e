"""Brokers as fixtures, one of each kind a run, started when a test first asks for it.

`broker`: one node. `cluster`: three. `secured`: one with passwords, certificates and rights.
`KAFKA_BOOTSTRAP` names a running broker to use as `broker` instead: without nodes to kill. Tests
share them; `prefix` gives each its own topics.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.kafka.jars import Unavailable

if TYPE_CHECKING:  # who asks for no broker waits for no Kafka client
    from tests.kafka.broker import Cluster

GIVEN_VARIABLE = "KAFKA_BOOTSTRAP"
FAILED_WITH = pytest.StashKey[set[str]]()  # the fixtures of tests that failed


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """One node, or the broker that the user named."""
    if given := os.environ.get(GIVEN_VARIABLE):
        from tests.kafka.broker import Cluster

        yield Cluster([], given)
        return
    with running(request, nodes=1) as started:
        yield started


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Three nodes: one may be lost."""
    with running(request, nodes=3) as started:
        yield started


@pytest.fixture(scope="session")
def secured(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """One node whose secured listeners ask who is there."""
    if shutil.which("openssl") is None:
        pytest.skip("`openssl` is not here: a secured broker needs certificates")
    with running(request, nodes=1, secure=True) as started:
        yield started


@contextmanager
def running(request: pytest.FixtureRequest, nodes: int, secure: bool = False) -> Iterator[Cluster]:
    """A cluster in a folder of its own, which stays where a test failed: its logs may say why."""
    from tests.kafka.broker import Cluster

    folder = Path(tempfile.mkdtemp(prefix="lendwatch-kafka-"))
    try:
        with Cluster.running(folder, nodes, secure) as started:
            tell(request, started.told)
            yield started
    except Unavailable as lacking:
        pytest.skip(str(lacking))
    finally:
        if request.fixturename in request.config.stash.get(FAILED_WITH, set()):
            tell(request, f"the logs of the brokers: {folder}/node-*/server.log")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def tell(request: pytest.FixtureRequest, line: str) -> None:
    """A line for whoever looks at the run, past what catches the tests' own output."""
    plugins = request.config.pluginmanager
    with plugins.getplugin("capturemanager").global_and_fixture_disabled():
        plugins.getplugin("terminalreporter").write_line(f"\n{line}")


@pytest.fixture
def prefix(monkeypatch: pytest.MonkeyPatch) -> str:
    """Topics of this test's own, which the commands too will use."""
    name = f"t{uuid4().hex[:10]}"
    monkeypatch.setenv("LENDWATCH_TOPIC_PREFIX", name)
    monkeypatch.setenv("LENDWATCH_APP_ID", name)
    return name
