"""Named colours for the light and the dark theme, icons in them, and the style sheet.

One accent, neutral surroundings: the video is the only saturated thing. Text has a contrast of at least 4.5 : 1 on the
surface that it lies on (a test computes it).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QAbstractButton, QApplication, QPushButton, QWidget

from app.ui import icons

Scheme: TypeAlias = Literal["light", "dark"]
Wish: TypeAlias = Literal["system", "light", "dark"]

#: Step of the layout grid, in device-independent pixels.
GRID_PX = 8
#: Of the labels in front of fields.
LABEL_ALIGNMENT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

#: Role -> (light, dark).
COLOURS: dict[str, tuple[str, str]] = {
    "window": ("#f3f3f4", "#202124"),  # behind docks and bars
    "surface": ("#ffffff", "#2a2b2f"),  # lists, fields, cards
    "raised": ("#e9eaec", "#35363b"),  # buttons, headers
    "hover": ("#dfe0e4", "#404148"),
    "border": ("#d2d4d9", "#3d3f45"),
    "text": ("#1d1e21", "#e8e9ec"),
    "muted": ("#5c5f68", "#a5a8b1"),  # secondary text
    "disabled": ("#a3a6ad", "#6b6e76"),
    "accent": ("#2a62d4", "#7aa7ff"),
    "on_accent": ("#ffffff", "#10131a"),
    "selection": ("#d5e2fb", "#31456b"),  # selected rows, under `text`
    "canvas": ("#3a3b3f", "#141517"),  # around the picture: dark in both
    "on_canvas": ("#e8e9ec", "#c9cbd1"),
    "info": ("#e3ecfd", "#26324a"),
    "on_info": ("#16305f", "#cfdefc"),
    "warning": ("#fdf0d2", "#473a1c"),
    "on_warning": ("#5a3f00", "#fae3ae"),
    "error": ("#fde3e1", "#4c2725"),
    "on_error": ("#7c1710", "#fcd0cc"),
    # States of frames, told by shape and text too.
    "state_none": ("#d9dbe0", "#3a3c42"),
    "state_model": ("#5fa8b8", "#4f97a8"),
    "state_human": ("#2a62d4", "#7aa7ff"),
    "state_verified": ("#1f8a4c", "#53c07e"),
    "grid": ("#d9dbe0", "#3a3c42"),
    "playhead": ("#d3322a", "#ff6b60"),
}

#: Property of a button: name and role of its icon.
_ICON = "theme_icon"
_scheme: Scheme = "light"


def scheme() -> Scheme:
    """The theme in force."""
    return _scheme


def colour(role: str) -> QColor:
    """The colour of a role in the theme in force. Raises `KeyError` for an unknown role."""
    return QColor(COLOURS[role][_scheme == "dark"])


def icon(name: str, role: str = "text") -> QIcon:
    """An icon of the Material Design family (`mdi6.…`) in the colour of `role`, muted where disabled."""
    return _icon(name, colour(role).name(), colour("disabled").name())


@lru_cache(maxsize=512)
def _icon(name: str, of_role: str, of_disabled: str) -> QIcon:
    return icons.draw(name, colour=QColor(of_role), disabled=QColor(of_disabled))


def set_icon(button: QAbstractButton, name: str, role: str = "text") -> None:
    """Give a button an icon that `refresh` draws again in the colours of the next theme."""
    button.setProperty(_ICON, [name, role])
    button.setIcon(icon(name, role))


@runtime_checkable
class Themed(Protocol):
    """A widget that keeps colours of the theme: `refresh` calls it after a change."""

    def refresh_theme(self) -> None: ...


def refresh(window: QWidget) -> None:
    """Have everything in a window follow a change of theme that palette and style sheet cannot bring."""
    for widget in window.findChildren(QWidget):
        kept = widget.property(_ICON) if isinstance(widget, QAbstractButton) else None
        if kept and isinstance(widget, QAbstractButton):
            widget.setIcon(icon(*kept))
        if isinstance(widget, Themed):
            widget.refresh_theme()
        widget.update()


def make_primary(button: QPushButton) -> None:
    """Give the one button that leads on the accent."""
    button.setProperty("primary", True)
    button.style().unpolish(button)
    button.style().polish(button)


def tabular(font: QFont) -> QFont:
    """`font` with figures of equal width, for numbers that change in place."""
    font = QFont(font)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def apply(application: QApplication, wish: Wish) -> Scheme:
    """Put a theme in force: palette, style sheet, and what `colour` answers. Returns which one it came to be."""
    global _scheme  # one application has one theme
    hints = QGuiApplication.styleHints()
    if wish == "system":
        hints.unsetColorScheme()
        dark = hints.colorScheme() == Qt.ColorScheme.Dark
    else:
        dark = wish == "dark"
        hints.setColorScheme(Qt.ColorScheme.Dark if dark else Qt.ColorScheme.Light)
    _scheme = "dark" if dark else "light"
    application.setPalette(_palette())
    application.setStyleSheet(_style_sheet())
    return _scheme


def _palette() -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: "window",
        QPalette.ColorRole.WindowText: "text",
        QPalette.ColorRole.Base: "surface",
        QPalette.ColorRole.AlternateBase: "window",
        QPalette.ColorRole.Text: "text",
        QPalette.ColorRole.Button: "raised",
        QPalette.ColorRole.ButtonText: "text",
        QPalette.ColorRole.BrightText: "on_error",
        QPalette.ColorRole.Highlight: "accent",
        QPalette.ColorRole.HighlightedText: "on_accent",
        QPalette.ColorRole.Link: "accent",
        QPalette.ColorRole.LinkVisited: "accent",
        QPalette.ColorRole.ToolTipBase: "surface",
        QPalette.ColorRole.ToolTipText: "text",
        QPalette.ColorRole.PlaceholderText: "muted",
        QPalette.ColorRole.Mid: "border",
        QPalette.ColorRole.Midlight: "border",
        QPalette.ColorRole.Dark: "border",
        QPalette.ColorRole.Light: "surface",
        QPalette.ColorRole.Accent: "accent",
    }
    for role, name in roles.items():
        palette.setColor(role, colour(name))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, colour("disabled"))
    return palette


def _style_sheet() -> str:
    names = {role: colour(role).name() for role in COLOURS}
    return _SHEET % names


_SHEET = """
QToolTip { background: %(surface)s; color: %(text)s; border: 1px solid %(border)s; padding: 4px 6px; }
QMainWindow::separator { background: %(border)s; width: 1px; height: 1px; }
QMainWindow::separator:hover { background: %(accent)s; }
QDockWidget { titlebar-close-icon: none; font-weight: 600; }
QDockWidget::title { background: %(window)s; padding: 6px 8px; text-align: left; }
QToolBar { background: %(window)s; border: 0; border-bottom: 1px solid %(border)s; padding: 2px 8px; spacing: 4px; }
QToolBar::separator { background: %(border)s; width: 1px; margin: 6px 4px; }
QToolButton { border: 1px solid transparent; border-radius: 4px; padding: 4px; color: %(text)s; }
QToolBar QToolButton { padding: 3px 8px; }
QToolButton:hover { background: %(hover)s; }
QToolButton:pressed, QToolButton:checked { background: %(selection)s; }
QToolButton:disabled { color: %(disabled)s; }
QToolButton:focus { border-color: %(accent)s; }
QToolButton::menu-indicator { image: none; }
QPushButton { background: %(raised)s; border: 1px solid %(border)s; border-radius: 4px; padding: 5px 14px; color: %(text)s; }
QPushButton:hover { background: %(hover)s; }
QPushButton:pressed { background: %(selection)s; }
QPushButton:disabled { color: %(disabled)s; background: %(window)s; }
QPushButton:focus { border-color: %(accent)s; }
QPushButton[primary="true"] { background: %(accent)s; color: %(on_accent)s; border-color: %(accent)s; font-weight: 600; }
QPushButton[primary="true"]:focus { border: 2px solid %(text)s; padding: 4px 13px; }
QPushButton[primary="true"]:disabled { background: %(raised)s; color: %(disabled)s; border-color: %(border)s; }
QStatusBar { background: %(window)s; border-top: 1px solid %(border)s; }
QStatusBar::item { border: 0; }
QStatusBar QLabel { padding: 0 4px; }
QStatusBar QToolButton { padding: 1px; }
QMenuBar { background: %(window)s; padding: 0 8px; }
QMenuBar::item { padding: 3px 8px; border-radius: 4px; background: transparent; }
QMenuBar::item:selected { background: %(hover)s; }
QMenu { background: %(surface)s; border: 1px solid %(border)s; padding: 4px; }
QMenu::item { padding: 5px 28px 5px 28px; border-radius: 4px; color: %(text)s; }
QMenu::item:selected { background: %(selection)s; }
QMenu::item:disabled { color: %(disabled)s; }
QMenu::separator { height: 1px; background: %(border)s; margin: 4px 8px; }
QMenu::icon { padding-left: 8px; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QTabBar::tab { background: transparent; color: %(muted)s; padding: 6px 12px; border: 0; border-bottom: 2px solid transparent; }
QMainWindow > QTabBar::tab { padding: 6px 7px; }
QTabBar::tab:selected { color: %(text)s; border-bottom-color: %(accent)s; }
QTabBar::tab:hover { color: %(text)s; }
QTabWidget::pane { border: 0; }
QHeaderView::section { background: %(window)s; color: %(muted)s; border: 0; border-bottom: 1px solid %(border)s; padding: 4px 6px; }
QAbstractItemView { background: %(surface)s; border: 0; alternate-background-color: %(window)s;
    selection-background-color: %(selection)s; selection-color: %(text)s; outline: 0; }
QAbstractItemView::item { padding: 2px 4px; }
QAbstractItemView::item:focus { border: 1px solid %(accent)s; }
QLineEdit, QSpinBox, QDoubleSpinBox, QPlainTextEdit { background: %(surface)s; border: 1px solid %(border)s;
    border-radius: 4px; padding: 2px 6px; selection-background-color: %(accent)s; selection-color: %(on_accent)s; }
QSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::up-button, QDoubleSpinBox::down-button { width: 0; height: 0; border: 0; }
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QPlainTextEdit:focus { border-color: %(accent)s; }
QProgressBar { background: %(raised)s; border: 0; border-radius: 3px; max-height: 6px; min-height: 6px; }
QProgressBar::chunk { background: %(accent)s; border-radius: 3px; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: %(hover)s; border-radius: 4px; min-height: 24px; min-width: 24px; margin: 1px; }
QScrollBar::handle:hover { background: %(disabled)s; }
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page { background: none; border: 0; width: 0; height: 0; }
QLabel[muted="true"] { color: %(muted)s; }
QLabel[heading="true"] { font-size: 20px; font-weight: 600; }
#messageBar { border: 0; border-radius: 6px; background: %(info)s; }
#messageBar QPushButton { padding: 2px 12px; }
#messageBar QToolButton { padding: 1px; }
#messageBar QLabel { color: %(on_info)s; }
#messageBar[kind="warning"] { background: %(warning)s; }
#messageBar[kind="warning"] QLabel { color: %(on_warning)s; }
#messageBar[kind="error"] { background: %(error)s; }
#messageBar[kind="error"] QLabel { color: %(on_error)s; }
#palette { border: 1px solid %(border)s; }
#startPage { background: %(window)s; }
#card { background: %(surface)s; border: 1px solid %(border)s; border-radius: 8px; }
#card:hover { border-color: %(accent)s; }
"""  # noqa: E501 - one rule a line reads best
