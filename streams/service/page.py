"""The page of a worker: `/metrics`, and its health, served beside the loops.

`/healthz`: the process answers. `/livez`: no loop is stuck. `/readyz`: partitions are assigned and
their state is there. The last two tell why not, a line for each stage, with status 503.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from streams.faults import Fault
from streams.metrics import Metrics
from streams.service.health import not_ready, stuck
from streams.service.meters import Vitals

Start = Callable[[str, list[tuple[str, str]]], Any]
Look = Callable[[], Mapping[str, Vitals]]
PLAIN = ("Content-Type", "text/plain; charset=utf-8")


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    timeout = 10  # a client that says nothing holds no thread for ever

    def log_message(self, format: str, *args: Any) -> None:
        """A scrape is nothing to tell of."""


def answering(metrics: Metrics, look: Look) -> Callable[[dict[str, Any], Start], Iterable[bytes]]:
    """The page as a WSGI application."""
    shown: Any = make_wsgi_app(metrics.registry)
    faults: dict[str, Callable[[], list[str]]]
    faults = {"/healthz": list, "/livez": lambda: stuck(look()),
              "/readyz": lambda: not_ready(look())}  # fmt: skip

    def answer(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            answered: Iterable[bytes] = shown(environ, start)
            return answered
        if path not in faults:
            start("404 Not Found", [PLAIN])
            return [b"/metrics /healthz /livez /readyz\n"]
        lines = faults[path]()
        start("503 Service Unavailable" if lines else "200 OK", [PLAIN])
        return ["".join(f"{line}\n" for line in lines or ["ok"]).encode()]

    return answer


class Page:
    """Serves until it is closed, in threads of its own."""

    def __init__(self, host: str, port: int, metrics: Metrics, look: Look) -> None:
        """Begin; port 0 takes any.

        Raises:
            Fault: the address cannot be had.
        """
        kind = _Server6 if ":" in host else _Server
        try:
            self._server = make_server(host, port, answering(metrics, look), kind, _Quiet)
        except OSError as error:
            raise Fault(
                f"--metrics {host}:{port}: cannot be served there ({error.strerror or error}): give"
                " another port, or 0 in LENDWATCH_METRICS_PORT for none"
            ) from None
        self.port: int = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
