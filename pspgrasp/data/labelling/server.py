"""A small web server for one page on one's own machine: shows depth images and keeps the labels drawn on them.

Only this machine reaches it (127.0.0.1). Another page in the same browser does not: every request carries a token that
stands in the address of the page alone, and the name of the host must be ours, which keeps out a foreign name that was
pointed here. Images are known by their names, and a name is never a path.
"""

from __future__ import annotations

import hmac
import json
import secrets
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple
from urllib.parse import parse_qs, urlsplit

from pspgrasp.data.labelling.label_folder import LabelFolder
from pspgrasp.errors import DataError
from pspgrasp.grasp import wrap_half_turn
from pspgrasp.rectangle import GraspRectangle

ADDRESS = "127.0.0.1"
PAGE = Path(__file__).with_name("page.html")
MOST_BYTES = 1_000_000  # of a request; a thousand labels are a tenth of it
MOST_PX = 1e5  # of anything in a label
FIELDS = ("u", "v", "angle_rad", "opening_px", "jaw_px")
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Answer = Tuple[str, bytes]  # content type and body


class Refusal(Exception):  # noqa: N818 - what a request is answered with, no fault of ours
    """A request that is not served: its HTTP status, and why."""

    def __init__(self, status: int, why: str) -> None:
        """Keep the status; the reason is the exception's text."""
        super().__init__(why)
        self.status = status


class LabelServer(ThreadingHTTPServer):
    """Serves the page for one folder. `serve_forever` runs it, and `address` is to be opened in a browser."""

    daemon_threads = True

    def __init__(self, folder: LabelFolder, port: int) -> None:
        """Take a port of this machine, 0 being any that is free.

        Raises:
            DataError: The port is taken, or not allowed.
        """
        try:
            super().__init__((ADDRESS, port), LabelRequest)
        except (OSError, OverflowError) as error:
            raise DataError(f"port {port} can't be used ({error}); --port 0 takes a free one") from error
        self.folder = folder
        self.token = secrets.token_urlsafe(16)
        self.writing = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that left before its answer; all else is a fault of ours, and told."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, socket.timeout)):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        """The page, with the token."""
        return f"http://{ADDRESS}:{self.server_port}/?token={self.token}"


class LabelRequest(BaseHTTPRequestHandler):
    """One request; it is checked before anything is looked up."""

    server: LabelServer
    timeout = 30  # seconds that a silent client may hold a thread

    def do_GET(self) -> None:
        """Serve the page, the list of images, a picture or its labels."""
        routes = {"/": self._page, "/images": self._images, "/picture": self._picture, "/labels": self._labels}
        self._answer(routes)

    def do_POST(self) -> None:
        """Keep the labels of an image."""
        self._answer({"/labels": self._save})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing: the page tells what went wrong."""

    def _answer(self, routes: Dict[str, Callable[[Dict[str, str]], Answer]]) -> None:
        try:
            asked = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(asked.query).items()}
            self._check(query)
            if asked.path not in routes:
                raise Refusal(404, f"there is no {asked.path} here")
            status, (kind, body) = 200, routes[asked.path](query)
        except (Refusal, DataError) as error:
            status = error.status if isinstance(error, Refusal) else 400
            kind, body = _json({"error": str(error)})
        self._send(status, kind, body)

    def _check(self, query: Dict[str, str]) -> None:
        """Refuse other hosts, other pages and whoever has no token."""
        hosts = [f"{name}:{self.server.server_port}" for name in (ADDRESS, "localhost")]
        if self.headers.get("Host") not in hosts:
            raise Refusal(403, f"this server is {hosts[0]}, reached by that address alone")
        origin = self.headers.get("Origin")
        if origin is not None and origin not in [f"http://{host}" for host in hosts]:
            raise Refusal(403, "another page may not ask this server")
        token = self.headers.get("X-Token") or query.get("token", "")
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self.server.token.encode()):
            raise Refusal(403, "the token is missing or old: open the address that `pspgrasp label` printed")

    def _page(self, _query: Dict[str, str]) -> Answer:
        return "text/html; charset=utf-8", PAGE.read_bytes()

    def _images(self, _query: Dict[str, str]) -> Answer:
        return _json([{"name": name, **_counted(self.server.folder, name)} for name in self.server.folder.images])

    def _picture(self, query: Dict[str, str]) -> Answer:
        return "image/png", self.server.folder.picture_png(query.get("name", ""))

    def _labels(self, query: Dict[str, str]) -> Answer:
        name = query.get("name", "")
        self.server.folder.check(name, ())  # what couldn't be saved is told before it is drawn
        labels = self.server.folder.labels(name)
        return _json([{field: getattr(label, field) for field in FIELDS} for label in labels])

    def _save(self, query: Dict[str, str]) -> Answer:
        rectangles = _rectangles(self._body())
        with self.server.writing:
            self.server.folder.save(query.get("name", ""), rectangles)
        return _json({"labels": len(rectangles)})

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            self.close_connection = True
            raise Refusal(413, f"labels come with their length, {MOST_BYTES} bytes at most")
        return self.rfile.read(int(length))

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        for header, value in {**HEADERS, "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(body)


def _counted(folder: LabelFolder, name: str) -> Dict[str, Any]:
    try:
        return {"labels": len(folder.labels(name))}
    except DataError as error:
        return {"labels": 0, "error": str(error)}


def _json(tree: Any) -> Answer:
    return "application/json", json.dumps(tree).encode("utf-8")


def _rectangles(body: bytes) -> List[GraspRectangle]:
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal(400, "labels are a JSON list") from None
    if not isinstance(tree, list):
        raise Refusal(400, "labels are a JSON list")
    return [_rectangle(entry) for entry in tree]


def _rectangle(entry: Any) -> GraspRectangle:
    numbers: List[Any] = [entry.get(field) for field in FIELDS] if isinstance(entry, dict) else [None]
    if not all(type(n) in (int, float) and abs(n) <= MOST_PX for n in numbers):  # NaN fails the comparison
        raise Refusal(400, f"a label has the numbers {', '.join(FIELDS)}; got {str(entry)[:100]}")
    u, v, angle_rad, opening_px, jaw_px = map(float, numbers)
    if min(opening_px, jaw_px) < 1:
        raise Refusal(400, f"opening and jaw are at least 1 px, got {opening_px:g} and {jaw_px:g}")
    return GraspRectangle(u, v, wrap_half_turn(angle_rad), opening_px, jaw_px)
