"""A broker whose disk is full: it dies, gets room, comes back; nothing is lost."""

from __future__ import annotations

import errno
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.clean import started
from tests.faults.judging import Verdict, judged
from tests.faults.logs import Log
from tests.faults.outcome import Outcome
from tests.faults.site import DRAIN_MAX_S, site_on
from tests.kafka.broker import Cluster
from tests.waiting import wait_until

SIZE_MIB = 1_024
FULL_MAX_S = 300.0


class NoMount(Exception):
    """This machine does not let us mount; the text says why."""


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    """A small file system in memory at a folder while entered."""
    words = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "lendwatch-faults", str(folder)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError as lacking:
        raise NoMount(str(lacking)) from lacking
    if done.returncode:
        raise NoMount(done.stderr.strip())
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(ballast: Path) -> None:
    """Write a file until there is no room for more."""
    block = bytes(1 << 16)
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(block):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC, error


def full(log: Log, truth: Outcome, rate: float, say: Callable[[str], None]) -> Verdict:
    """On a cluster of its own: a node whose data lie on a small disk, until it is full."""
    with tempfile.TemporaryDirectory(prefix="lendwatch-kafka-") as name:
        disk = Path(name) / "disk"
        disk.mkdir()
        settings = {
            "log.dirs": str(disk / "data"), "log.segment.bytes": 4 << 20,
            "transaction.state.log.segment.bytes": 4 << 20, "offsets.topic.segment.bytes": 4 << 20,
        }  # fmt: skip
        with (
            mounted(disk),
            Cluster.running(Path(name) / "nodes", settings=settings) as cluster,
            site_on(cluster) as site,
        ):
            (node,) = cluster.nodes
            worker = site.worker("w0")
            started(site, log, [worker])
            with site.fed(log.dense, rate) as feeder:
                wait_until(
                    lambda: feeder.sent_count > len(log.dense) // 4, FULL_MAX_S, "a quarter fed"
                )
                process = node.process
                assert process is not None
                fill(disk / "ballast")
                wait_until(
                    lambda: process.poll() is not None, FULL_MAX_S, "the broker dies of a full disk"
                )
                fed = feeder.sent_count
                (disk / "ballast").unlink()
                node.restart()
                feeder.wait()
                drained_s = site.groups.wait_drained(DRAIN_MAX_S)
            anew = len(list(worker.life.told("begins_anew")))
            say(f"  the disk was full after {fed:,} events and the broker died;"
                f" with room it came back, the worker began anew {anew} times and"
                f" {'lives' if worker.is_alive else 'has ended'}; drained {drained_s:.1f} s after"
                " the last event")  # fmt: skip
            return judged(truth, site.outcome())
