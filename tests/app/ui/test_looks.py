"""What is drawn, as eyes see it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication, QCheckBox, QRadioButton, QWidget
from pytestqt.qtbot import QtBot

from app.project import edits
from app.ui import theme
from app.ui.canvas.coordinates import ViewTransform
from app.ui.canvas.labels import text_colour_on
from app.ui.canvas.loupe import paint_loupe
from app.ui.canvas.picture import heatmap_picture
from app.ui.help_actions import show_palette
from app.ui.main_window import MainWindow
from app.ui.session import HeatmapOverlay
from app.ui.style import Style
from tests.app.ui.conftest import add, standing_person, wait_for_frame


def _pixels(image: QImage) -> NDArray[np.uint8]:
    image = image.convertToFormat(QImage.Format.Format_RGBA8888)
    shape = (image.height(), image.width(), 4)
    return np.frombuffer(image.constBits(), np.uint8).reshape(shape).copy()


@pytest.mark.parametrize(("brightness", "expected"), [(0.0, 60), (0.4, 162)])
def test_the_loupe_is_as_bright_as_the_picture(qapp: QApplication, brightness: float, expected: int) -> None:
    picture = QImage(400, 400, QImage.Format.Format_RGB32)
    painter = QPainter(picture)
    paint_loupe(
        painter,
        np.full((100, 100, 3), 60, np.uint8),
        np.array([50.0, 50.0]),
        brightness=brightness,
        contrast=1.0,
        mouse_px=np.array([100.0, 300.0]),
        scale=1.0,
        view_width_px=400,
        view_height_px=400,
    )
    painter.end()
    assert _pixels(picture)[180, 180, 0] == pytest.approx(expected, abs=1)


def test_a_heatmap_with_a_low_peak_is_seen_and_one_without_is_not(qapp: QApplication) -> None:
    matrix = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])

    def most_opaque(peak: float) -> int:
        values = np.zeros((20, 20))
        values[10, 10] = peak
        shown = heatmap_picture(HeatmapOverlay(values, matrix, 0), ViewTransform(), view_width_px=20, view_height_px=20)
        return int(_pixels(shown)[..., 3].max())

    assert most_opaque(0.3) > 200
    assert most_opaque(0.01) < 80


def test_trails_lead_to_where_joints_are(window: MainWindow, track: int, qtbot: QtBot) -> None:
    document = window.session.document
    assert document is not None
    for frame in range(1, 6):
        window.session.go_to(frame)
        wait_for_frame(qtbot, window, frame)
        edit = edits.add_person(document, frame, standing_person(60 + 6 * frame, 48), track_id=track)
        assert window.session.submit(edit)
    plain = _pixels(window.canvas.grab().toImage())
    window.session.set_view(trail_frames=5)
    with_trails = _pixels(window.canvas.grab().toImage())
    changed = np.argwhere((plain != with_trails).any(axis=2))
    first, last = (window.canvas.transform.to_canvas([60 + 6 * frame, 48]) for frame in (0, 5))
    assert changed[:, 1].min() < first[0]
    assert changed[:, 1].max() < last[0] + window.canvas.transform.scale * 30
    document.apply(edits.delete_person(document, 2, track))  # a gap ends the trail
    shorter = _pixels(window.canvas.grab().toImage())
    assert (shorter != plain).any(axis=2).sum() < (with_trails != plain).any(axis=2).sum()


@pytest.mark.parametrize("wish", ["light", "dark"])
@pytest.mark.parametrize("kind", [QCheckBox, QRadioButton])
def test_switches_that_are_off_have_an_edge(qapp: QApplication, wish: theme.Wish, kind: type[QWidget]) -> None:
    theme.apply(qapp, wish)
    switch = kind()
    style = Style()
    switch.setStyle(style)
    switch.setAutoFillBackground(True)
    switch.resize(24, 24)
    pixels = _pixels(switch.grab().toImage())[..., :3].astype(float) / 255
    light = np.where(pixels <= 0.04045, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
    assert (light.max() + 0.05) / (light.min() + 0.05) > 3
    switch.deleteLater()
    theme.apply(qapp, "light")


def test_the_palette_is_as_high_as_what_it_found(window: MainWindow, qapp: QApplication) -> None:
    palette = show_palette(window.table, window.pages)
    high = palette.height()
    palette.field.setText("pixel by pixel")
    assert palette.list.topLevelItemCount() == 1
    assert palette.height() < high / 2
    palette.field.setText("mark this frame as verified")  # not its name, what it does
    found = palette.list.topLevelItem(0)
    assert found is not None
    assert found.text(0) == "Frame Is Right, Next"
    palette.reject()


def test_the_last_edited_frames_are_found_one_after_the_other(window: MainWindow, qtbot: QtBot) -> None:
    go = window.table.action("frame.last_edited")
    go.trigger()
    assert window.messages.message is not None
    assert window.messages.message.text == "Nothing has been edited by hand yet."
    for frame in (7, 3, 3, 20):
        window.session.go_to(frame)
        wait_for_frame(qtbot, window, frame)
        add(window, standing_person(60, 48))
    window.session.go_to(50)
    seen = []
    for _ in range(4):
        go.trigger()
        seen.append(window.session.frame)
    assert seen == [20, 3, 7, 20]


@pytest.mark.parametrize(
    ("fill", "text"),
    [("#000000", "#ffffff"), ("#911eb4", "#ffffff"), ("#9610e0", "#ffffff"), ("#9a6324", "#ffffff"),
     ("#469990", "#000000"), ("#ffe119", "#000000"), ("#ffffff", "#000000")],
)  # fmt: skip
def test_the_name_of_a_person_stands_out_from_the_colour_of_its_track(fill: str, text: str) -> None:
    assert text_colour_on(QColor(fill)).name() == text
