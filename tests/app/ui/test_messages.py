"""Where messages are, and how much room they take."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QApplication, QWidget

from app.ui.main_window import MainWindow


def _place(widget: QWidget) -> QRect:
    return QRect(widget.mapTo(widget.window(), QPoint(0, 0)), widget.size())


def test_a_message_lies_below_the_picture_and_is_as_high_as_its_text(
    open_window: Callable[..., MainWindow], qapp: QApplication
) -> None:
    window = open_window()
    bar = window.messages
    window.session.tell("Copy saved: clip.dcpose", action="Undo")
    short = _place(bar)
    assert short.top() >= _place(window.status).top()
    assert short.height() < 2.5 * bar.fontMetrics().lineSpacing()
    window.session.tell("A long story. " * 40, kind="error", action="Do Something")
    long = _place(bar)
    assert long.bottom() == short.bottom()
    assert long.height() >= 3 * bar.fontMetrics().lineSpacing()  # it is wrapped, and all of it is seen
    assert bar._text.height() >= bar._text.heightForWidth(bar._text.width())
    window.full_canvas.set_on(True)
    qapp.processEvents()
    assert _place(window.pages).contains(_place(bar))
