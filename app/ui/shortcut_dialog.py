"""All shortcuts in one table: choose a preset, change single keys, see conflicts before they are in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.ui.actions import ActionSpec, ActionTable
from app.ui.keymaps import PRESETS, conflicts, dangerous, keys_in_force, normalised
from app.ui.settings import Settings

_NAME, _KEYS = 0, 1


class ShortcutDialog(QDialog):
    """`changed` tells that other keys are to be in force; they are in the settings by then."""

    changed = Signal()

    def __init__(self, table: ActionTable, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard Shortcuts")
        self.resize(680, 560)
        self._specs = list(table.specs.values())
        self._settings = settings
        self._own = dict(settings.own_keys)
        self.preset = QComboBox(self)
        for name, title in PRESETS.items():
            self.preset.addItem(title, name)
        self.preset.setCurrentIndex(self.preset.findData(settings.preset))
        self.preset.currentIndexChanged.connect(self._fill)
        self.search = QLineEdit(self)
        self.search.setPlaceholderText("Search")
        self.search.setAccessibleName("Search actions")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._fill)
        self.tree = QTreeWidget(self)
        self.tree.setAccessibleName("Shortcuts")
        self.tree.setHeaderLabels(["Action", "Keys"])
        self.tree.setRootIsDecorated(False)
        self.tree.setAlternatingRowColors(True)
        self.tree.header().setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        self.tree.header().setSectionResizeMode(_KEYS, QHeaderView.ResizeMode.ResizeToContents)
        self.tree.currentItemChanged.connect(self._on_current)
        self.keys = QKeySequenceEdit(self)
        self.keys.setMaximumSequenceLength(1)
        self.keys.setAccessibleName("New key")
        self.set_button = QPushButton("Set", self)
        self.set_button.clicked.connect(self._on_set)
        self.add_button = QPushButton("Add", self)
        self.add_button.clicked.connect(self._on_add)
        self.clear_button = QPushButton("None", self)
        self.clear_button.clicked.connect(lambda: self._change(()))
        self.default_button = QPushButton("As in Preset", self)
        self.default_button.clicked.connect(self._on_default)
        self.note = QLabel(self)
        self.note.setWordWrap(True)
        self.note.setAccessibleName("Conflicts")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        top = QHBoxLayout()
        top.addWidget(QLabel("Preset", self))
        top.addWidget(self.preset)
        top.addWidget(self.search, 1)
        edit = QHBoxLayout()
        edit.addWidget(QLabel("Key", self))
        edit.addWidget(self.keys, 1)
        for button in (self.set_button, self.add_button, self.clear_button, self.default_button):
            button.setAutoDefault(False)
            edit.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self.tree, 1)
        column.addLayout(edit)
        column.addWidget(self.note)
        column.addWidget(buttons)
        self._fill()

    def keys_in_force(self) -> dict[str, tuple[str, ...]]:
        """What the dialog would put in force now."""
        return keys_in_force(self._specs, str(self.preset.currentData()), self._own)

    def set_keys(self, action: str, keys: Sequence[str]) -> None:
        """Give an action other keys than its preset has; they are taken from whichever action has them now."""
        mine = tuple(map(normalised, keys))
        for other, own in list(self._own.items()):
            if other != action and set(own) & set(mine):
                self._own[other] = tuple(key for key in own if key not in mine)
        self._own[action] = mine
        self._fill()

    def accept(self) -> None:
        self._settings.preset = str(self.preset.currentData())
        self._settings.own_keys = self._own
        self.changed.emit()
        super().accept()

    def _fill(self) -> None:
        keys, wanted = self.keys_in_force(), self.search.text().lower()
        current = self._current()
        self.tree.clear()
        for spec in sorted(self._specs, key=lambda one: (not one.menu, one.menu.partition("/")[0])):
            title = f"{spec.menu.replace('/', ' > ') or 'Other'} > {spec.plain_text.removesuffix('...')}"
            shown = ", ".join(_native(key) for key in keys[spec.name])
            if wanted not in title.lower() and wanted not in shown.lower():
                continue
            item = QTreeWidgetItem([title, shown])
            item.setData(_NAME, Qt.ItemDataRole.UserRole, spec.name)
            if spec.name in self._own:
                font = item.font(_KEYS)
                font.setBold(True)
                item.setFont(_KEYS, font)
                item.setToolTip(_KEYS, "Your own choice")
            self.tree.addTopLevelItem(item)
            if current is not None and spec.name == current.name:
                self.tree.setCurrentItem(item)
        self.note.setText(_problems(self._specs, keys))
        self._on_current()

    def _current(self) -> ActionSpec | None:
        item = self.tree.currentItem()
        name = None if item is None else item.data(_NAME, Qt.ItemDataRole.UserRole)
        return next((spec for spec in self._specs if spec.name == name), None)

    def _on_current(self) -> None:
        spec = self._current()
        for widget in (self.keys, self.set_button, self.add_button, self.clear_button):
            widget.setEnabled(spec is not None)
        self.default_button.setEnabled(spec is not None and spec.name in self._own)

    def _typed(self) -> str:
        return self.keys.keySequence().toString(QKeySequence.SequenceFormat.PortableText)

    def _on_set(self) -> None:
        if self._typed():
            self._change((self._typed(),))

    def _on_add(self) -> None:
        spec = self._current()
        if spec is not None and self._typed():
            self._change((*self.keys_in_force()[spec.name], self._typed()))

    def _on_default(self) -> None:
        spec = self._current()
        if spec is not None:
            self._own.pop(spec.name, None)
            self._fill()

    def _change(self, keys: Sequence[str]) -> None:
        spec = self._current()
        if spec is None:
            return
        before = self.keys_in_force()
        self.set_keys(spec.name, keys)
        self.keys.clear()
        after = self.keys_in_force()
        lost = [
            one.plain_text for one in self._specs if set(before[one.name]) - set(after[one.name]) and one is not spec
        ]
        if lost:
            self.note.setText(f"Taken from: {', '.join(lost)}. {self.note.text()}")


def _native(key: str) -> str:
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)


def _problems(specs: Sequence[ActionSpec], keys: Mapping[str, Sequence[str]]) -> str:
    titles = {spec.name: spec.plain_text for spec in specs}
    found = [
        f"{_native(key)} means two things: {' and '.join(titles[name] for name in names)}."
        for key, names in conflicts(keys).items()
    ]
    found += [
        f"{_native(key)} takes something away ({titles[name]}), where hands used to other tools move about."
        for key, name in dangerous(specs, keys)
    ]
    return " ".join(found)
