"""The jars of a broker: downloaded once by Maven into a cache, checked, and reused.

`python -m tests.kafka.jars` prepares them ahead of the tests and prints where they are.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import orjson

VERSION = "4.3.1"
POM = Path(__file__).parent / "pom.xml"
CACHE_VARIABLE = "LENDWATCH_KAFKA_CACHE"
LISTING = "listing.json"
DOWNLOAD_MAX_S = 600


class Unavailable(Exception):
    """What this machine lacks to run a broker, with the cure."""


def cache() -> Path:
    """Where the jars of this version are kept."""
    told = os.environ.get(CACHE_VARIABLE)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(told) if told else base / "lendwatch" / f"kafka-{VERSION}"


def jars() -> Path:
    """The folder of jars; made first where it is missing, incomplete or of another pom."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise Unavailable(
                f"`{tool}` is not here: install Java 17 or newer and Maven, or name a running"
                " broker in KAFKA_BOOTSTRAP"
            )
    folder = cache()
    if not whole(folder):
        download(folder)
    return folder


def whole(folder: Path) -> bool:
    """Whether all that was once downloaded for this pom is still there, each file of its size."""
    listing = folder / LISTING
    if not listing.is_file():
        return False
    known = orjson.loads(listing.read_bytes())
    return known["pom"] == POM.read_text("utf-8") and known["sizes"] == sizes(folder)


def sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in sorted(folder.glob("*.jar"))}


def download(folder: Path) -> None:
    """Into a folder beside, renamed when it is whole: two runs at once do each other no harm."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    command = ["mvn", "-B", "-q", "-ntp", "-f", str(POM), "dependency:copy-dependencies",
               f"-DoutputDirectory={fresh}"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_MAX_S)
    if done.returncode:
        shutil.rmtree(fresh)
        raise Unavailable(f"Maven could not fetch the broker's jars:\n{done.stdout[-2000:]}")
    known = {"pom": POM.read_text("utf-8"), "sizes": sizes(fresh)}
    (fresh / LISTING).write_bytes(orjson.dumps(known))
    if whole(folder):  # another run was quicker
        shutil.rmtree(fresh)
        return
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


if __name__ == "__main__":
    try:
        print(f"Kafka {VERSION}: {jars()}")
    except Unavailable as lacking:
        sys.exit(f"no broker for the tests: {lacking}")
