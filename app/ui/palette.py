"""The command palette: every action by a few letters of its name."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QDialog, QHeaderView, QLineEdit, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from app.ui import theme
from app.ui.actions import ActionSpec, ActionTable

_WIDTH_PX = 560
_MOST_ROWS = 14
#: Score of a command whose explanation has the letters, not its name.
_BY_TOOLTIP = -10.0


def match_score(letters: str, text: str) -> float | None:
    """How well `letters` name `text`: all of them have to come in it, in order; more is better, None is no match.

    Letters at the beginning of words count most, then those that follow each other; shorter texts win a tie.
    """
    wanted, lower = letters.lower().replace(" ", ""), text.lower()
    if not wanted:
        return 0.0
    best: float | None = None
    starts = [i for i, letter in enumerate(lower) if letter == wanted[0]]
    for start in starts:  # greedy from every first letter: names are short
        at, score = start, _worth(lower, start, None)
        for letter in wanted[1:]:
            following = [i for i in range(at + 1, len(lower)) if lower[i] == letter]
            if not following:
                break
            worth, place = max((_worth(lower, i, at), -i) for i in following)
            score, at = score + worth, -place
        else:
            score -= len(lower) / 100
            best = score if best is None else max(best, score)
    return best


def _worth(text: str, at: int, before: int | None) -> float:
    if before is not None and at == before + 1:
        return 3.0
    return 2.0 if at == 0 or not text[at - 1].isalnum() else 0.5


class Palette(QDialog):
    """Type, choose with the arrow keys, Enter does it."""

    def __init__(self, table: ActionTable, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAccessibleName("Command palette")
        self.setObjectName("palette")
        self._table = table
        self.chosen: str | None = None
        self.field = QLineEdit(self)
        self.field.setPlaceholderText("Type a command")
        self.field.setAccessibleName("Command")
        self.field.textChanged.connect(self._fill)
        self.field.installEventFilter(self)
        self.list = QTreeWidget(self)
        self.list.setAccessibleName("Commands")
        self.list.setColumnCount(2)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.header().setStretchLastSection(False)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.list.itemActivated.connect(self._do)
        self.list.itemClicked.connect(self._do)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self.field)
        column.addWidget(self.list)
        self.setFixedWidth(_WIDTH_PX)
        self._fill("")
        self.field.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
                row = self.list.currentIndex().row()
                step = 1 if event.key() == Qt.Key.Key_Down else -1
                self._set_row((row + step) % max(1, self.list.topLevelItemCount()))
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                item = self.list.currentItem()
                if item is not None:
                    self._do(item)
                return True
        return super().eventFilter(watched, event)

    def _fill(self, letters: str) -> None:
        scored = []
        for order, spec in enumerate(self._table.specs.values()):
            score = match_score(letters, _title(spec))
            if score is None and letters.lower() in spec.tooltip.lower():
                score = _BY_TOOLTIP
            if score is not None and spec.name != "help.palette":
                enabled = self._table.action(spec.name).isEnabled()
                scored.append((not enabled, -score, order, spec))
        self.list.clear()
        for disabled, _, _, spec in sorted(scored, key=lambda one: one[:3]):
            keys = self._table.keys_of(spec.name)
            shown = QKeySequence(keys[0]).toString(QKeySequence.SequenceFormat.NativeText) if keys else ""
            item = QTreeWidgetItem([_title(spec), shown])
            item.setData(0, Qt.ItemDataRole.UserRole, spec.name)
            item.setForeground(1, theme.colour("muted"))
            if disabled:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addTopLevelItem(item)
        self._set_row(0)
        self._fit_height()

    def _fit_height(self) -> None:
        """As high as what was found needs."""
        rows = max(1, min(_MOST_ROWS, self.list.topLevelItemCount()))
        row_px = self.list.sizeHintForRow(0) if self.list.topLevelItemCount() else 0
        self.list.setFixedHeight(rows * max(row_px, self.fontMetrics().height() + 8) + 2 * self.list.frameWidth())
        self.setFixedHeight(self.sizeHint().height())

    def _set_row(self, row: int) -> None:
        item = self.list.topLevelItem(row)
        if item is not None:
            self.list.setCurrentItem(item)

    def _do(self, item: QTreeWidgetItem) -> None:
        if item.flags() & Qt.ItemFlag.ItemIsEnabled:
            self.chosen = str(item.data(0, Qt.ItemDataRole.UserRole))
            self.accept()


def _title(spec: ActionSpec) -> str:
    """`Colours: By Track`, so that entries of submenus can be told apart."""
    group = spec.menu.rpartition("/")
    return f"{group[2]}: {spec.plain_text}" if group[0] else spec.plain_text
