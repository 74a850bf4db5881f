"""Words on the canvas: names of persons and joints, and what to do where there is nothing yet."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter

from app.project.records import JointSource, Layer, Person
from app.ui import theme
from app.ui.canvas.marks import joint_title
from app.ui.certainty import score_text
from app.ui.session import Session
from dcpose_core.types import Visibility

EMPTY_PROJECT = "No persons yet. Annotate with Ctrl+R, or press Insert and draw a box around a person."
_SOURCE_TEXT = {JointSource.MODEL: "model", JointSource.PROPAGATED: "propagated", JointSource.HUMAN: "by hand"}
_PADDING_PX = 5.0


def source_text(person: Person, joint: int, layer: Layer | None) -> str:
    """Who says where a joint is. layer: that the person is shown from; in predictions the model alone moves joints."""
    source = JointSource(int(person.sources[joint]))
    if source == JointSource.PROPAGATED and layer == Layer.PREDICTION:
        return "model, second look"
    return _SOURCE_TEXT[source]


def joint_text(person: Person, joint: int, layer: Layer | None) -> str:
    """`left wrist, occluded · model 0.83`: what there is to know about a joint; layer: as in `source_text`."""
    occluded = ", occluded" if person.visibility[joint] == Visibility.OCCLUDED else ""
    score = "" if person.sources[joint] == JointSource.HUMAN else f" {score_text(person.scores[joint])}"
    return f"{joint_title(joint)}{occluded} · {source_text(person, joint, layer)}{score}"


def selection_text(session: Session) -> str:
    """The selection in words, for screen readers."""
    document, track_id, person = session.document, session.selected_track, session.selected_person
    if document is None or track_id is None:
        return "Nobody selected"
    name = document.tracks()[track_id].name if track_id in document.tracks() else f"track {track_id}"
    if person is None:
        return f"{name}, not on this frame"
    joints = sorted(session.selected_joints)
    if not joints:
        return name
    if len(joints) > 1:
        return f"{name}, {len(joints)} joints"
    (joint,) = joints
    if person.visibility[joint] == Visibility.ABSENT:
        return f"{name}, {joint_title(joint)}, absent"
    x, y = person.keypoints[joint]
    layer = document.layer_of(session.frame, track_id)
    return f"{name}, {joint_text(person, joint, layer)}, at {x:.0f}, {y:.0f}"


def paint_tag(painter: QPainter, name: str, colour: str, *, x_px: float, y_px: float) -> None:
    """A person's name above the top-left corner of its box, on the colour of its track."""
    metrics = QFontMetricsF(painter.font())
    text = metrics.elidedText(name, Qt.TextElideMode.ElideRight, 160)
    height = metrics.height() + 2
    rect = QRectF(x_px, max(0.0, y_px - height - 3), metrics.horizontalAdvance(text) + 2 * _PADDING_PX, height)
    fill = QColor(colour)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(fill)
    painter.drawRoundedRect(rect, 3, 3)
    painter.setPen(text_colour_on(fill))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)


def text_colour_on(fill: QColor) -> QColor:
    """Black or white, whichever has the greater contrast (WCAG 2.2), which is always more than 4.5 : 1."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (fill.redF(), fill.greenF(), fill.blueF())
    )
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return QColor("#000000") if (luminance + 0.05) ** 2 > 0.05 * 1.05 else QColor("#ffffff")


def paint_joint_label(painter: QPainter, text: str, *, x_px: float, y_px: float) -> None:
    """What is known of a joint, beside it."""
    metrics = QFontMetricsF(painter.font())
    width, height = metrics.horizontalAdvance(text) + 2 * _PADDING_PX, metrics.height() + 4
    room = painter.viewport()
    x = x_px + 16 if x_px + 16 + width < room.width() else x_px - 16 - width
    y = y_px - height - 8 if y_px - height - 8 > 0 else y_px + 14
    rect = QRectF(x, y, width, height)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(20, 20, 22, 215))
    painter.drawRoundedRect(rect, 3, 3)
    painter.setPen(QColor("#f4f4f6"))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)


def paint_notice(painter: QPainter, view: QRect, text: str) -> None:
    """A sentence at the bottom of the canvas."""
    metrics = QFontMetricsF(painter.font())
    width = min(metrics.horizontalAdvance(text) + 32, view.width() - 32)
    bounds = metrics.boundingRect(QRectF(0, 0, width - 24, 400), Qt.TextFlag.TextWordWrap, text)
    height = bounds.height() + 16
    rect = QRectF((view.width() - width) / 2, view.height() - height - 16, width, height)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(20, 20, 22, 200))
    painter.drawRoundedRect(rect, 6, 6)
    painter.setPen(theme.colour("on_canvas"))
    painter.drawText(rect.adjusted(12, 8, -12, -8), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, text)
