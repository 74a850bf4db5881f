"""A real X server with a window manager, the program as its own process on it, and hands for keys and buttons."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

#: The programs that make a desktop.
NEEDED = ("Xvfb", "openbox", "xdotool")
_SIZE = "1280x800x24"
_POLL_S = 0.05
#: A button that has not moved for so long does not move any more: several times the probe's interval.
_SETTLED_S = 0.4
#: Long enough for a machine that does much else; a test that passes never waits for it.
PATIENCE_S = 60.0


def missing() -> list[str]:
    """Which of the programs are not installed."""
    return [name for name in NEEDED if shutil.which(name) is None]


class Desktop:
    """An X server on a display of its own with `openbox`, from `with` to its end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self.display = ""

    def __enter__(self) -> Self:
        # The model's second look after corrections is an undo step of its own, which comes when it comes.
        settings = self._folder / "config" / "dcpose-annotator" / "window.ini"
        settings.parent.mkdir(parents=True)
        settings.write_text("[view]\npropagate_reinfers=false\n", encoding="utf-8")
        read, write = os.pipe()
        log = (self._folder / "xvfb.log").open("wb")
        with log:
            server = ["Xvfb", "-displayfd", str(write), "-screen", "0", _SIZE, "-nolisten", "tcp"]
            self._processes.append(subprocess.Popen(server, pass_fds=[write], stdout=log, stderr=log))
        os.close(write)
        with os.fdopen(read) as numbers:
            number = numbers.readline().strip()
        assert number, (self._folder / "xvfb.log").read_text(errors="replace")
        self.display = f":{number}"
        quiet = subprocess.DEVNULL
        self._processes.append(
            subprocess.Popen(["openbox", "--sm-disable"], env=self.environment(), stdout=quiet, stderr=quiet)
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._processes):
            process.terminate()
            process.wait()

    def environment(self) -> dict[str, str]:
        """For programs on this desktop."""
        home = str(self._folder)
        return os.environ | {
            "DISPLAY": self.display,
            "HOME": home,
            "XDG_CACHE_HOME": f"{home}/cache",
            "XDG_CONFIG_HOME": f"{home}/config",
            "XDG_DATA_HOME": f"{home}/data",
            "XDG_RUNTIME_DIR": home,
        }

    def do(self, *words: str) -> None:
        """What `xdotool` is told."""
        subprocess.run(["xdotool", *words], env=self.environment(), check=True, timeout=PATIENCE_S)


class Program:
    """`python -m app`, started anew, and what it says of itself."""

    def __init__(self, desktop: Desktop, folder: Path, *arguments: str) -> None:
        self._desktop = desktop
        self._probe = folder / "probe.json"
        self._probe.unlink(missing_ok=True)
        self._log = folder / "program.log"
        environment = desktop.environment() | {
            "QT_QPA_PLATFORM": "xcb",
            "DCPOSE_TEST_PROBE": str(self._probe),
            "OMP_NUM_THREADS": "1",
        }
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", *arguments], env=environment, stdout=log, stderr=log
            )

    def state(self) -> Mapping[str, Any]:
        """The last thing that the window told; empty before the first."""
        if not self._probe.is_file():
            return {}
        state: dict[str, Any] = json.loads(self._probe.read_text(encoding="utf-8"))
        return state

    def wait(self, what: str, condition: Callable[[Mapping[str, Any]], object]) -> Mapping[str, Any]:
        """Until a condition on the state holds; returns that state."""
        end = time.monotonic() + PATIENCE_S
        state: Mapping[str, Any] = {}
        while time.monotonic() < end:
            state = self.state()
            if state and condition(state):
                return state
            assert self.process.poll() is None, f"ended while waiting for {what}:\n{self._log.read_text()[-3000:]}"
            time.sleep(_POLL_S)
        raise AssertionError(f"no {what} in {PATIENCE_S:.0f} s: {state}\n{self._log.read_text()[-3000:]}")

    def wait_for_frame(self, frame: int) -> None:
        """Until the picture of a frame is on the screen and the keys go to the canvas."""
        self.wait(f"frame {frame}", lambda state: state["shown_frame"] == frame and state["canvas_has_keys"])

    def press(self, *keys: str) -> None:
        """One key after the other, as `xdotool` calls them."""
        self._desktop.do("key", "--delay", "60", *keys)

    def click(self, x_px: float, y_px: float) -> None:
        self._desktop.do("mousemove", "--sync", f"{x_px:.0f}", f"{y_px:.0f}", "click", "1")

    def click_button(self, text: str) -> None:
        """A button of the dialog in front, or of the start page, once it can be pressed and stays where it is.

        A dialog that has just got a longer text tells the text first and moves its buttons a moment later.
        """

        def found(state: Mapping[str, Any]) -> Any:
            front = state["dialog"]
            buttons = (front["buttons"] if front["is_active"] else {}) if front else state["start_page"] or {}
            return text in buttons and buttons[text]["enabled"] and buttons[text]

        button, since = None, time.monotonic()
        while button is None or time.monotonic() - since < _SETTLED_S:
            now = found(self.wait(f"button {text!r}", found))
            if now != button:
                button, since = now, time.monotonic()
            time.sleep(_POLL_S)
        self.click(button["x"], button["y"])

    def on_screen(self, point: Any) -> tuple[float, float]:
        """Where a point of the image, `[2]`, lies on the screen."""
        canvas = self.state()["canvas"]
        x_px, y_px = np.asarray(canvas["pixel_zero"]) + np.asarray(point, float) * canvas["scale"]
        return float(canvas["x"] + x_px), float(canvas["y"] + y_px)

    def drag(self, start: Any, end: Any) -> None:
        """From one point of the image to another, in steps, as a hand does."""
        first, last = np.array(self.on_screen(start)), np.array(self.on_screen(end))
        words = ["mousemove", "--sync", *_pixels(first), "mousedown", "1"]
        for share in (0.25, 0.5, 0.75, 1.0):
            words += ["mousemove", "--sync", *_pixels(first + (last - first) * share), "sleep", "0.05"]
        self._desktop.do(*words, "mouseup", "1")

    def wait_for_end(self) -> int:
        """The exit status, once the program has ended by itself."""
        return self.process.wait(timeout=PATIENCE_S)

    def kill(self) -> None:
        """If it still runs."""
        self.process.kill()
        self.process.wait()


def _pixels(point: Any) -> tuple[str, str]:
    return f"{point[0]:.0f}", f"{point[1]:.0f}"
