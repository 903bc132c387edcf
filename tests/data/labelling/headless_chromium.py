"""Drive a headless Chromium by its own protocol over a pipe, so that no driver and no library is needed."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Dict

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WAIT_S = 20.0


class Browser:
    """One page of 1000x700 px; use as a context."""

    def __init__(self, profile: Path) -> None:
        self._sent = 0
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        high_in, high_out = (fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (theirs_in, theirs_out))
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe"]
        flags += [f"--user-data-dir={profile}", "--window-size=1000,700"]
        from_bash = f'exec "$@" 3<&{high_in} 4>&{high_out}'  # Chromium reads commands from 3 and answers on 4
        self._process = subprocess.Popen(
            ["bash", "-c", from_bash, "bash", str(CHROMIUM), *flags, "about:blank"],
            pass_fds=(high_in, high_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (theirs_in, theirs_out, high_in, high_out):
            os.close(end)
        self._in, self._out = os.fdopen(ours_in, "rb"), os.fdopen(ours_out, "wb")
        self._read = b""
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]

    _session = ""

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_error: Any) -> None:
        self._process.terminate()
        self._process.wait(WAIT_S)
        self._in.close()
        self._out.close()

    def call(self, method: str, **parameters: Any) -> Dict[str, Any]:
        self._sent += 1
        message = {"id": self._sent, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._out.write(json.dumps(message).encode() + b"\0")
        self._out.flush()
        while True:
            answer = self._answer()
            if answer.get("id") == self._sent:
                assert "error" not in answer, answer
                return answer["result"]

    def _answer(self) -> Dict[str, Any]:
        while b"\0" not in self._read:
            piece = os.read(self._in.fileno(), 1 << 16)
            assert piece, "the browser is gone"
            self._read += piece
        message, _, self._read = self._read.partition(b"\0")
        return json.loads(message)

    def evaluate(self, expression: str) -> Any:
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)[
            "result"
        ].get("value")

    def wait_for(self, expression: str) -> Any:
        """Wait until an expression is true."""
        until_s = time.monotonic() + WAIT_S
        while time.monotonic() < until_s:
            value = self.evaluate(expression)
            if value:
                return value
            time.sleep(0.02)
        raise AssertionError(f"still not: {expression}; {self.evaluate('document.body.innerText')}")

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x: float, y: float) -> None:
        self.mouse("mouseMoved", x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1)

    def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key)

    def screenshot(self) -> bytes:
        return base64.b64decode(self.call("Page.captureScreenshot")["data"])
