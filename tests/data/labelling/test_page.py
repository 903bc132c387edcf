"""The label page in a real browser: what a user does with mouse and keys is what lies in the files."""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Iterator, Tuple

import labelled_data
import pytest
from headless_chromium import CHROMIUM, Browser

from pspgrasp.data.labelling.label_folder import LabelFolder, open_label_folder
from pspgrasp.data.labelling.server import LabelServer
from pspgrasp.rectangle import GraspRectangle

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here, which drives the page (apt-get install chromium)"),
]

WITHIN_PX = 1.5  # a click lands on a whole pixel of the screen
FIRST, SECOND, THIRD = "first.png", "second.png", "third.png"


class Page:
    """The opened page, asked and clicked in pixels of the image."""

    def __init__(self, browser: Browser, folder: LabelFolder) -> None:
        self.browser = browser
        self.folder = folder

    def at(self, u: float, v: float) -> Tuple[float, float]:
        left, top, scale = self.browser.evaluate(
            "(() => { const box = canvas.getBoundingClientRect(); return [box.left, box.top, scale]; })()"
        )
        return left + (u + 0.5) * scale, top + (v + 0.5) * scale

    def click(self, u: float, v: float) -> None:
        self.browser.click(*self.at(u, v))

    def wheel(self, u: float, v: float, turns: int) -> None:
        for _ in range(abs(turns)):
            self.browser.mouse("mouseWheel", *self.at(u, v), deltaX=0, deltaY=-math.copysign(100, turns))

    def draw(self, a: Tuple[float, float], b: Tuple[float, float], off: Tuple[float, float]) -> None:
        for place in (a, b, off):
            self.click(*place)

    def says(self, text: str) -> None:
        self.browser.wait_for(f"element('status').textContent.includes({text!r})")

    def shows(self, name: str) -> None:
        self.browser.wait_for(f"bitmap && element('title').textContent.startsWith({name!r})")


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    for name in (FIRST, SECOND, THIRD):
        labelled_data.write_png(tmp_path / "recording" / name, labelled_data.scene_m(), 0.001)
    folder = open_label_folder(tmp_path / "recording", tmp_path / "out")
    folder.save(SECOND, [GraspRectangle(30.0, 30.0, 0.5, 20.0, 8.0)])
    with LabelServer(folder, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        browser.call("Page.navigate", url=server.address)
        page = Page(browser, folder)
        page.shows(FIRST)
        yield page
        server.shutdown()
        thread.join()


def test_three_clicks_are_a_label_at_once_in_the_file(page: Page) -> None:
    page.draw((40, 50), (80, 20), (70, 45))
    page.says("saved: 1 label")
    (label,) = page.folder.labels(FIRST)
    off_px = abs(40 * (45 - 50) - (20 - 50) * (70 - 40)) / 50  # of the third click from the line of the first two
    assert (label.u, label.v) == (pytest.approx(60, abs=WITHIN_PX), pytest.approx(35, abs=WITHIN_PX))
    assert label.angle_rad == pytest.approx(math.atan2(30, 40), abs=0.05)
    assert (label.opening_px, label.jaw_px) == (
        pytest.approx(50, abs=2 * WITHIN_PX),
        pytest.approx(2 * off_px, abs=2 * WITHIN_PX),
    )
    assert page.browser.evaluate("element('images').children[0].dataset.labels") == "1"


def test_the_wheel_changes_the_jaw_before_and_after(page: Page) -> None:
    page.click(40, 50)
    page.click(80, 50)
    page.wheel(80, 50, 3)
    page.browser.press("Enter")
    page.says("saved: 1 label")
    (before,) = page.folder.labels(FIRST)
    assert before.jaw_px == pytest.approx(20 * math.exp(3 * 0.08), rel=0.05), "half the opening, and three turns"
    page.click(60, 50)
    page.wheel(60, 50, -5)
    page.browser.wait_for("Math.abs(labels[0].jaw_px - 20 * Math.exp(-2 * 0.08)) < 1")
    page.browser.wait_for("saving.then(() => true)")
    page.browser.press("u")
    page.browser.wait_for(f"Math.abs(labels[0].jaw_px - {before.jaw_px}) < 1")


def test_delete_undo_and_escape(page: Page) -> None:
    page.browser.press("ArrowRight")
    page.shows(SECOND)
    page.draw((60, 60), (90, 60), (80, 66))
    page.says("saved: 2 labels")
    page.click(30, 30)
    page.browser.press("Delete")
    page.says("saved: 1 label")
    assert page.folder.labels(SECOND)[0].u == pytest.approx(75, abs=WITHIN_PX)
    page.browser.press("u")
    page.says("saved: 2 labels")
    page.browser.press("u")
    page.says("saved: 1 label")
    assert page.folder.labels(SECOND)[0].u == pytest.approx(30, abs=0.01)
    page.click(60, 60)
    page.browser.press("Escape")
    assert page.browser.evaluate("draft === null")
    page.browser.press("Backspace")
    page.says("saved: no labels")
    assert not page.folder.label_path(SECOND).exists()


def test_from_image_to_image_by_keys_and_list(page: Page) -> None:
    page.browser.press("n")
    page.shows(THIRD)
    page.browser.press("ArrowLeft")
    page.shows(SECOND)
    assert page.browser.evaluate("labels.length") == 1
    page.browser.evaluate("element('images').children[0].click()")
    page.shows(FIRST)
    page.browser.press("ArrowLeft")
    assert page.browser.evaluate("shown") == 0


def test_what_can_t_be_saved_is_told_and_the_image_stays(page: Page) -> None:
    (page.folder.output / "pcdfirstcpos.txt").write_text("somebody's work\n")
    page.draw((40, 50), (80, 50), (70, 56))
    page.says("not saved: ")
    page.says("pcdfirstcpos.txt:1: expected a corner")
    page.browser.press("ArrowRight")
    assert page.browser.evaluate("shown") == 0
    page.folder.label_path(FIRST).unlink()
    page.draw((20, 20), (40, 20), (30, 26))
    page.says("saved: 2 labels")
