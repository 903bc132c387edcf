"""The label page's server: what it answers, and to whom it doesn't."""

from __future__ import annotations

import http.client
import json
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Tuple
from urllib.parse import urlsplit

import labelled_data
import pytest

from pspgrasp.data.dataset import open_dataset
from pspgrasp.data.labelling.label_folder import open_label_folder
from pspgrasp.data.labelling.server import MOST_BYTES, LabelServer

LABEL = {"u": 60.0, "v": 40.0, "angle_rad": 2.0, "opening_px": 30.0, "jaw_px": 12.0}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LabelServer]:
    for name in ("first.png", "second one.png"):
        labelled_data.write_png(tmp_path / "recording" / name, labelled_data.scene_m(), 0.001)
    with LabelServer(open_label_folder(tmp_path / "recording", tmp_path / "out"), 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(
    server: LabelServer,
    path: str,
    body: Optional[bytes] = None,
    headers: Optional[Dict[str, str]] = None,
    method: str = "",
) -> Tuple[int, Any]:
    """Return status and body (of JSON its tree) of a request with the right token, unless `headers` say otherwise."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(
        method or ("GET" if body is None else "POST"), path, body, {"X-Token": server.token, **(headers or {})}
    )
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, json.loads(data) if answer.headers.get_content_type() == "application/json" else data


def test_the_address_opens_the_page(server: LabelServer) -> None:
    address = urlsplit(server.address)
    assert (address.hostname, address.port) == ("127.0.0.1", server.server_port)
    status, page = ask(server, f"{address.path}?{address.query}", headers={"X-Token": ""})
    assert (status, page[:15]) == (200, b"<!doctype html>")
    assert b"http" not in page.replace(b"http-equiv", b""), "nothing comes from elsewhere"


def test_labels_are_kept_and_served(server: LabelServer, tmp_path: Path) -> None:
    assert ask(server, "/images") == (200, [{"name": n, "labels": 0} for n in ("first.png", "second one.png")])
    assert ask(server, "/labels?name=second%20one.png") == (200, [])
    assert ask(server, "/labels?name=second%20one.png", json.dumps([LABEL]).encode()) == (200, {"labels": 1})
    status, (kept,) = ask(server, "/labels?name=second%20one.png")
    assert status == 200
    assert kept == pytest.approx({**LABEL, "angle_rad": 2.0 - 3.14159265}, abs=1e-3)
    assert [image["labels"] for image in ask(server, "/images")[1]] == [0, 1]
    (sample,) = open_dataset(tmp_path / "out")
    assert (sample.name, sample.rectangles[0].opening_px) == ("pcdsecond one", pytest.approx(30, abs=1e-3))
    assert ask(server, "/labels?name=second%20one.png", b"[]") == (200, {"labels": 0})
    assert ask(server, "/labels?name=second%20one.png") == (200, [])


def test_the_picture_is_a_png(server: LabelServer) -> None:
    status, picture = ask(server, "/picture?name=first.png")
    assert (status, picture[:4]) == (200, b"\x89PNG")


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"X-Token": ""}, "the token is missing"),
        ({"X-Token": "wrong"}, "the token is missing"),
        ({"X-Token": "\xe4"}, "the token is missing"),
        ({"Host": "evil.example"}, "reached by that address alone"),
        ({"Host": "127.0.0.1:1"}, "reached by that address alone"),
        ({"Origin": "http://evil.example"}, "another page"),
        ({"Origin": "null"}, "another page"),
    ],
)
@pytest.mark.parametrize(
    ("path", "body"),
    [("/", None), ("/images", None), ("/picture?name=first.png", None), ("/labels?name=first.png", b"[]")],
)
def test_others_are_refused(server: LabelServer, path: str, body: Optional[bytes], headers: Dict, said: str) -> None:
    status, told = ask(server, path, body, headers)
    assert status == 403
    assert said in told["error"]


def test_our_own_page_may_post_by_either_name(server: LabelServer) -> None:
    host = f"localhost:{server.server_port}"
    assert ask(server, "/labels?name=first.png", b"[]", {"Host": host, "Origin": f"http://{host}"})[0] == 200


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "a JSON list"),
        (b"{}", "a JSON list"),
        (b"\xff", "a JSON list"),
        (b"[" * 100_000, "a JSON list"),
        (b"[1]", "a label has the numbers u, v, angle_rad, opening_px, jaw_px; got 1"),
        (json.dumps([{**LABEL, "u": "60"}]).encode(), "a label has the numbers"),
        (json.dumps([{**LABEL, "u": True}]).encode(), "a label has the numbers"),
        (json.dumps([{**LABEL, "u": float("nan")}]).encode(), "a label has the numbers"),
        (json.dumps([{**LABEL, "opening_px": 10**400}]).encode(), "a label has the numbers"),
        (json.dumps([{**LABEL, "jaw_px": 0.5}]).encode(), "at least 1 px"),
        (json.dumps([{**LABEL, "v": 500}]).encode(), "outside the 120x90 px"),
    ],
)
def test_labels_that_are_none_are_refused_and_nothing_is_written(
    server: LabelServer, tmp_path: Path, body: bytes, said: str
) -> None:
    status, told = ask(server, "/labels?name=first.png", body)
    assert status == 400
    assert said in told["error"]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["../recording/first.png", "..%2Frecording%2Ffirst.png", "%00", "", "third.png"])
@pytest.mark.parametrize(("path", "body"), [("/picture", None), ("/labels", None), ("/labels", b"[]")])
def test_a_name_is_no_path(server: LabelServer, name: str, path: str, body: Optional[bytes]) -> None:
    status, told = ask(server, f"{path}?name={name}", body)
    assert status == 400
    assert "is none of the 2 images" in told["error"]


def test_there_is_nothing_else(server: LabelServer) -> None:
    assert ask(server, "/page.html")[0] == 404
    assert ask(server, "/images", b"[]")[0] == 404
    assert ask(server, "/labels?name=first.png", method="PUT", body=b"[]")[0] == 501
    assert ask(server, "/labels?name=first.png", b"[]", {"Content-Length": str(MOST_BYTES + 1)})[0] == 413
    assert ask(server, "/labels?name=first.png", b"[]", {"Content-Length": "-1"})[0] == 413


def test_a_broken_image_or_file_of_labels_is_told_and_hides_no_other(server: LabelServer, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "pcdfirstcpos.txt").write_text("1 2\n")
    first, second = ask(server, "/images")[1]
    assert "1 corners are no whole number" in first["error"]
    assert second == {"name": "second one.png", "labels": 0}
    (tmp_path / "recording" / "second one.png").write_bytes(b"broken")
    assert "can't be read" in ask(server, "/picture?name=second%20one.png")[1]["error"]
