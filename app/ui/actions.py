"""The one table of actions: menus, toolbar, palette, cheat sheet, shortcut table and tests all derive from it.

Each part of the window contributes its own list (`def actions(session, ...) -> list[ActionSpec]`); `ActionTable` makes
the `QAction`s of them and keeps their keys, states and tooltips current.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, Qt, QTimer, SignalInstance, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from app.ui import theme
from app.ui.held_key import HeldKey
from app.ui.keymaps import DEFAULT


@dataclass(frozen=True, kw_only=True)
class ActionSpec:
    """One thing that a user can ask for.

    Attributes:
        name: unique, `part.verb`, such as `frame.next`; settings refer to it.
        text: as menus and the palette show it; `...` at the end where a dialog follows.
        handler: does it; called on the UI thread.
        shortcuts: preset (`keymaps.PRESETS`) -> keys in Qt's portable text, such as `Ctrl+Shift+V`. A preset that is
            not named has the keys of `default`; an empty list there means none.
        menu: where it hangs, such as `Edit` or `View/Colours`; empty: in no menu, but in palette and cheat sheet.
        enabled_when: asked after every change of document, selection, frame or mode; has to be quick.
        checked_when: for a switch, whether it is on.
        tooltip: one line; the shortcut is added to it.
        icon: name of a Material Design icon, such as `mdi6.undo`.
        repeats: goes on while its key is held, faster and faster; one tap is always once.
        released: called with the seconds that its key was held, when it comes up.
        context: `window`: keys work wherever the focus is; `canvas`: only while the canvas has it.
        destructive: takes something away; never on a bare letter that hands use to move about.
    """

    name: str
    text: str
    handler: Callable[[], object]
    shortcuts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    menu: str = ""
    enabled_when: Callable[[], bool] | None = None
    checked_when: Callable[[], bool] | None = None
    tooltip: str = ""
    icon: str = ""
    repeats: bool = False
    released: Callable[[float], object] | None = None
    context: str = "window"
    destructive: bool = False

    def keys(self, preset: str) -> tuple[str, ...]:
        """The keys of this action in `preset`."""
        return tuple(self.shortcuts.get(preset, self.shortcuts.get(DEFAULT, ())))

    @property
    def plain_text(self) -> str:
        """`text` without the mnemonic's ampersand."""
        return self.text.replace("&", "")


class ActionTable(QObject):
    """The `QAction`s of all specs. `canvas` and `window` are the widgets within which their keys work."""

    def __init__(self, window: QWidget, canvas: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._canvas = canvas
        self._held = HeldKey(window)
        self._actions: dict[str, QAction] = {}
        self.specs: dict[str, ActionSpec] = {}
        self._keys: Mapping[str, Sequence[str]] = {}
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self.refresh)

    def add(self, specs: Iterable[ActionSpec]) -> None:
        """Make the actions of `specs`. Raises `ValueError` if a name is taken."""
        for spec in specs:
            if spec.name in self.specs:
                raise ValueError(f"two actions are called {spec.name}")
            self.specs[spec.name] = spec
            self._actions[spec.name] = self._make(spec)

    def action(self, name: str) -> QAction:
        return self._actions[name]

    def keys_of(self, name: str) -> Sequence[str]:
        """The keys in force."""
        return self._keys.get(name, ())

    def set_keys(self, keys: Mapping[str, Sequence[str]]) -> None:
        """Put keys in force: action name -> portable key texts (see `keymaps.keys_in_force`)."""
        self._keys = dict(keys)
        for name, action in self._actions.items():
            mine = self._keys.get(name, ())
            action.setShortcuts([QKeySequence(key, QKeySequence.SequenceFormat.PortableText) for key in mine])
            action.setToolTip(_tooltip(self.specs[name], mine))

    def refresh_after(self, *signals: SignalInstance, at_once: bool = False) -> None:
        """Ask every spec whenever one of these signals comes; at_once: where a key may follow before the event loop
        comes round, such as redo behind undo."""
        for signal in signals:
            signal.connect(self.refresh if at_once else self._soon.start)

    @Slot()
    def refresh(self) -> None:
        """Ask every spec whether it is enabled and checked."""
        for name, action in self._actions.items():
            spec = self.specs[name]
            action.setEnabled(spec.enabled_when is None or spec.enabled_when())
            if spec.checked_when is not None:
                action.setChecked(spec.checked_when())

    def refresh_icons(self) -> None:
        """Draw the icons again, after a change of theme."""
        for name, action in self._actions.items():
            if icon := self.specs[name].icon:
                action.setIcon(theme.icon(icon))

    def _make(self, spec: ActionSpec) -> QAction:
        action = QAction(spec.text, self)
        action.setObjectName(spec.name)
        action.setCheckable(spec.checked_when is not None)
        action.setAutoRepeat(False)  # HeldKey does it: the system's rate would run over frames
        if spec.icon:
            action.setIcon(theme.icon(spec.icon))
        action.triggered.connect(lambda: self._trigger(spec))
        if spec.context == "canvas":
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            self._canvas.addAction(action)
        else:
            self._window.addAction(action)
        return action

    def _trigger(self, spec: ActionSpec) -> None:
        if spec.repeats or spec.released is not None:
            self._held.trigger(spec.handler, repeats=spec.repeats, released=spec.released)
        else:
            spec.handler()


def _tooltip(spec: ActionSpec, keys: Sequence[str]) -> str:
    shown = ", ".join(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in keys)
    text = spec.tooltip or spec.plain_text.removesuffix("...")
    return f"{text} ({shown})" if shown else text
