"""Preferences: theme, scale of the interface, how skeletons are drawn and frames are counted."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QLabel,
    QSpinBox,
    QWidget,
)

from app.ui.dialogs.shape import dialog_column, form_layout
from app.ui.session import Session
from app.ui.settings import SCALES, Settings

_WIDTH_PX = 360
_THEMES = (("system", "As the system"), ("light", "Light"), ("dark", "Dark"))


class PreferencesDialog(QDialog):
    """Changes are in force at once; the scale from the next start."""

    theme_chosen = Signal(str)

    def __init__(self, session: Session, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Preferences")
        self.setMinimumWidth(_WIDTH_PX)  # so that the title has room
        self._settings = settings
        self.theme = QComboBox(self)
        for name, title in _THEMES:
            self.theme.addItem(title, name)
        self.theme.setCurrentIndex(self.theme.findData(settings.theme))
        self.theme.currentIndexChanged.connect(lambda: self.theme_chosen.emit(self.theme.currentData()))
        self.scale = QComboBox(self)
        for scale in SCALES:
            self.scale.addItem(f"{100 * scale:.0f} %", scale)
        self.scale.setCurrentIndex(max(0, self.scale.findData(settings.scale)))
        self.scale.currentIndexChanged.connect(self._on_scale)
        self.line = QDoubleSpinBox(self)
        self.line.setRange(1.0, 8.0)
        self.line.setSingleStep(0.5)
        self.line.setSuffix(" px")
        self.line.setValue(session.view.line_px)
        self.line.valueChanged.connect(lambda value: session.set_view(line_px=value))
        self.score = QDoubleSpinBox(self)
        self.score.setRange(0.0, 1.0)
        self.score.setSingleStep(0.05)
        self.score.setValue(session.view.min_score)
        self.score.setToolTip("Joints of the model that are less certain are not drawn")
        self.score.valueChanged.connect(lambda value: session.set_view(min_score=value))
        self.step = QSpinBox(self)
        self.step.setRange(2, 10_000)
        self.step.setSuffix(" frames")
        self.step.setValue(session.view.step_frames)
        self.step.setToolTip("How far Several Frames Forward and Back go")
        self.step.valueChanged.connect(lambda value: session.set_view(step_frames=value))
        self.counts_from_one = QCheckBox("Show the place counted from 1, too", self)
        self.counts_from_one.setChecked(session.view.counts_from_one)
        self.counts_from_one.setToolTip("Beside the frame's number, which counts from 0 here as it does in files")
        self.counts_from_one.toggled.connect(lambda value: session.set_view(counts_from_one=value))
        self._note = QLabel("", self)
        self._note.setProperty("muted", True)
        self._note.hide()
        form = form_layout()
        form.addRow("Theme", self.theme)
        form.addRow("Scale of the interface", self.scale)
        form.addRow("Width of limbs", self.line)
        form.addRow("Least score drawn", self.score)
        form.addRow("Step of several", self.step)
        form.addRow("Frame", self.counts_from_one)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        column = dialog_column(self)
        column.addLayout(form)
        column.addWidget(self._note)
        column.addWidget(buttons)

    def _on_scale(self) -> None:
        self._settings.scale = float(self.scale.currentData())
        self._note.setText("The scale is in force when the window is opened again.")
        self._note.show()
