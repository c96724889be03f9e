"""A measured process: its life, and what it cost by the kernel's own counting."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.kafka.node import ENDS_WITH_US

ROOT = Path(__file__).parent.parent.parent
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
STOP_MAX_S = 30.0
WORDS_SHOWN = 30


@dataclass
class Worker:
    """A process under measurement; its standard error is kept in `log`."""

    process: subprocess.Popen[bytes]
    log: Path
    began_s: float

    @classmethod
    def started(
        cls, command: Sequence[str], log: Path, more: Mapping[str, str] | None = None
    ) -> Self:
        """Start it at the project's root, `more` laid over our environment."""
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | dict(more or {})
        began_s = time.monotonic()
        with log.open("ab") as file:
            process = subprocess.Popen(
                [*ENDS_WITH_US, *command], cwd=ROOT, env=environment,
                stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            )  # fmt: skip
        return cls(process, log, began_s)

    def must_live(self) -> None:
        """RuntimeError with its last words where it has died."""
        if (status := self.process.poll()) is not None:
            words = self.log.read_text("utf-8", "replace").splitlines()[-WORDS_SHOWN:]
            raise RuntimeError(f"{self.process.args!r} ended with {status}:\n" + "\n".join(words))

    @property
    def cpu_s(self) -> float:
        """Seconds of processor time, user and system, of all its threads until now."""
        return cpu_s(self.process.pid)

    @property
    def peak_bytes(self) -> int:
        """The most memory that was resident."""
        return peak_bytes(Path(f"/proc/{self.process.pid}/status").read_text("ascii"))

    def stop(self) -> int:
        """SIGTERM, then SIGKILL where it does not hear; gives its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_MAX_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


def cpu_s(pid: int) -> float:
    """Seconds of processor time of a process, from the kernel. OSError where it is no more."""
    return ticks(Path(f"/proc/{pid}/stat").read_text("ascii")) / TICKS_PER_S


def ticks(stat: str) -> int:
    """User and system time of a line of /proc/PID/stat, whose second field may hold anything."""
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def peak_bytes(status: str) -> int:
    """The high-water mark of /proc/PID/status. ValueError where there is none."""
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ValueError("the process's status names no peak")


class Team:
    """The processes of one contender, counted together."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        self.workers = workers

    @property
    def cpu_s(self) -> float:
        """Processor seconds of all; RuntimeError where one has died."""
        for worker in self.workers:
            worker.must_live()
        return sum(worker.cpu_s for worker in self.workers)

    @property
    def peak_bytes(self) -> int:
        """The peaks of all, added up."""
        return sum(worker.peak_bytes for worker in self.workers)

    def stop(self) -> None:
        """End all: ask all at first, so that none waits for another."""
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.send_signal(signal.SIGTERM)
        for worker in self.workers:
            worker.stop()


def go_first() -> None:
    """Run this process before ordinary ones, where it may: a measuring instrument goes before what
    it measures. By the real-time class, since niceness counts only within one session."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
