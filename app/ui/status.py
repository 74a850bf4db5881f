"""The status bar: what the next click does, that all is saved, who is here, where the network runs, how far it is."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QStatusBar, QToolButton, QWidget

from app.jobs.bridge import JobFeed
from app.ui import theme
from app.ui.annotating import Annotating, RunProgress
from app.ui.session import Session
from dcpose_core.wording import counted


class JobProgress(QWidget):
    """Progress, rate and time to go of the run under way, with pause and cancel."""

    def __init__(self, annotating: Annotating, jobs: JobFeed, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._text = QLabel(self)
        self._text.setFont(theme.tabular(self.font()))
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(140)
        self.bar.setAccessibleName("Progress of annotating")
        self.pause = self._button("Pause")
        self.pause.clicked.connect(self._on_pause)
        self.cancel = self._button("Cancel: what is done stays")
        self.cancel.clicked.connect(annotating.cancel)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for widget in (self._text, self.bar, self.pause, self.cancel):
            row.addWidget(widget)
        annotating.progressed.connect(self._on_progressed)
        theme.set_icon(self.pause, "mdi6.pause")
        theme.set_icon(self.cancel, "mdi6.close")
        self.hide()

    def _button(self, text: str) -> QToolButton:
        button = QToolButton(self)
        button.setAutoRaise(True)
        button.setToolTip(text)
        button.setAccessibleName(text)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    @Slot(object)
    def _on_progressed(self, progress: RunProgress | None) -> None:
        self.setVisible(progress is not None)
        if progress is None:
            if self._jobs.paused:
                self._on_pause()
            return
        self._text.setText(progress_text(progress, paused=self._jobs.paused))
        self.setToolTip(progress.message)
        self.bar.setRange(0, progress.total)  # 0 to 0 is a bar that only says "busy"
        self.bar.setValue(progress.done)

    def _on_pause(self) -> None:
        self._jobs.set_paused(not self._jobs.paused)
        self.pause.setToolTip("Go on" if self._jobs.paused else "Pause")
        self.pause.setAccessibleName(self.pause.toolTip())
        theme.set_icon(self.pause, "mdi6.play" if self._jobs.paused else "mdi6.pause")


def progress_text(progress: RunProgress, *, paused: bool = False) -> str:
    """`annotating 1210/4500 · 41.0 fps · 1:20 left`."""
    if progress.total == 0:
        return f"{progress.title}..."
    parts = [f"{progress.done}/{progress.total} frames"]
    if paused:
        parts.append("paused")
    elif progress.rate is not None and progress.eta_s is not None:
        parts += [f"{progress.rate:.1f} fps", f"{duration_text(progress.eta_s)} left"]
    elif progress.message:
        parts.append(progress.message)
    return " · ".join(parts)


def duration_text(seconds: float) -> str:
    """`1:20`, or `2:03:07` from an hour on."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


class StatusBar(QStatusBar):
    """See the module."""

    def __init__(self, session: Session, annotating: Annotating, jobs: JobFeed, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self._session = session
        self.hint = QLabel(self)
        self.hint.setAccessibleName("What the next click does")
        self.hint.setTextFormat(Qt.TextFormat.PlainText)
        self.hint.setMinimumWidth(40)
        self.hint.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.saved = self._fact("Whether everything is saved")
        self.persons = self._fact("Persons on this frame")
        self.device = self._fact("Where the model runs")
        self.progress = JobProgress(annotating, jobs, self)
        self.addWidget(self.hint, 1)
        for widget in (self.progress, self.persons, self.saved, self.device):
            self.addPermanentWidget(widget)
        session.document_changed.connect(self._refresh)
        session.frames_changed.connect(self._refresh)
        session.frame_changed.connect(self._refresh)
        session.mode_changed.connect(self._on_mode_changed)
        annotating.device_changed.connect(self._on_device_changed)
        self._refresh()

    def _fact(self, name: str) -> QLabel:
        label = QLabel(self)
        label.setProperty("muted", True)
        label.setAccessibleName(name)
        label.setFont(theme.tabular(self.font()))
        return label

    @Slot()
    def _refresh(self) -> None:
        document = self._session.document
        for label in (self.saved, self.persons):
            label.setVisible(document is not None)
        if document is None:
            self.hint.clear()
            return
        self.saved.setText("Read-only" if document.read_only else "Saved")
        self.saved.setToolTip(
            f"{document.path}\nOpen for reading only"
            if document.read_only
            else f"{document.path}\nEvery edit is in the file when you see it"
        )
        count = len(document.persons(self._session.frame))
        self.persons.setText(counted(count, "person"))

    @Slot()
    def _on_mode_changed(self) -> None:
        self.hint.setText(self._session.hint)
        self.hint.setToolTip(self._session.hint)

    @Slot(str)
    def _on_device_changed(self, device: str) -> None:
        kind = "CPU" if device == "CPU" else "GPU"
        self.device.setText(device if kind == "CPU" else f"GPU {device}")
        self.device.setToolTip(f"The model runs on {device}")
