"""What is there before a video is: open one, try the sample, or go on with what was open last."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.ui import theme


class StartPage(QWidget):
    """Emits what the user wants: `action_wanted(name)` as in the table of actions, or `path_wanted(Path)`."""

    action_wanted = Signal(str)
    path_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("startPage")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        title = QLabel("DCPose Annotator", self)
        title.setProperty("heading", True)
        text = QLabel("Open a video, let the model annotate it, correct what it got wrong, export.", self)
        text.setProperty("muted", True)
        self.open_button = self._button("Open Video...", "mdi6.folder-open-outline", "file.open", primary=True)
        self.folder_button = self._button("Open Image Folder...", "mdi6.image-multiple-outline", "file.open_folder")
        self.sample_button = self._button("Try the Sample", "mdi6.play-box-outline", "file.sample")
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.open_button, self.folder_button, self.sample_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        self._drop = QLabel("or drop a video, a folder of images or a project anywhere in this window", self)
        self._drop.setProperty("muted", True)
        self._recent_title = QLabel("Recent", self)
        self._recent_title.setStyleSheet("font-weight: 600")
        self.recent = QListWidget(self)
        self.recent.setAccessibleName("Recent projects")
        self.recent.setIconSize(QSize(20, 20))
        self.recent.itemActivated.connect(self._on_chosen)
        self.recent.itemClicked.connect(self._on_chosen)

        card = QFrame(self)
        card.setMaximumWidth(680)
        column = QVBoxLayout(card)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(8)
        column.addWidget(title)
        column.addWidget(text)
        column.addSpacing(16)
        column.addLayout(buttons)
        column.addWidget(self._drop)
        column.addSpacing(16)
        column.addWidget(self._recent_title)
        column.addWidget(self.recent, 1)
        column.addStretch(0)
        outer = QHBoxLayout(self)
        outer.addStretch(1)
        outer.addWidget(card, 4)
        outer.addStretch(1)
        outer.setContentsMargins(16, 40, 16, 24)
        self.set_recent([])

    def set_recent(self, paths: Sequence[Path]) -> None:
        """Show what was open last; what is not there any more is left out."""
        self.recent.clear()
        for path in paths:
            if path.exists():
                item = QListWidgetItem(f"{path.name}\n{path.parent}")
                item.setToolTip(str(path))
                item.setData(Qt.ItemDataRole.UserRole, str(path))
                item.setIcon(theme.icon("mdi6.filmstrip", role="muted"))
                self.recent.addItem(item)
        for widget in (self._recent_title, self.recent):
            widget.setVisible(self.recent.count() > 0)

    def refresh_theme(self) -> None:
        for row in range(self.recent.count()):
            self.recent.item(row).setIcon(theme.icon("mdi6.filmstrip", role="muted"))

    def _button(self, text: str, icon: str, action: str, *, primary: bool = False) -> QPushButton:
        button = QPushButton(text, self)
        button.setProperty("primary", primary)
        theme.set_icon(button, icon, "on_accent" if primary else "text")
        button.setIconSize(QSize(20, 20))
        button.setMinimumHeight(36)
        button.clicked.connect(lambda: self.action_wanted.emit(action))
        return button

    def _on_chosen(self, item: QListWidgetItem) -> None:
        self.path_wanted.emit(Path(item.data(Qt.ItemDataRole.UserRole)))
