"""A page in a browser that nobody here wrote: Chromium without a screen, by its own protocol over two pipes.

https://chromedevtools.github.io/devtools-protocol/ : each message is JSON and ends in a zero byte.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LIMIT = 60.0  # seconds for an answer
KEYS = {"ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35, " ": 32}


def chromium() -> str | None:
    return shutil.which("chromium")


class Browser:
    """One page. What its script complains of is in `complaints`."""

    def __init__(self, profile: Path) -> None:
        to_us, theirs_out = os.pipe()
        theirs_in, from_us = os.pipe()
        words = [str(chromium()), "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
                 "--disable-background-networking", "--disable-extensions", f"--user-data-dir={profile}", "about:blank"]
        # It reads descriptor 3 and writes descriptor 4.
        script = 'exec "$@" 3<&"$IN" 4>&"$OUT"'
        self.process = subprocess.Popen(
            ["bash", "-c", script, "chromium", *words], pass_fds=[theirs_in, theirs_out], start_new_session=True,
            env={**os.environ, "IN": str(theirs_in), "OUT": str(theirs_out)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self.reader, self.writer = to_us, from_us
        self.rest, self.number, self.session = b"", 0, ""
        self.complaints: list[str] = []
        self.loads = 0
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def _message(self) -> dict[str, Any]:
        end = time.monotonic() + LIMIT
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.reader], [], [], max(end - time.monotonic(), 0))
            data = os.read(self.reader, 1 << 16) if ready else b""
            if not data:
                raise TimeoutError("the browser does not answer")
            self.rest += data
        text, _, self.rest = self.rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writer, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            self._note(answer)
            if answer.get("id") == self.number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result

    def _note(self, message: dict[str, Any]) -> None:
        method, parameters = message.get("method"), message.get("params", {})
        if method == "Page.loadEventFired":
            self.loads += 1
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.complaints.append(parameters["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.complaints.append(json.dumps(parameters["args"]))

    def open(self, path: Path, fragment: str = "") -> None:
        before = self.loads
        self.call("Page.navigate", url="about:blank")  # another fragment of the same page would load nothing
        while self.loads == before:
            self._note(self._message())
        before = self.loads
        self.call("Page.navigate", url=path.as_uri() + fragment)
        while self.loads == before:
            self._note(self._message())

    def value(self, expression: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        code = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": KEYS[key]}
        self.call("Input.dispatchKeyEvent", type="rawKeyDown", **code)
        self.call("Input.dispatchKeyEvent", type="keyUp", **code)

    def resize(self, width: int, height: int = 844) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)

    def prefer(self, scheme: str) -> None:
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def close(self) -> None:
        os.close(self.writer)
        os.close(self.reader)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    with tempfile.TemporaryDirectory(prefix="ckptlab-browser-", ignore_cleanup_errors=True) as folder:
        page = Browser(Path(folder))
        try:
            yield page
        finally:
            page.close()
