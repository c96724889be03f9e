"""Real Kafka clusters for tests: one or three KRaft nodes on loopback, in a folder of their own.

    with Cluster.running(folder, nodes=3) as cluster:
        cluster.bootstrap            # "127.0.0.1:40001,127.0.0.1:40002,127.0.0.1:40003"
        cluster.nodes[0].kill()      # and stop, restart, pause, resume

Only the first listener is plain and open; `secure=True` adds one with TLS, SCRAM-SHA-512 and
access control (secure.py).
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaAdminClient

from tests.kafka.jars import VERSION, jars
from tests.kafka.node import Node, free_ports, java
from tests.kafka.secure import Secured, secure_properties

Settings = Mapping[str, str | int]
CLUSTER_ID = "lendwatchtestsAAAAAAAA"
READY_MAX_MS = 60_000


@dataclass
class Cluster:
    """The nodes that run, and how long they took to be ready."""

    nodes: list[Node]
    bootstrap: str
    start_s: float = 0.0
    secured: Secured | None = None

    @property
    def told(self) -> str:
        """One line about the start, for the log of a test run."""
        count = f"{len(self.nodes)} node{'s' * (len(self.nodes) > 1)}"
        return f"Kafka {VERSION}, {count}: ready after {self.start_s:.1f} s at {self.bootstrap}"

    @classmethod
    @contextmanager
    def running(
        cls,
        folder: Path,
        nodes: int = 1,
        secure: bool = False,
        quick: bool = True,
        settings: Settings | None = None,
    ) -> Iterator[Cluster]:
        """A fresh cluster while entered; its processes end with the block, whatever happens.
        `settings` are laid over those of each node."""
        began = time.monotonic()
        cluster = made(folder, nodes, secure, quick, settings or {})
        try:
            for node in cluster.nodes:
                node.start()
            cluster.wait_ready()
            cluster.start_s = time.monotonic() - began
            yield cluster
        finally:
            for node in cluster.nodes:
                node.kill()

    @property
    def controller(self) -> Node:
        """The node that leads the cluster's metadata; without it nothing new can be decided, and
        where it is silent but connected, others ask it for up to 30 s before they look again."""
        with KafkaAdminClient(bootstrap_servers=self.bootstrap.split(",")) as admin:
            quorum = admin.describe_metadata_quorum()["topics"][0]["partitions"][0]
        return next(node for node in self.nodes if node.number == quorum["leader_id"])

    def wait_ready(self) -> None:
        """Until every node serves and the admin API counts them all."""
        for node in self.nodes:
            node.wait_started()
        with KafkaAdminClient(
            bootstrap_servers=self.bootstrap.split(","), bootstrap_timeout_ms=READY_MAX_MS
        ) as admin:
            deadline = time.monotonic() + READY_MAX_MS / 1000
            while len(admin.describe_cluster()["brokers"]) < len(self.nodes):
                assert time.monotonic() < deadline, "a broker did not join its cluster"


def made(folder: Path, count: int, secure: bool, quick: bool, extra: Settings) -> Cluster:
    """The folders of a cluster's nodes, formatted, nothing started yet."""
    libraries = jars()
    ports = free_ports(2 * count + 2)
    brokers, controllers = ports[:count], ports[count : 2 * count]
    assert count == 1 or not secure, "one secured node is enough for a test"
    access = Secured.made(folder / "security", *ports[2 * count :]) if secure else None
    nodes = []
    for at, port in enumerate(brokers):
        home = folder / f"node-{at + 1}"
        home.mkdir(parents=True)
        settings = properties(at + 1, home, port, controllers, count)
        if access is not None:
            settings = secure_properties(settings, access)
        written = "".join(f"{key}={value}\n" for key, value in {**settings, **extra}.items())
        (home / "server.properties").write_text(written, "utf-8")
        nodes.append(Node(at + 1, home, libraries, port, quick))
    format_storage(nodes, access)
    return Cluster(nodes, ",".join(node.address for node in nodes), secured=access)


def properties(number: int, home: Path, port: int, controllers: list[int], count: int) -> Settings:
    """The settings of one node: as in production, but small, quick, and with few partitions of
    Kafka's own topics. What a production cluster decides (replication, no automatic topics) is as
    it is there; but that a dead node is missed after 3 s and not 9, which a node that was killed
    has to wait for before it may come back."""
    own = controllers[number - 1]
    voters = ",".join(f"{at}@127.0.0.1:{its}" for at, its in enumerate(controllers, 1))
    replicas = min(3, count)
    return {
        "process.roles": "broker,controller",
        "node.id": number,
        "controller.quorum.voters": voters,
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAIN",
        "listeners": f"PLAIN://127.0.0.1:{port},CONTROLLER://127.0.0.1:{own}",
        "advertised.listeners": f"PLAIN://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(home / "data"),
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": 0,
        "offsets.topic.num.partitions": 4,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.num.partitions": 4,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": max(1, replicas - 1),
        "share.coordinator.state.topic.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": max(1, replicas - 1),
        "num.io.threads": 4,
        "num.network.threads": 2,
        "log.cleaner.threads": 1,
        "log.index.size.max.bytes": 1 << 20,
    }


def format_storage(nodes: list[Node], access: Secured | None) -> None:
    """Give each node its cluster id, the features of this version, and the first users."""
    users = access.user_arguments if access is not None else []
    running = []
    for node in nodes:
        words = ["format", "-t", CLUSTER_ID, "-c", str(node.folder / "server.properties"), *users]
        command = java(node.jars, "kafka.tools.StorageTool", *words)
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True))  # fmt: skip
    for process in running:
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, f"the storage could not be formatted:\n{said}"
