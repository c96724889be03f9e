"""The scenarios from the command line: `python -m tests.faults kills --seed 3`; all without names.

Each prints what it found, a line a figure; the exit status is 1 where any of them failed.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.scenes import NODES, SCENES
from tests.kafka.broker import Cluster


def main() -> int:
    """Run the scenarios that are named, each on a cluster of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=", ".join(SCENES))
    parser.add_argument("--seed", type=int, default=None, help="of random choices (default: any)")
    parser.add_argument("--short", action="store_true", help="the form that `make test` runs")
    arguments = parser.parse_args()
    if unknown := set(arguments.scenes) - SCENES.keys():
        parser.error(f"{min(unknown)!r} is none of {', '.join(SCENES)}")
    seed = random.SystemRandom().randrange(1 << 31) if arguments.seed is None else arguments.seed
    failed = [name for name in arguments.scenes or SCENES
              if not _ran(name, arguments.short, seed)]  # fmt: skip
    say(f"failed: {', '.join(failed)}" if failed else "all is well")
    return 1 if failed else 0


def _ran(name: str, is_short: bool, seed: int) -> bool:
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lendwatch-kafka-") as folder:
        nodes = NODES.get(name, 1) if name == "outages" or not is_short else 1
        with Cluster.running(Path(folder), nodes) as cluster:
            say(f"{name}: {cluster.told}")
            try:
                SCENES[name](cluster, is_short, seed, say)
            except AssertionError as failure:
                say(f"{name} FAILED (seed {seed}): {failure}")
                return False
    say(f"{name}: done in {time.monotonic() - began_s:.0f} s")
    return True


def say(line: str) -> None:
    """A line, at once."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
