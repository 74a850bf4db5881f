"""Skeletons of all persons in one go: all limbs of one pen by one call, joints as small images drawn before.

The limbs of an occluded joint are dashed, those of a ghost dotted; see `joint_marks` for the joints.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QLineF, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from app.project.records import JointSource, Person
from app.ui.canvas.coordinates import ViewTransform
from app.ui.canvas.joint_marks import MARK_PX, joint_mark
from app.ui.canvas.marks import LIMB_SIDES, LIMBS, SIDES, anchored, shown_joints
from app.ui.session import ColourMode, ViewSettings
from dcpose_core.types import FloatArray, Visibility

_SIDE_COLOURS = ("#00ff00", "#ff8000", "#3399ff")  # left, right, centre, as mmpose and rtmlib draw them
_COLOUR_BLIND = ("#009e73", "#e69f00", "#56b4e9")  # Okabe and Ito
_CONFIDENCE_STEPS = 20
_LIMB_LIST = LIMBS.tolist()
_SHADOW = "#1c1c1e"  # opaque: translucent lines cost six times as much
_BY_SIDE: dict[ColourMode, tuple[str, str, str]] = {"side": _SIDE_COLOURS, "colour_blind": _COLOUR_BLIND}
_JOINT_COLOURS = {mode: [colours[side] for side in SIDES] for mode, colours in _BY_SIDE.items()}
_LIMB_COLOURS = {mode: [colours[side] for side in LIMB_SIDES] for mode, colours in _BY_SIDE.items()}


class Drawn(NamedTuple):
    """A person to draw. colour: of its track. joints: the selected ones."""

    person: Person
    colour: str
    selected: bool = False
    joints: frozenset[int] = frozenset()
    ghost: bool = False


def joint_colours(person: Person, mode: ColourMode, track_colour: str) -> Sequence[str]:
    """`#rrggbb` of every joint."""
    if mode == "confidence":
        return [confidence_colour(score) for score in _certainty(person).tolist()]
    return _JOINT_COLOURS[mode] if mode in _JOINT_COLOURS else [track_colour] * len(SIDES)


def limb_colours(person: Person, mode: ColourMode, track_colour: str) -> Sequence[str]:
    """`#rrggbb` of every limb; by confidence, that of its less certain end."""
    if mode == "confidence":
        return [confidence_colour(score) for score in _certainty(person)[LIMBS].min(axis=1).tolist()]
    return _LIMB_COLOURS[mode] if mode in _LIMB_COLOURS else [track_colour] * len(LIMBS)


def _certainty(person: Person) -> FloatArray:
    return np.where(person.sources == JointSource.HUMAN, 1.0, person.scores)


def confidence_colour(score: float) -> str:
    """From red (0) over yellow to green (1), in steps so that pens are few."""
    step = round(min(max(score, 0.0), 1.0) * _CONFIDENCE_STEPS) / _CONFIDENCE_STEPS
    return QColor.fromHsvF(step / 3, 0.95, 1.0).name()


#: How a limb is drawn: plain, dashed (one of its joints is occluded), dotted (of a ghost).
_PLAIN, _DASHED, _DOTTED = range(3)
_PEN_STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
_PEN_WIDTHS = (1.0, 0.8, 0.6)


@dataclass(slots=True)
class _Batch:
    """Lines by pen and joints as small images, in the order in which they lie over each other. Plain keys, since this
    is filled for every limb of every person."""

    width_px: float
    shadows: list[QLineF] = field(default_factory=list)
    limbs: dict[tuple[str, int], list[QLineF]] = field(default_factory=dict)
    marks: list[tuple[QPointF, QImage]] = field(default_factory=list)

    def paint(self, painter: QPainter) -> None:
        painter.setPen(_pen(_SHADOW, self.width_px + 2, _PLAIN))
        painter.drawLines(self.shadows)
        for (colour, style), lines in self.limbs.items():
            painter.setPen(_pen(colour, self.width_px * _PEN_WIDTHS[style], style))
            painter.drawLines(lines)
        offset = QPointF(MARK_PX / 2, MARK_PX / 2)
        for point, mark in self.marks:
            painter.drawImage(point - offset, mark)


def _pen(colour: str, width_px: float, style: int) -> QPen:
    # Flat caps: round ones cost five to ten times as much, and the joints cover the ends.
    return QPen(QColor(colour), max(1.0, width_px), _PEN_STYLES[style], Qt.PenCapStyle.FlatCap)


def paint_persons(
    painter: QPainter,
    drawn: Iterable[Drawn],
    transform: ViewTransform,
    *,
    view: ViewSettings,
    image_width_px: int,
    image_height_px: int,
    pixel_ratio: float = 1.0,
) -> None:
    """Draw all persons; the selected one on top. pixel_ratio: device pixels per canvas pixel."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    ordered = sorted(drawn, key=lambda one: (not one.ghost, one.selected))
    # The selected person lies over the others, limbs included: a batch of its own.
    for group in ([one for one in ordered if not one.selected], [one for one in ordered if one.selected]):
        batch = _Batch(view.line_px * (1.4 if group and group[0].selected else 1.0))
        for one in group:
            _add(batch, one, transform, view, image_width_px, image_height_px, pixel_ratio)
        batch.paint(painter)


def _add(
    batch: _Batch,
    one: Drawn,
    transform: ViewTransform,
    view: ViewSettings,
    image_width_px: int,
    image_height_px: int,
    pixel_ratio: float,
) -> None:
    person = one.person
    held, is_outside = anchored(person.keypoints, width_px=image_width_px, height_px=image_height_px)
    points = [QPointF(x, y) for x, y in transform.to_canvas(held).tolist()]
    # Lists, since single elements of numpy arrays are slow to get at.
    shown = shown_joints(person, 0.0 if one.ghost else view.min_score).tolist()
    outside = is_outside.tolist()
    hidden = (person.visibility == Visibility.OCCLUDED).tolist()
    sources = person.sources.tolist()

    colours = limb_colours(person, view.colour_mode, one.colour)
    for limb, (start, end) in enumerate(_LIMB_LIST):
        if not (shown[start] and shown[end]) or (outside[start] and outside[end]):
            continue
        line = QLineF(points[start], points[end])
        colour, style = colours[limb], _PLAIN
        if one.ghost:
            colour, style = f"#a0{colour.removeprefix('#')}", _DOTTED
        elif hidden[start] or hidden[end]:
            style = _DASHED
        else:
            batch.shadows.append(line)
        lines = batch.limbs.get((colour, style))
        if lines is None:
            lines = batch.limbs[colour, style] = []
        lines.append(line)

    colours = joint_colours(person, view.colour_mode, one.colour)
    for joint in range(len(shown)):
        if not shown[joint]:
            continue
        angle_deg = None
        if outside[joint]:
            away = person.keypoints[joint] - held[joint]
            angle_deg = round(math.degrees(math.atan2(float(away[1]), float(away[0]))) / 15) * 15
        mark = joint_mark(
            colours[joint],
            source=sources[joint],
            occluded=hidden[joint],
            ghost=one.ghost,
            selected=joint in one.joints,
            outside_deg=angle_deg,
            pixel_ratio=pixel_ratio,
        )
        batch.marks.append((points[joint], mark))
