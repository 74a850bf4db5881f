"""What the window remembers from one day to the next: one small file in the folder that the system has for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import appdirs
from PySide6.QtCore import QByteArray, QSettings

from app.ui import theme
from app.ui.keymaps import DEFAULT, PRESETS

_APPLICATION = "dcpose-annotator"
_MOST_RECENT = 12
#: That of the engine (a test compares); importing it from there would load the networks before the window is shown.
DEFAULT_MODEL = "dcpose_thunder"
SCALES = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0)


def config_dir() -> Path:
    """The user's settings."""
    return Path(appdirs.user_config_dir(_APPLICATION, appauthor=False))


def _run_key(project: Path) -> str:
    return f"runs/{hashlib.sha256(str(project.absolute()).encode()).hexdigest()[:16]}"


class Settings:
    """Typed access to the settings file. What it holds that makes no sense is as if it were not there."""

    def __init__(self) -> None:
        self._file = QSettings(str(config_dir() / "window.ini"), QSettings.Format.IniFormat)

    def sync(self) -> None:
        """Write now."""
        self._file.sync()

    @property
    def theme(self) -> theme.Wish:
        value = str(self._file.value("theme", "system"))
        return cast("theme.Wish", value) if value in ("system", "light", "dark") else "system"

    @theme.setter
    def theme(self, wish: theme.Wish) -> None:
        self._file.setValue("theme", wish)

    @property
    def scale(self) -> float:
        """Of the whole interface; in force from the next start."""
        return self._number("scale", 1.0, SCALES[0], SCALES[-1])

    @scale.setter
    def scale(self, scale: float) -> None:
        self._file.setValue("scale", scale)

    @property
    def preset(self) -> str:
        """The preset of shortcuts."""
        value = str(self._file.value("shortcuts/preset", DEFAULT))
        return value if value in PRESETS else DEFAULT

    @preset.setter
    def preset(self, preset: str) -> None:
        self._file.setValue("shortcuts/preset", preset)

    @property
    def own_keys(self) -> dict[str, tuple[str, ...]]:
        """Action -> the keys that the user chose in place of the preset's."""
        self._file.beginGroup("shortcuts/own")
        keys = {name: str(self._file.value(name, "")) for name in self._file.childKeys()}
        self._file.endGroup()
        return {name: tuple(filter(None, text.split(" | "))) for name, text in keys.items()}

    @own_keys.setter
    def own_keys(self, keys: Mapping[str, Sequence[str]]) -> None:
        self._file.remove("shortcuts/own")
        for name, mine in keys.items():
            self._file.setValue(f"shortcuts/own/{name}", " | ".join(mine))

    @property
    def recent(self) -> list[Path]:
        """Projects and videos opened last, the newest first."""
        text = str(self._file.value("recent", ""))
        return [Path(line) for line in text.splitlines() if line]

    def add_recent(self, path: Path) -> None:
        others = [one for one in self.recent if one != path]
        self._file.setValue("recent", "\n".join(map(str, [path, *others][:_MOST_RECENT])))

    def remove_recent(self, path: Path) -> None:
        self._file.setValue("recent", "\n".join(str(one) for one in self.recent if one != path))

    def video_of(self, fingerprint: str) -> Path | None:
        """Where the user found the video of a project that cannot be written itself."""
        value = str(self._file.value(f"videos/{fingerprint}", ""))
        return Path(value) if value else None

    def set_video_of(self, fingerprint: str, video: Path) -> None:
        self._file.setValue(f"videos/{fingerprint}", str(video))

    def begun_run(self, project: Path) -> str | None:
        """What was noted of a run on this project that has not ended."""
        value = self._file.value(_run_key(project))
        return None if value is None else str(value)

    def set_begun_run(self, project: Path, note: str | None) -> None:
        if note is None:
            self._file.remove(_run_key(project))
        else:
            self._file.setValue(_run_key(project), note)

    @property
    def model(self) -> str:
        """The model chosen last for annotating."""
        return str(self._file.value("annotate/model", "")) or DEFAULT_MODEL

    @model.setter
    def model(self, name: str) -> None:
        self._file.setValue("annotate/model", name)

    @property
    def device(self) -> str:
        return str(self._file.value("annotate/device", "auto"))

    @device.setter
    def device(self, name: str) -> None:
        self._file.setValue("annotate/device", name)

    def view_value(self, name: str, default: float | str | bool) -> float | str | bool:
        """A field of `ViewSettings` as it was last, of the type of `default`."""
        value = self._file.value(f"view/{name}", default)
        match default:
            case bool():
                return str(value).lower() == "true"
            case int() | float():
                return type(default)(self._number(f"view/{name}", default, -1e6, 1e6))
            case _:
                return str(value)

    def set_view_value(self, name: str, value: float | str | bool) -> None:
        self._file.setValue(f"view/{name}", value)

    def layout(self, name: str) -> QByteArray | None:
        """The bytes that Qt stored for `geometry` or `docks`."""
        value = self._file.value(f"layout/{name}")
        return value if isinstance(value, QByteArray) else None

    def set_layout(self, name: str, state: QByteArray) -> None:
        self._file.setValue(f"layout/{name}", state)

    def forget_layout(self) -> None:
        self._file.remove("layout")

    def _number(self, name: str, default: float, least: float, most: float) -> float:
        try:
            value = float(str(self._file.value(name, default)))
        except ValueError:
            return default
        return value if least <= value <= most else default
