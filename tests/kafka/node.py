"""One node of a real Apache Kafka: a process that can be killed, stopped, paused and restarted."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

LOG4J = Path(__file__).parent / "log4j2.properties"
STARTED = "Kafka Server started"
START_MAX_S, STOP_MAX_S = 90, 30
# Tests start brokers more often than they load them: the quick compiler, a small heap, one
# collector thread. A measurement of throughput asks for `quick=False`.
HEAP = ("-Xmx512m", "-Xms128m", "-Djava.awt.headless=true", "-Xshare:auto")
# A test run that is killed takes its brokers along, where the system can see to it. It does so at
# the end of the thread that started them: hence one that lives as long as the run.
ENDS_WITH_US = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
STARTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kafka-starter")
QUICK = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


def java(jars: Path, main: str, *words: str, quick: bool = True) -> list[str]:
    """The command line of a Java program among the jars."""
    options = [*HEAP, *(QUICK if quick else ()), f"-Dlog4j2.configurationFile={LOG4J}"]
    return ["java", *options, "-cp", f"{jars}/*", main, *words]


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@dataclass
class Node:
    """A node: its number, its folder (configuration, data, log) and its process while it runs."""

    number: int
    folder: Path
    jars: Path
    port: int
    quick: bool = True
    process: subprocess.Popen[str] | None = None
    _started: threading.Event = field(default_factory=threading.Event)
    _reader: threading.Thread | None = None

    @property
    def log(self) -> Path:
        """What the node said, over all its lives."""
        return self.folder / "server.log"

    @property
    def address(self) -> str:
        """Where clients find the node."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begin a life; `wait_started` tells when it serves."""
        assert self.process is None, f"node {self.number} is running"
        self._started.clear()
        command = [
            *ENDS_WITH_US,
            *java(
                self.jars, "kafka.Kafka", str(self.folder / "server.properties"), quick=self.quick
            ),
        ]
        self.process = STARTER.submit(
            subprocess.Popen[str], command, cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        ).result()  # fmt: skip
        self._reader = threading.Thread(target=self._listen, args=(self.process,), daemon=True)
        self._reader.start()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout, self.log.open("a", encoding="utf-8") as log:
            for line in process.stdout:
                log.write(line)
                log.flush()
                if STARTED in line:
                    self._started.set()
        process.wait()
        self._started.set()  # nobody is to wait for a dead one

    def wait_started(self) -> None:
        """Until the node says that it serves; its last words where it died instead."""
        in_time = self._started.wait(START_MAX_S)
        if not in_time or self.process is None or self.process.poll() is not None:
            words = "\n".join(self.log.read_text("utf-8").splitlines()[-30:])
            raise AssertionError(f"Kafka node {self.number} did not start; its log ends:\n{words}")

    def kill(self) -> None:
        """kill -9: no goodbye, no flush."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM: leaders move away first, files are closed."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """A new life over the same data, ready when this returns."""
        if self.process is not None:
            self.stop()
        self.start()
        self.wait_started()

    def pause(self) -> None:
        """SIGSTOP: alive, connected, silent."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT after a pause."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None, f"node {self.number} is not running"
        self.process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(number)
        if number != signal.SIGKILL:
            process.send_signal(signal.SIGCONT)  # a paused one hears SIGTERM only when it goes on
        try:
            process.wait(STOP_MAX_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._reader is not None:
            self._reader.join()
