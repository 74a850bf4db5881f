"""Bugs: one dialog with a report that can be copied, wherever the error came from; the window stays up if it can."""

from __future__ import annotations

import platform
import re
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from types import TracebackType

import numpy as np
import PySide6
from PySide6.QtCore import QMessageLogContext, QObject, QtMsgType, Signal, Slot, qInstallMessageHandler, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from app.project.errors import DamagedProjectError
from app.ui import theme

_KEPT_MESSAGES = 30
#: PySide puts it before the text of what a method that Qt calls raises.
_PYSIDE_NOTE = re.compile(r"^Error calling Python override of \S+: ")


class CrashReporter(QObject):
    """Takes `sys.excepthook`, `threading.excepthook` and Qt's messages, from `install` to `uninstall`."""

    #: A part of the project could not be read: no bug, and there may be a backup.
    damage_found = Signal(str)
    _caught = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.window: QWidget | None = None
        self._dialog: CrashDialog | None = None
        self._messages: deque[str] = deque(maxlen=_KEPT_MESSAGES)
        self._before: tuple[Callable[..., object], Callable[..., object]] | None = None
        self._before_qt: Callable[[QtMsgType, QMessageLogContext, str], object] | None = None
        self._caught.connect(self.show_report)

    def install(self) -> None:
        self._before = (sys.excepthook, threading.excepthook)
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception
        self._before_qt = qInstallMessageHandler(self._on_qt_message)

    def uninstall(self) -> None:
        if self._before is not None:
            sys.excepthook, threading.excepthook = self._before
            qInstallMessageHandler(self._before_qt)
            self._before = None

    @Slot(str, str)
    def show_report(self, summary: str, details: str) -> None:
        """Show the dialog; what comes while it is open is added to it."""
        if self._dialog is not None:
            self._dialog.add(details)
            return
        self._dialog = CrashDialog(summary, f"{environment()}\n{self._qt_messages()}\n{details}", self.window)
        self._dialog.finished.connect(self._on_closed)
        self._dialog.open()

    @property
    def dialog(self) -> CrashDialog | None:
        """The dialog that is open."""
        return self._dialog

    @Slot()
    def _on_closed(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
            self._dialog = None

    def _qt_messages(self) -> str:
        return "\n".join(["Qt said:", *self._messages]) if self._messages else ""

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QGuiApplication.quit()
            return
        self._report(kind, error, trace)

    def _on_thread_exception(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None and arguments.exc_type is not SystemExit:
            self._report(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)

    def _report(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, DamagedProjectError):
            self.damage_found.emit(_PYSIDE_NOTE.sub("", str(error)))
            return
        text = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(text)
        self._caught.emit(f"{kind.__name__}: {error}", text)

    def _on_qt_message(self, kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
        line = f"{kind.name}: {message}"
        self._messages.append(line)
        sys.stderr.write(f"{line}\n")
        if kind in (QtMsgType.QtCriticalMsg, QtMsgType.QtFatalMsg):
            self._caught.emit("Qt reports an error", f"{line}\n{context.file}:{context.line} {context.function}")


def environment() -> str:
    """What a reader of the report needs to know of the machine."""
    from importlib.metadata import version

    torch = sys.modules.get("torch")
    return "\n".join(
        [
            f"DCPose Annotator {version('dcpose-annotator')}",
            f"{platform.platform()}, Python {platform.python_version()}",
            f"Qt {qVersion()}, PySide6 {PySide6.__version__}, platform {QGuiApplication.platformName()}",
            f"numpy {np.__version__}, torch {getattr(torch, '__version__', 'not loaded')}",
        ]
    )


class CrashDialog(QDialog):
    """Says what happened, that the work is safe, and lets the report be copied."""

    def __init__(self, summary: str, report: str, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Something Went Wrong")
        self.resize(640, 420)
        title = QLabel("Something went wrong that should not have", self)
        title.setProperty("heading", True)
        text = QLabel(
            f"{summary[:300]}\n\nYour edits are on disk: each one is saved when you see it. You can go on; if the "
            "window behaves oddly, close it and open the project again. The report says what happened.",
            self,
        )
        text.setWordWrap(True)
        self.report = QPlainTextEdit(report, self)
        self.report.setReadOnly(True)
        self.report.setAccessibleName("Report")
        buttons = QDialogButtonBox(self)
        copy = buttons.addButton("Copy Report", QDialogButtonBox.ButtonRole.ActionRole)
        copy.setIcon(theme.icon("mdi6.content-copy"))
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.report.toPlainText()))
        close = buttons.addButton("Go On", QDialogButtonBox.ButtonRole.AcceptRole)
        theme.make_primary(close)
        buttons.accepted.connect(self.accept)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        for widget in (title, text, self.report, buttons):
            column.addWidget(widget)

    def add(self, details: str) -> None:
        """Another error came meanwhile."""
        if len(self.report.toPlainText()) < 200_000:
            self.report.appendPlainText(f"\n{details}")
