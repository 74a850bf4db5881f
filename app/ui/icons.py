"""Icons of the Material Design family, drawn from the font that comes with qtawesome.

Only its font is taken: importing the library loads twelve fonts and a second layer over Qt, which was a third of the
time from the command to the window.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPainter, QPixmap

_FAMILY = "mdi6."
_FONT, _CHARACTERS = "materialdesignicons6-webfont-[0-9]*.ttf", "materialdesignicons6-webfont-charmap-*.json"
#: In use, and twice those for screens of twice as many pixels.
_SIZES_PX = (16, 20, 32, 40)
#: Of the letter that an icon is, in sizes of the icon: what it leaves free around it.
_LETTER = 0.875


def draw(name: str, *, colour: QColor, disabled: QColor) -> QIcon:
    """An icon in the sizes in use, as pixmaps: an engine in Python would run whenever it is painted.

    name: `mdi6.` and that of a Material Design icon; disabled: its colour where what it stands for cannot be had.
    Raises `KeyError` if there is no such icon. Needs a `QGuiApplication`.
    """
    character = _characters()[name.removeprefix(_FAMILY)]
    icon = QIcon()
    for size_px in _SIZES_PX:
        pixmap = _pixmap(character, size_px, colour)
        icon.addPixmap(pixmap, QIcon.Mode.Normal)
        icon.addPixmap(pixmap, QIcon.Mode.Selected)  # Qt would tint it
        icon.addPixmap(_pixmap(character, size_px, disabled), QIcon.Mode.Disabled)
    return icon


def _pixmap(character: str, size_px: int, colour: QColor) -> QPixmap:
    pixmap = QPixmap(size_px, size_px)
    pixmap.fill(Qt.GlobalColor.transparent)
    font = QFont(_family())
    font.setPixelSize(round(_LETTER * size_px))
    painter = QPainter(pixmap)
    painter.setPen(colour)
    painter.setFont(font)
    painter.drawText(QRect(0, 0, size_px, size_px), Qt.AlignmentFlag.AlignCenter, character)
    painter.end()
    return pixmap


@cache
def _family() -> str:
    """The font's name in Qt, which knows it from then on."""
    return QFontDatabase.applicationFontFamilies(QFontDatabase.addApplicationFont(str(_file(_FONT))))[0]


@cache
def _characters() -> dict[str, str]:
    codes: dict[str, str] = json.loads(_file(_CHARACTERS).read_text(encoding="utf-8"))
    return {name: chr(int(code, 16)) for name, code in codes.items()}


def _file(pattern: str) -> Path:
    """The one file of the font that has this name in any version."""
    library = find_spec("qtawesome")
    folders = [] if library is None else library.submodule_search_locations or []
    files = [file for folder in folders for file in (Path(folder) / "fonts").glob(pattern)]
    if not files:
        raise FileNotFoundError(f"{pattern}: the font with the icons is missing; install qtawesome again")
    return max(files)
