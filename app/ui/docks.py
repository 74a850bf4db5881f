"""The docks around the canvas: what there is, where it lies, and the layout that the window comes with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget

from app.ui.actions import ActionSpec

#: From this width on the docks of the left side lie there; below, all of them share the right side.
_WIDE_PX = 1500
_LEFT_PX, _RIGHT_PX = 288, 320


@dataclass(frozen=True, slots=True, kw_only=True)
class DockSpec:
    """One dock.

    name: in settings and in the action `panel.<name>`. side: where it lies; the docks of one side are tabs, in the
    order of their specs, the first `front` one on top; those on the left lie one below the other. is_open: at first.
    has_title: False where the content says what it is. shortcut: of its action. opens_with_px: least height when its
    action opens it.
    """

    name: str
    title: str
    widget: QWidget
    side: Literal["left", "right", "bottom"]
    is_open: bool = True
    front: bool = False
    has_title: bool = True
    shortcut: str = ""
    opens_with_px: int = 0


class Docks(Mapping[str, QDockWidget]):
    """The docks of a window, by name."""

    def __init__(self, window: QMainWindow, specs: Sequence[DockSpec]) -> None:
        self._window = window
        self._specs = {spec.name: spec for spec in specs}
        self._docks = {spec.name: _dock(window, spec) for spec in specs}
        self._were_shown = False
        self._left_as: QByteArray | None = None
        #: Whether they lie as somebody left them; else they are arranged for the size that the window has when the
        #: first project is opened.
        self.is_restored = False

    def __getitem__(self, name: str) -> QDockWidget:
        return self._docks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._docks)

    def __len__(self) -> int:
        return len(self._docks)

    def arrange(self) -> None:
        """The layout that the window comes with, for the width it has now."""
        window, wide, area = self._window, self._window.width() >= _WIDE_PX, Qt.DockWidgetArea
        for dock in self.values():
            window.removeDockWidget(dock)
        window.setCorner(Qt.Corner.BottomLeftCorner, area.BottomDockWidgetArea)
        window.setCorner(Qt.Corner.BottomRightCorner, area.BottomDockWidgetArea)
        left, right, bottom = (self._on(side) for side in ("left", "right", "bottom"))
        if wide:
            for dock in left:
                window.addDockWidget(area.LeftDockWidgetArea, dock)
        else:
            right = [*left, *right]
        for place, tabs in ((area.RightDockWidgetArea, right), (area.BottomDockWidgetArea, bottom)):
            for before, dock in zip([None, *tabs], tabs, strict=False):
                window.addDockWidget(place, dock)
                if before is not None:
                    window.tabifyDockWidget(before, dock)
        for name, spec in self._specs.items():
            self[name].setVisible(spec.is_open)
        self.raise_front()
        horizontal, vertical = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        window.resizeDocks(right[-1:], [_RIGHT_PX], horizontal)
        if wide:
            window.resizeDocks(left[:1], [_LEFT_PX], horizontal)
            # Tracks are few; what lies below them is long.
            window.resizeDocks(left, [200, *(400 for _ in left[1:])], vertical)
        window.resizeDocks(bottom[:1], [max(200, window.height() // 5) if wide else 132], vertical)

    def raise_front(self) -> None:
        """Bring the tabs to the front that matter most."""
        for name, spec in self._specs.items():
            if spec.front:
                self[name].raise_()

    def restore(self, state: QByteArray) -> None:
        """Lay them out as `QMainWindow.saveState` said; kept, too, for when the first project shows them."""
        self.is_restored = self._window.restoreState(state)
        self._left_as = state if self.is_restored else None

    def set_available(self, available: bool) -> None:
        """Show the docks with a project, as they were left; without one there is nothing in them."""
        if available and not self.is_restored:
            self.is_restored = True
            self.arrange()
        if self._were_shown and not available:
            self._left_as = self._window.saveState()
        for name, dock in self.items():
            dock.setEnabled(available)
            if not available:
                dock.hide()
            elif self._specs[name].is_open and not self._were_shown:
                dock.show()
        if available and not self._were_shown:
            self.raise_front()
            if self._left_as is not None:  # hidden docks forget how large they were
                self._window.restoreState(self._left_as)
        self._were_shown = available

    def open(self, name: str) -> None:
        """Show a dock in front of the others."""
        self[name].show()
        self[name].raise_()

    def raise_holding(self, widget: QWidget | None) -> None:
        """Bring the dock to the front that a widget lies in."""
        for dock in self.values():
            if widget is not None and dock.isAncestorOf(widget):
                dock.raise_()

    def toggle(self, name: str) -> None:
        """Open a dock in front of the others, or close the one that is in front."""
        dock, least_px = self[name], self._specs[name].opens_with_px
        dock.setVisible(not _is_in_front(dock))
        if dock.isVisible():
            dock.raise_()
            if least_px:
                self._window.resizeDocks([dock], [max(dock.height(), least_px)], Qt.Orientation.Vertical)

    def actions(self, *, enabled_when: Callable[[], bool]) -> list[ActionSpec]:
        """One switch for each dock, and the way back to the layout as it came."""
        switches = [
            ActionSpec(
                name=f"panel.{name}",
                text=spec.title,
                handler=partial(self.toggle, name),
                shortcuts={"default": [spec.shortcut] if spec.shortcut else []},
                menu="View/Panels",
                enabled_when=enabled_when,
                checked_when=partial(_is_in_front, self[name]),
            )
            for name, spec in self._specs.items()
        ]
        reset = ActionSpec(
            name="panel.reset",
            text="Arrange as at First",
            handler=self.arrange,
            menu="View/Panels",
            enabled_when=enabled_when,
        )
        return [*switches, reset]

    def _on(self, side: str) -> list[QDockWidget]:
        return [self[name] for name, spec in self._specs.items() if spec.side == side]


def _dock(window: QMainWindow, spec: DockSpec) -> QDockWidget:
    dock = QDockWidget(spec.title, window)
    dock.setObjectName(f"{spec.name}Dock")
    dock.setWidget(spec.widget)
    dock.toggleViewAction().setText(spec.title)
    if not spec.has_title:
        dock.setTitleBarWidget(QWidget(dock))
    return dock


def _is_in_front(dock: QDockWidget) -> bool:
    """A dock behind another tab counts as visible for Qt, too."""
    return dock.isVisible() and not dock.visibleRegion().isEmpty()
