"""A session with a small project open, and a check that nothing of Qt complains."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QWidget

from app.project.document import Document
from app.ui import theme
from app.ui.messages import Message
from app.ui.session import Session
from tests.app.ui.docks.small_project import small_project


@pytest.fixture(autouse=True)
def _light_theme(qapp: QApplication) -> None:
    theme.apply(qapp, "light")


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every commit of a project waits for the disk: one is made, and each test gets a copy."""
    path = tmp_path_factory.mktemp("template") / "walk.dcpose"
    small_project(path).close()
    return path


@pytest.fixture
def document(tmp_path: Path, _template: Path) -> Iterator[Document]:
    path = tmp_path / "walk.dcpose"
    shutil.copy(_template, path)
    with Document.open(path) as opened:
        yield opened


@pytest.fixture
def session(qapp: QApplication, document: Document) -> Iterator[Session]:
    made = Session()
    made.set_document(document)
    yield made
    made.set_document(None)


@pytest.fixture
def told(session: Session) -> list[str]:
    """What the message bar was given to say."""
    texts: list[str] = []

    def note(message: Message) -> None:
        texts.append(message.text)

    session.message_told.connect(note)
    return texts


@pytest.fixture
def show(qapp: QApplication) -> Iterator[Callable[[QWidget, int, int], None]]:
    """Puts a widget on the (offscreen) screen in a size, and takes it away after the test."""
    shown: list[QWidget] = []

    def put(widget: QWidget, width_px: int, height_px: int) -> None:
        widget.resize(width_px, height_px)
        widget.show()
        qapp.processEvents()
        shown.append(widget)

    yield put
    for widget in shown:
        widget.close()
        widget.deleteLater()
    qapp.processEvents()
