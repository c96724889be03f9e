"""A broker whose disk is full: it dies, gets room, comes back; nothing is lost."""

from __future__ import annotations

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
from tests.faults.waiting import wait_until
from tests.kafka.broker import Cluster

SMALL_MIB, ROOMY_MIB = 60, 4_096
FULL_MAX_S = 300.0


class NoMount(Exception):
    """This machine does not let us mount; the text says why."""


@contextmanager
def mounted(folder: Path, size_mib: int) -> Iterator[Callable[[int], None]]:
    """A file system in memory at a folder while entered; gives what sets its size."""

    def mount(*words: str) -> None:
        done = subprocess.run(
            ["mount", *words, str(folder)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NoMount(done.stderr.strip())

    try:
        mount("-t", "tmpfs", "-o", f"size={size_mib}m", "lendwatch-faults")
    except FileNotFoundError as lacking:
        raise NoMount(str(lacking)) from lacking
    try:
        yield lambda mib: mount("-o", f"remount,size={mib}m")
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def full(log: Log, truth: Outcome, rate: float, say: Callable[[str], None]) -> Verdict:
    """On a cluster of its own: a node whose data lie on a small disk, until it is full."""
    with tempfile.TemporaryDirectory(prefix="lendwatch-kafka-") as name:
        disk = Path(name) / "disk"
        disk.mkdir()
        settings = {
            "log.dirs": str(disk), "log.segment.bytes": 4 << 20,
            "transaction.state.log.segment.bytes": 4 << 20, "offsets.topic.segment.bytes": 4 << 20,
        }  # fmt: skip
        with (
            mounted(disk, SMALL_MIB) as resize,
            Cluster.running(Path(name) / "nodes", settings=settings) as cluster,
            site_on(cluster) as site,
        ):
            (node,) = cluster.nodes
            worker = site.worker("w0")
            started(site, log, [worker])
            with site.fed(log.dense, rate) as feeder:
                process = node.process
                assert process is not None
                wait_until(
                    lambda: process.poll() is not None, FULL_MAX_S, "the broker dies of a full disk"
                )
                fed = feeder.sent_count
                resize(ROOMY_MIB)
                node.restart()
                feeder.wait()
                drained_s = site.groups.wait_drained(DRAIN_MAX_S)
            anew = len(list(worker.life.told("begins_anew")))
            say(f"  the disk of {SMALL_MIB} MiB was full after {fed:,} events and the broker died;"
                f" with room it came back, the worker began anew {anew} times and"
                f" {'lives' if worker.is_alive else 'has ended'}; drained {drained_s:.1f} s after"
                " the last event")  # fmt: skip
            return judged(truth, site.outcome())
