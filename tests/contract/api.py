"""An API that answers over HTTP as OpenStack's do: with a request id of its own; the one it was sent is kept."""

from __future__ import annotations

import http.server
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    """A request that was answered: its own id, and the one that came with it."""

    method: str
    path: str
    status: int
    request: str
    sent: str


class Api(http.server.ThreadingHTTPServer):
    """Answers by method; ``seen`` is called before each answer."""

    def __init__(self, statuses: dict[str, int], seen: Callable[[Asked], object]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses = statuses
        self.seen = seen

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Api

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, own = self.server.statuses[self.command], f"req-{uuid.uuid4()}"
        sent = self.headers.get("X-OpenStack-Request-ID") or ""
        self.server.seen(Asked(self.command, self.path, status, own, sent))
        self.send_response(status)
        self.send_header("x-openstack-request-id", own)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = _answer  # noqa: N815 - the base's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""
        del format, args


@contextmanager
def answering(statuses: dict[str, int], seen: Callable[[Asked], object]) -> Iterator[Api]:
    """Give an API that answers meanwhile."""
    with Api(statuses, seen) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)
