"""Worker processes of the service: started, hurt and ended; their journals read."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from tests.kafka.node import STARTER
from tests.waiting import wait_until

ROOT: Final = Path(__file__).parents[2]
READY_MAX_S, END_MAX_S = 180.0, 60.0
SESSION_TIMEOUT_MS: Final = 6_000  # the least that brokers take
ENDS_WITH_US = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()


@dataclass
class Life:
    """One process of a worker, from its start to its end."""

    process: subprocess.Popen[bytes]
    journal_path: Path
    began_s: float
    ended_s: float = 0.0
    _lines: list[dict[str, Any]] = field(default_factory=list)
    _read_bytes: int = 0

    def journal(self) -> list[dict[str, Any]]:
        """What it said so far, whole JSON lines only."""
        with self.journal_path.open("rb") as file:
            file.seek(self._read_bytes)
            for line in file.read().splitlines(keepends=True):
                if not line.endswith(b"\n"):
                    break
                self._read_bytes += len(line)
                if line.startswith(b"{"):
                    self._lines.append(orjson.loads(line))
        return self._lines

    def told(self, event: str, **facts: Any) -> Iterator[dict[str, Any]]:
        """Lines of an event with these facts."""
        for line in self.journal():
            if line["event"] == event and facts.items() <= line.items():
                yield line

    def owned(self, stage: str) -> list[int]:
        """The partitions of a stage that it says it has and has restored."""
        owned: set[int] = set()
        for line in self.journal():
            if line.get("stage") == stage:
                if line["event"] == "restored":
                    owned |= {*line["partitions"], *line["kept"]}
                elif line["event"] in ("revoked", "begins_anew", "left"):
                    owned.clear()
        return sorted(owned)

    @property
    def words(self) -> str:
        """The end of all that it said, for whoever asks why."""
        return self.journal_path.read_text("utf-8", "replace")[-3_000:]


class Worker:
    """A worker: one process at a time, several over its days."""

    def __init__(
        self, name: str, folder: Path, environment: dict[str, str], instance: str | None,
        words: Sequence[str] = (), command: str = "run",
    ) -> None:  # fmt: skip
        """`command`: which of lendwatch's it runs, with these words."""
        self.name = name
        self._command = command
        self.lives: list[Life] = []
        self._folder = folder
        self._words = list(words)
        self._environment = environment | ({"LENDWATCH_INSTANCE_ID": instance} if instance else {})

    @property
    def life(self) -> Life:
        """The newest process."""
        return self.lives[-1]

    @property
    def is_alive(self) -> bool:
        """Whether its process runs (or is paused)."""
        return bool(self.lives) and self.life.process.poll() is None

    def start(self) -> Life:
        """Begin a life."""
        assert not self.is_alive, f"{self.name} is running"
        path = self._folder / f"{self.name}-{len(self.lives)}.jsonl"
        command = [*ENDS_WITH_US, sys.executable, "-m", "streams.cli", self._command]
        command += self._words
        with path.open("wb") as journal:
            process = STARTER.submit(
                subprocess.Popen[bytes], command, cwd=ROOT, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=journal, start_new_session=True,
                env={**os.environ, "PYTHONPATH": str(ROOT), **self._environment},
            ).result()  # fmt: skip
        self.lives.append(Life(process, path, time.time()))
        return self.life

    def wait_told(self, event: str, **facts: Any) -> dict[str, Any]:
        """Until its newest life says so."""
        life = self.life

        def heard() -> dict[str, Any] | None:
            found = next(life.told(event, **facts), None)
            assert found or life.process.poll() is None, f"{self.name} ended:\n{life.words}"
            return found

        return wait_until(heard, READY_MAX_S, f"{self.name} says {event}")

    def kill(self) -> None:
        """kill -9."""
        self._signal(signal.SIGKILL)
        self.wait_ended()

    def pause(self) -> None:
        """SIGSTOP: alive, silent."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    @contextmanager
    def slowed(self, runs_s: float, stands_s: float) -> Iterator[None]:
        """While entered it runs so long, then stands still so long, in turn."""
        is_over = threading.Event()

        def slow() -> None:
            while not is_over.is_set():
                self.pause()
                is_over.wait(stands_s)
                self.resume()
                is_over.wait(runs_s)

        with ThreadPoolExecutor(1) as thread:
            slowing = thread.submit(slow)
            try:
                yield
            finally:
                is_over.set()
        slowing.result()

    def stop(self) -> float:
        """SIGTERM, and to its end: the seconds that it took. The exit status must be 0."""
        began_s = time.monotonic()
        self._signal(signal.SIGTERM)
        status = self.wait_ended()
        assert status == 0, f"{self.name} ended with {status}:\n{self.life.words}"
        return time.monotonic() - began_s

    def wait_ended(self) -> int:
        """Until its process is gone; the exit status."""
        status = self.life.process.wait(END_MAX_S)
        self.life.ended_s = time.time()
        return status

    def _signal(self, number: signal.Signals) -> None:
        self.life.process.send_signal(number)
