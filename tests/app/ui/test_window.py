"""The window as a whole, through `main` and the function it opens windows with."""

from __future__ import annotations

import errno
import shutil
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.__main__ import main
from app.project.prediction_run import PredictionRun
from app.ui import theme
from app.ui.canvas.coordinates import ViewTransform
from app.ui.dialogs.examine_dialog import ExamineDialog
from app.ui.main_window import MainWindow
from app.ui.run_choice import RunChoice, remember_run, take_unfinished_run
from dcpose_core.benchmarks import sample_clip
from dcpose_core.types import FramePoses
from tests.app.ui.conftest import Mouse, add, press_key, shown, standing_person, wait_for_frame
from tests.videos import VIDEO_KINDS, read_number, write_numbered_video

_CTRL = Qt.KeyboardModifier.ControlModifier


def test_main_opens_a_video_shows_it_and_ends_with_the_window(video: Path, qapp: QApplication) -> None:
    seen: list[int] = []

    def look() -> None:
        window = next(one for one in qapp.topLevelWidgets() if isinstance(one, MainWindow) and one.isVisible())
        if window.session.shown_frame is None:
            QTimer.singleShot(20, look)
            return
        seen.append(window.session.shown_frame)
        window.close()

    QTimer.singleShot(0, look)
    assert main([str(video)]) == 0
    assert seen == [0]
    assert video.with_name("clip.mp4.dcpose").is_file()


def test_without_a_video_the_start_page_offers_the_sample(open_window: Callable[..., MainWindow], qtbot: QtBot) -> None:
    window = open_window()
    assert window.pages.currentWidget() is window.start_page
    window.start_page.sample_button.click()
    wait_for_frame(qtbot, window, 0)
    assert window.session.n_frames == 180
    assert window.pages.currentWidget() is window.canvas


def test_what_is_on_the_screen_is_the_frame_that_was_asked_for(window: MainWindow, qtbot: QtBot) -> None:
    for frame in (5, 60, 59, 58, 95, 0):
        window.session.go_to(frame)
        wait_for_frame(qtbot, window, frame)
        image = window.feed.cached(frame)
        assert image is not None
        assert read_number(image) == frame


def test_zoom_and_pan_survive_a_change_of_frame(window: MainWindow, mouse: Mouse, qtbot: QtBot) -> None:
    mouse.wheel([30, 40], 5)
    mouse.drag([100, 20], [90, 30])
    seen = window.canvas.transform
    press_key(window, Qt.Key.Key_Right)
    wait_for_frame(qtbot, window, 1)
    assert window.canvas.transform == seen
    press_key(window, Qt.Key.Key_F, _CTRL)
    assert window.canvas.transform != seen


def test_the_wheel_zooms_at_the_cursor(window: MainWindow, mouse: Mouse) -> None:
    before = mouse.at([30, 40])
    mouse.wheel([30, 40], 3)
    after = mouse.at([30, 40])
    assert (after.x(), after.y()) == pytest.approx((before.x(), before.y()))
    assert window.canvas.transform.scale > 1


def test_one_tap_is_one_frame_and_a_held_key_goes_on(window: MainWindow, qtbot: QtBot) -> None:
    press_key(window, Qt.Key.Key_Right)
    QTest.qWait(600)
    assert window.session.frame == 1
    window.canvas.setFocus()
    QTest.keyPress(window.canvas, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: window.session.frame >= 4, timeout=5000)
    QTest.keyRelease(window.canvas, Qt.Key.Key_Right)
    stopped = window.session.frame
    QTest.qWait(300)
    assert window.session.frame == stopped


def test_work_is_there_again_after_closing_and_opening(
    window: MainWindow, track: int, video: Path, open_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    before = shown(window, track)
    window.close()
    again = open_window(video)
    wait_for_frame(qtbot, again, 0)
    assert shown(again, track) == before
    assert again.session.undo()
    assert again.session.document is not None
    assert not again.session.document.persons(0)


def test_a_run_that_was_cut_off_is_told_once_and_goes_on_where_it_ended(
    window: MainWindow,
    video: Path,
    open_window: Callable[..., MainWindow],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = window.session.document
    assert document is not None
    choice = RunChoice(model="thunder", device="cpu", first=4, last=80, tracks=frozenset({3}))
    run = PredictionRun(document, "Annotate 77 frames")
    remember_run(window.settings, document, choice, step=run.step)
    run.take([FramePoses(index) for index in range(4, 31)])
    window.close()  # as a crash does, it ends nobody's run

    again = open_window(video)
    begun: list[RunChoice] = []
    monkeypatch.setattr(again.annotating, "start", begun.append)  # it would load the networks
    monkeypatch.setattr(again.annotating, "when_loaded", lambda do: do())
    wait_for_frame(qtbot, again, 0)
    message = again.messages.message
    assert message is not None
    assert message.text == "Annotating frames 4 to 80 was cut off after frame 30: what was done is kept."
    _accept_offer(qtbot, again, "Go On")
    assert begun == [replace(choice, first=21)]  # with some that are done, so that everybody stays who he is
    again.close()
    third = open_window(video)
    wait_for_frame(qtbot, third, 0)
    assert third.messages.message is None


def test_nothing_is_told_of_a_run_that_ended_or_was_undone(window: MainWindow) -> None:
    document, settings = window.session.document, window.settings
    assert document is not None
    choice = RunChoice(model="thunder", device="cpu", first=0, last=10)
    run = PredictionRun(document, "Annotate 11 frames")
    run.take([FramePoses(index) for index in range(11)])
    run.close()
    remember_run(settings, document, choice, step=run.step)
    assert take_unfinished_run(settings, document) is None
    remember_run(settings, document, replace(choice, last=12), step=run.step)
    document.undo()
    assert take_unfinished_run(settings, document) is None
    remember_run(settings, document, choice, step=run.step + 1)
    nothing_done = take_unfinished_run(settings, document)
    assert nothing_done is not None
    assert nothing_done.rest() == choice


def test_the_window_says_what_works_on_this_machine(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def examine(video: Path | None) -> list[SimpleNamespace]:  # the real one loads every model
        assert video is not None
        return [
            SimpleNamespace(what="torch on cpu", ok=True, detail="works"),
            SimpleNamespace(what="video", ok=False, detail=f"{video.name} cannot be read"),
            SimpleNamespace(what="torch on cuda", ok=None, detail="no CUDA device found"),
        ]

    monkeypatch.setitem(sys.modules, "dcpose_core.doctor", SimpleNamespace(examine=examine))
    window.table.action("help.examine").trigger()
    dialog = next(one for one in window.findChildren(ExamineDialog))
    qtbot.waitUntil(lambda: dialog.state.text() == "1 thing does not work: marked with ✕.", timeout=60_000)
    assert dialog.report.toPlainText().splitlines() == [
        "✓  torch on cpu: works",
        "✕  video: clip.mp4 cannot be read",
        "·  torch on cuda: no CUDA device found",
    ]


def test_a_second_window_on_a_project_is_offered_for_reading_only(
    window: MainWindow, video: Path, open_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    second = open_window(video)
    qtbot.waitUntil(lambda: second.messages.message is not None, timeout=20_000)
    message = second.messages.message
    assert message is not None
    assert message.action == "Open Read-Only"
    assert message.handler is not None
    message.handler()
    wait_for_frame(qtbot, second, 0)
    assert not second.session.can_edit
    assert second.status.saved.text() == "Read-only"


def test_a_project_in_a_folder_that_cannot_be_written_is_offered_for_reading_only(
    window: MainWindow,
    video: Path,
    open_window: Callable[..., MainWindow],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window.close()

    def refuse(_lock: object) -> None:  # the superuser of a test machine may write everywhere
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    for path in (video, video.with_name("clip.mp4.dcpose")):
        again = open_window(path)
        _accept_offer(qtbot, again, "Open Read-Only")
        wait_for_frame(qtbot, again, 0)
        assert again.status.saved.text() == "Read-only"
        again.close()


def test_a_file_that_is_no_video_is_one_message_and_leaves_the_window_as_it_was(
    window: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    wrong = tmp_path / "notes.mp4"
    wrong.write_text("these are notes")
    document = window.session.document
    window.opener.open(wrong)
    qtbot.waitUntil(lambda: window.messages.message is not None, timeout=20_000)
    assert window.messages.message is not None
    assert "notes.mp4" in window.messages.message.text
    assert window.session.document is document


def test_a_video_that_was_cut_off_is_opened_and_the_missing_frames_are_told(
    open_window: Callable[..., MainWindow], tmp_path: Path, qtbot: QtBot
) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(sample_clip().read_bytes()[:300_000])
    window = open_window(cut)
    wait_for_frame(qtbot, window, 0)
    assert window.messages.message is not None
    assert window.messages.message.kind == "warning"
    assert window.messages.message.text.startswith("cut.mp4: the file ends early: about ")


def test_a_project_whose_video_is_gone_asks_for_it_and_takes_no_other(
    window: MainWindow, video: Path, tmp_path: Path, open_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    window.close()
    video.rename(tmp_path / "moved.mp4")
    other = write_numbered_video(tmp_path / "other.mp4", VIDEO_KINDS["H.264, mp4"], count=12)
    choices = [other, tmp_path / "moved.mp4"]
    again = open_window()
    again.opener.ask_for_video = lambda _text, _folder: choices.pop(0)
    again.opener.open(video.with_name("clip.mp4.dcpose"))
    message = again.messages.message
    assert message is not None
    assert message.action == "Find Video..."
    assert message.handler is not None
    message.handler()
    qtbot.waitUntil(lambda: again.messages.message is not message, timeout=20_000)
    message = again.messages.message
    assert message is not None
    assert "content differs" in message.text
    assert message.handler is not None
    message.handler()
    wait_for_frame(qtbot, again, 0)
    again.close()
    found = open_window(video.with_name("clip.mp4.dcpose"))
    wait_for_frame(qtbot, found, 0)  # without asking once more


def test_the_video_of_a_project_for_reading_only_is_asked_for_once(
    window: MainWindow, video: Path, tmp_path: Path, open_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    moved = tmp_path / "elsewhere" / "moved.mp4"
    moved.parent.mkdir()
    shutil.copy(video, moved)
    document = window.session.document
    assert document is not None
    project = document.path
    video.unlink()
    for n_questions in (1, 0):
        reader = open_window()
        reader.opener.ask_for_video = lambda _text, _folder: moved
        reader.opener.open(project)  # the first window has it: for reading only
        for wanted in ["Open Read-Only", *["Find Video..."] * n_questions]:
            _accept_offer(qtbot, reader, wanted)
        wait_for_frame(qtbot, reader, 0)
        assert not reader.session.can_edit
        reader.close()


def _accept_offer(qtbot: QtBot, window: MainWindow, action: str) -> None:
    """Press the button of the message bar once it says `action`."""

    def is_offered() -> bool:
        return window.messages.message is not None and window.messages.message.action == action

    qtbot.waitUntil(is_offered, timeout=20_000)
    assert window.messages.message is not None
    assert window.messages.message.handler is not None
    window.messages.message.handler()


def test_the_video_gets_at_least_half_of_a_small_window(window: MainWindow, qapp: QApplication) -> None:
    window.resize(1280, 720)
    qapp.processEvents()
    assert window.canvas.width() * window.canvas.height() >= 0.5 * 1280 * 720


def test_only_the_picture_and_back(window: MainWindow, qapp: QApplication) -> None:
    press_key(window, Qt.Key.Key_F11)
    qapp.processEvents()
    assert not window.toolbar.isVisible()
    assert not window.docks["timeline"].isVisible()
    press_key(window, Qt.Key.Key_F11)
    qapp.processEvents()
    assert window.toolbar.isVisible()
    assert window.docks["timeline"].isVisible()


def test_the_theme_is_kept_for_the_next_time(open_window: Callable[..., MainWindow]) -> None:
    window = open_window()
    window.set_theme("dark")
    assert theme.scheme() == "dark"
    window.close()
    again = open_window()
    assert theme.scheme() == "dark"
    again.set_theme("light")


def test_view_settings_are_kept_for_the_next_time(window: MainWindow, open_window: Callable[..., MainWindow]) -> None:
    window.session.set_view(colour_mode="track", trail_frames=15, show_names=True, line_px=4.0)
    window.close()
    view = open_window().session.view
    assert (view.colour_mode, view.trail_frames, view.show_names, view.line_px) == ("track", 15, True, 4.0)


def test_the_palette_finds_and_does_a_command(window: MainWindow, qapp: QApplication) -> None:
    add(window, standing_person(60, 48))
    window.table.action("help.palette").trigger()
    palette = next(one for one in qapp.topLevelWidgets() if one.objectName() == "palette")
    QTest.keyClicks(palette.focusWidget() or palette, "nxtfr")
    QTest.keyClick(palette.focusWidget() or palette, Qt.Key.Key_Return)
    assert window.session.frame == 1


def test_every_pixel_colour_mode_and_overlay_can_be_painted(window: MainWindow, track: int, qtbot: QtBot) -> None:
    window.session.select(track, {3, 9})
    window.session.set_view(show_names=True, show_boxes=True, show_previous=True, trail_frames=5, brightness=0.2)
    pictures = []
    for mode in ("side", "track", "confidence", "colour_blind"):
        window.session.set_view(colour_mode=mode)
        pictures.append(window.canvas.grab().toImage())
    assert all(pictures[0] != other for other in pictures[1:])


def test_an_unknown_error_is_one_dialog_with_a_report_and_the_window_stays(
    open_window: Callable[..., MainWindow], qtbot: QtBot, capfd: pytest.CaptureFixture[str]
) -> None:
    window = open_window()

    def report() -> None:
        error = LookupError("a bug of the test")
        sys.excepthook(LookupError, error, None)

    report()
    thread = threading.Thread(target=report)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: window.crash.dialog is not None)
    dialog = window.crash.dialog
    assert dialog is not None
    assert "LookupError: a bug of the test" in dialog.report.toPlainText()
    assert "PySide6" in dialog.report.toPlainText()
    QTest.qWait(50)
    assert window.crash.dialog is dialog
    dialog.accept()
    assert window.isVisible()
    assert "a bug of the test" in capfd.readouterr().err


def test_every_control_has_a_name_for_screen_readers(window: MainWindow) -> None:
    from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit

    nameless = [
        widget
        for kind in (QAbstractButton, QComboBox, QLineEdit)
        for widget in window.findChildren(kind)
        if widget.isVisible()
        and not widget.accessibleName()
        and not getattr(widget, "text", str)()
        and not widget.toolTip()
        and not widget.objectName().startswith("qt_")
        and type(widget).__module__.startswith("app.")
    ]
    assert not nameless


def test_a_pixels_centre_lies_half_a_pixel_inside_its_square() -> None:
    view = ViewTransform(scale=10, left_px=100, top_px=50)
    assert view.to_canvas([0, 0]) == pytest.approx([105, 55])
    assert view.to_image([105, 55]) == pytest.approx([0, 0])


def test_without_a_display_there_is_one_line_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert main([]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no display" in line
    assert "dcpose annotate" in line
