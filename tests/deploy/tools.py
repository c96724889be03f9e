"""The tools that check what is deployed, and the files that they check."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES, RULE_TESTS = DEPLOY / "prometheus/rules", DEPLOY / "prometheus/tests"
CALL_MAX_S = 120


def tool(name: str) -> str:
    """Where a tool is; a test without it is skipped, or fails where everything must be there."""
    own = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    found = shutil.which(name, path=own)
    if found is None:
        pytest.skip(f"`{name}` is not here")
    return found


def called(name: str, *words: str | Path, stdin: str | None = None) -> str:
    """What a tool prints; it must agree."""
    done = subprocess.run(
        [tool(name), *map(str, words)], input=stdin, capture_output=True, text=True,
        timeout=CALL_MAX_S,
    )  # fmt: skip
    assert done.returncode == 0, f"{name} {words}:\n{done.stdout}{done.stderr}"
    return done.stdout


def loaded(path: Path) -> Any:
    """A YAML file."""
    return yaml.safe_load(path.read_text("utf-8"))


def rules() -> list[dict[str, Any]]:
    """Every rule of Prometheus, recorded ones and alerts."""
    return [
        rule
        for path in sorted(RULES.glob("*.yaml"))
        for group in loaded(path)["groups"]
        for rule in group["rules"]
    ]


@contextmanager
def running(
    *words: str | Path, folder: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process while entered; what it said is in the folder."""
    name = Path(str(words[0])).name
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [*map(str, words)], cwd=folder, stdout=log, stderr=log, env=env
        )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


class Receiver:
    """A webhook: what came, in order, by path."""

    def __init__(self) -> None:
        self.came: list[tuple[str, dict[str, Any]]] = []
        came = self.came

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                came.append((self.path, orjson.loads(body)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """What came is kept; nothing is to be said of it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def of(self, alert: str, status: str, after: int = 0) -> list[str]:
        """The paths at which an alert came with a status, so far, after so many messages."""
        return [
            path
            for path, body in self.came[after:]
            for one in body["alerts"]
            if one["labels"]["alertname"] == alert and one["status"] == status
        ]

    def close(self) -> None:
        """Take nothing more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
