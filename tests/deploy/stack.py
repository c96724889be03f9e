"""The whole stack without containers: Kafka, lendwatch, Prometheus, Alertmanager, and a feed.

    make stack                      # for developers: until Ctrl-C; prints where everything is
    make drill                      # it is hurt in five ways; what is told (drills.py)

The rules and the ways of alerts are those of deploy/. `hurried` makes waiting times a fifteenth, so
that a test need not wait for a minute; the drill does not.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from streams.cli import main as lendwatch
from tests.deploy.stalling import STALLED
from tests.deploy.tools import DEPLOY, Receiver, running, tool
from tests.kafka.broker import Cluster
from tests.kafka.node import free_ports
from tests.waiting import wait_until

PARTITIONS, READY_MAX_S = 2, 180.0
HURRY = 15
WORLD = ("--accounts", "800", "--days", "14")  # the least that can be simulated
HOUR_S = 3_600
COMMAND = (sys.executable, "-m", "tests.deploy.stalling")  # `lendwatch`
DRAINED_MAX_S, WATCHED_MAX_S = 120.0, 60.0


@dataclass
class Stack:
    """What runs, and where."""

    folder: Path
    bootstrap: str
    receiver: Receiver
    page_port: int
    prometheus_port: int
    alertmanager_port: int
    worker: subprocess.Popen[bytes] | None = None
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def page(self) -> str:
        """Where the worker tells of itself."""
        return f"http://127.0.0.1:{self.page_port}"

    @property
    def stalled(self) -> Path:
        """The file that stalls its consumers while it is there."""
        return self.folder / "stalled"

    @property
    def tsdb(self) -> Path:
        """What Prometheus keeps."""
        return self.folder / "tsdb"

    @property
    def prometheus(self) -> str:
        """Where Prometheus is."""
        return f"http://127.0.0.1:{self.prometheus_port}"

    @property
    def places(self) -> str:
        """Where everything is, for a person."""
        return "\n".join((
            f"Kafka          {self.bootstrap}",
            f"lendwatch      {self.page}/metrics",
            f"Prometheus     {self.prometheus}/alerts",
            f"Alertmanager   http://127.0.0.1:{self.alertmanager_port}",
            f"logs           {self.folder}",
        ))  # fmt: skip

    def start_worker(self) -> None:
        """`lendwatch run`, ready when this returns."""
        words = ["run", "--bootstrap", self.bootstrap, "--metrics", f"127.0.0.1:{self.page_port}"]
        with (self.folder / "worker.log").open("ab") as log:
            self.worker = subprocess.Popen(
                [*COMMAND, *words], env=self.variables, stdout=log, stderr=log
            )
        wait_until(self._is_ready, READY_MAX_S, "the worker is ready")

    def _is_ready(self) -> bool:
        assert self.worker is not None
        assert self.worker.poll() is None, (self.folder / "worker.log").read_text()[-3_000:]
        with suppress(OSError), urllib.request.urlopen(f"{self.page}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
        return False

    def end_worker(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it, if it runs."""
        if self.worker is not None:
            self.worker.send_signal(signal.SIGCONT)
            self.worker.send_signal(number)
            self.worker.wait(30)
            self.worker = None

    def shown(self, name: str) -> float:
        """The sum of a metric's series on the worker's page."""
        with urllib.request.urlopen(f"{self.page}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if re.match(rf"{name}\b", line))

    def is_watched(self) -> bool:
        """Whether Prometheus has its page."""
        with suppress(OSError):
            return bool(self.asked("up == 1"))
        return False

    def asked(self, query: str) -> list[dict[str, Any]]:
        """What Prometheus answers: series."""
        words = urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(
            f"{self.prometheus}/api/v1/query?{words}", timeout=30
        ) as answer:
            found: list[dict[str, Any]] = orjson.loads(answer.read())["data"]["result"]
        return found


def hurried(text: str) -> str:
    """A rule file or Alertmanager's, of which every wait is a part of what it is."""

    def shorter(match: re.Match[str]) -> str:
        seconds = int(match[2]) * {"s": 1, "m": 60, "h": HOUR_S}[match[3]]
        return f"{match[1]}: {max(1, seconds // HURRY)}s"

    text = re.sub(r"(lendwatch_commit_age_seconds) > 60", rf"\1 > {60 // HURRY}", text)
    return re.sub(r"\b(for|group_wait|group_interval|interval): (\d+)([smh])\b", shorter, text)


def configured(folder: Path, stack: Stack, is_hurried: bool) -> None:
    """The files of Prometheus and Alertmanager: those of deploy/, with this machine's places."""
    change = hurried if is_hurried else str
    (folder / "rules").mkdir()
    for path in (DEPLOY / "prometheus/rules").glob("*.yaml"):
        (folder / "rules" / path.name).write_text(change(path.read_text("utf-8")), "utf-8")
    text = (DEPLOY / "prometheus/prometheus.yml").read_text("utf-8")
    text = text.replace("alertmanager:9093", f"127.0.0.1:{stack.alertmanager_port}")
    text = text.replace("lendwatch:9464", f"127.0.0.1:{stack.page_port}")
    text = text.replace(', "learner:9464"', "")  # no models here, and nobody who teaches them
    assert "9464" not in text, "somebody else is to be scraped"
    text = text.replace("_interval: 15s", "_interval: 2s" if is_hurried else "_interval: 5s")
    (folder / "prometheus.yml").write_text(text, "utf-8")
    text = change((DEPLOY / "alertmanager/alertmanager.yml").read_text("utf-8"))
    text = text.replace("http://127.0.0.1:9095", stack.receiver.url)
    (folder / "alertmanager.yml").write_text(text, "utf-8")


@contextmanager
def standing(
    folder: Path, bootstrap: str, is_hurried: bool = False,
    before: Callable[[Stack], None] = lambda stack: None,
) -> Iterator[Stack]:  # fmt: skip
    """All but the broker, while entered. `before`: done once the worker is ready, before anybody
    watches it."""
    with ExitStack() as open_here:
        receiver = open_here.enter_context(closing(Receiver()))
        ports = free_ports(3)
        kept = {name: word for name, word in os.environ.items() if "LENDWATCH" not in name}
        named = {name: word for name, word in os.environ.items()
                 if name in ("LENDWATCH_TOPIC_PREFIX", "LENDWATCH_APP_ID")}  # fmt: skip
        names = {"LENDWATCH_INSTANCE_ID": "w0", "LENDWATCH_SESSION_TIMEOUT_MS": "6000", **named}
        path = os.pathsep.join(filter(None, [str(DEPLOY.parent), os.environ.get("PYTHONPATH")]))
        stack = Stack(
            folder, bootstrap, receiver, *ports, variables=kept | names | {"PYTHONPATH": path}
        )
        stack.variables[STALLED] = str(stack.stalled)
        configured(folder, stack, is_hurried)
        partitions = ["--partitions", str(PARTITIONS), "--replication", "1"]
        assert lendwatch(["topics", "apply", "--bootstrap", bootstrap, *partitions]) == 0
        open_here.callback(stack.end_worker)
        stack.start_worker()  # first: a worker that is not there yet would be told of
        before(stack)
        for words in (
            [tool("prometheus-alertmanager"), f"--config.file={folder}/alertmanager.yml",
             f"--storage.path={folder}/alertmanager", "--cluster.listen-address=",
             f"--web.listen-address=127.0.0.1:{stack.alertmanager_port}"],
            [tool("prometheus"), f"--config.file={folder}/prometheus.yml",
             f"--storage.tsdb.path={stack.tsdb}",
             f"--rules.alert.resend-delay={60 // HURRY if is_hurried else 60}s",
             f"--web.listen-address=127.0.0.1:{stack.prometheus_port}"],
        ):  # fmt: skip
            open_here.enter_context(running(*words, folder=folder))
        wait_until(stack.is_watched, WATCHED_MAX_S, "Prometheus has seen the worker")
        yield stack


def fed(stack: Stack, log: Path, rate: float | None = None) -> None:
    """A log sent to it."""
    words = [*COMMAND, *_sending(stack, log, rate)]
    subprocess.run(words, env=stack.variables, check=True)


def feeding(stack: Stack, log: Path, rate: float) -> AbstractContextManager[object]:
    """A log that is sent to it meanwhile."""
    words = [*COMMAND, *_sending(stack, log, rate)]
    return running(*words, folder=stack.folder, env=stack.variables)


def _sending(stack: Stack, log: Path, rate: float | None) -> list[str]:
    rated = [] if rate is None else ["--rate", str(rate)]
    return ["send", "--bootstrap", stack.bootstrap, "--log", str(log), *rated]


def drained(stack: Stack, events: int) -> None:
    """Return once it has taken so many events and nothing waits."""

    def is_done() -> bool:
        taken = stack.shown("lendwatch_events_total")
        return taken >= events and stack.shown("lendwatch_lag_records") == 0

    wait_until(is_done, DRAINED_MAX_S, f"{events} events are taken")


def main() -> None:
    """Until Ctrl-C."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    words.add_argument("--rate", type=float, default=100.0, help="events a second (default: 100)")
    told = words.parse_args()
    with here() as (cluster, folder), standing(folder, cluster.bootstrap) as stack:
        print(stack.places, flush=True)
        fed(stack, folder / "world/events.jsonl", told.rate)
        signal.pause()


@contextmanager
def here() -> Iterator[tuple[Cluster, Path]]:
    """A broker, and a folder with a world in it, until a person ends it."""
    folder = Path(tempfile.mkdtemp(prefix="lendwatch-stack-"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        assert lendwatch(["simulate", "--out", str(folder / "world"), *WORLD]) == 0
        with Cluster.running(folder / "kafka") as cluster:
            yield cluster, folder
    except KeyboardInterrupt:
        print("ending")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
