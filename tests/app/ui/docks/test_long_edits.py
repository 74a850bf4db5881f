"""Edits of thousands of frames: the window goes on meanwhile, and they are made as a whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.project import edits
from app.project.document import Document
from app.project.records import Edit, Track, TrackChange
from app.ui import long_edit
from app.ui.over_canvas import LongEditCard
from app.ui.session import Session
from tests.app.ui.docks.small_project import facts

_N_FRAMES = 5000


@pytest.fixture(autouse=True)
def _shortest_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with nothing else to do makes 5000 changes at once."""
    monkeypatch.setattr(long_edit, "_SLICE_S", 0.0)


@pytest.fixture
def document(tmp_path: Path) -> Iterator[Document]:
    """5000 frames without anybody."""
    with Document.create(tmp_path / "long.dcpose", facts(_N_FRAMES)) as made:
        made.apply(Edit("Tracks", (TrackChange(None, Track(0, "Person 0", "#ffffff")),)))
        yield made


def _verify_all(session: Session) -> bool:
    document = session.document
    assert document is not None
    return session.submit_wide(edits.verifying(document, range(_N_FRAMES), True))


def _is_busy(session: Session) -> bool:
    return session.long_edit.is_busy


def _n_verified(document: Document) -> int:
    return sum(map(document.is_verified, range(_N_FRAMES)))


def test_a_long_edit_and_its_undo_let_the_window_go_on(session: Session, document: Document, qtbot: QtBot) -> None:
    parts: list[float] = []
    session.long_edit.progressed.connect(lambda: parts.append(session.long_edit.part))
    assert _verify_all(session)
    assert _is_busy(session)
    session.go_to(17)
    assert session.frame == 17
    qtbot.waitUntil(lambda: not _is_busy(session))
    assert _n_verified(document) == _N_FRAMES
    assert len(parts) > 1
    assert parts == sorted(parts)
    assert session.undo()
    assert _is_busy(session)
    qtbot.waitUntil(lambda: not _is_busy(session))
    assert _n_verified(document) == 0
    assert document.redo_label == "Mark verified"


def test_meanwhile_nothing_else_can_be_changed(
    session: Session, document: Document, told: list[str], qtbot: QtBot
) -> None:
    _verify_all(session)
    assert session.refusal
    assert not session.submit(edits.rename_track(document, 0, "walker"))
    assert not session.undo()
    assert told == ["Mark verified first: wait for it, or cancel it."] * 2
    qtbot.waitUntil(lambda: not _is_busy(session))
    assert session.can_edit
    assert session.submit(edits.rename_track(document, 0, "walker"))


def test_cancelling_takes_all_of_it_back(session: Session, document: Document, qtbot: QtBot) -> None:
    edit = session.long_edit
    edit.progressed.connect(lambda: edit.cancel() if edit.part > 0 else None)
    _verify_all(session)
    qtbot.waitUntil(lambda: not _is_busy(session))
    assert 0 < edit.part < 1
    assert _n_verified(document) == 0
    assert document.undo_label == "Tracks"


def test_another_document_ends_a_long_edit(session: Session, document: Document) -> None:
    _verify_all(session)
    session.set_document(None)
    assert not _is_busy(session)
    assert _n_verified(document) == 0
    document.apply(edits.set_verified(document, [3], True))  # it can be changed again


def test_a_card_tells_what_goes_on_and_stops_it(session: Session, qapp: QApplication, qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(600, 300)
    card = LongEditCard(session.long_edit, window)
    window.show()
    _verify_all(session)
    assert not card.isVisible()  # what is over in a moment needs no card
    card.show()
    assert card.text.text() == "Mark verified..."
    card.stop.click()
    assert not _is_busy(session)
    assert not card.isVisible()
