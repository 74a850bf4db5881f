"""Skeletons of all persons in one go: all limbs of one pen by one call, joints as small images drawn before.

The limbs of an occluded joint are dashed, those of a ghost dotted; see `joint_marks` for the joints.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QLineF, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from app.project.records import JointSource, Person
from app.ui.canvas.coordinates import ViewTransform
from app.ui.canvas.joint_marks import MARK_PX, joint_mark
from app.ui.canvas.marks import LIMB_SIDES, LIMBS, SIDES, anchored, shown_joints
from app.ui.session import ColourMode, ViewSettings
from dcpose_core.types import Visibility

_SIDE_COLOURS = ("#00ff00", "#ff8000", "#3399ff")  # left, right, centre, as mmpose and rtmlib draw them
_COLOUR_BLIND = ("#009e73", "#e69f00", "#56b4e9")  # Okabe and Ito
_CONFIDENCE_STEPS = 20
_LIMB_LIST = LIMBS.tolist()
_SHADOW = "#1c1c1e"  # opaque: translucent lines cost six times as much


class Drawn(NamedTuple):
    """A person to draw. colour: of its track. joints: the selected ones."""

    person: Person
    colour: str
    selected: bool = False
    joints: frozenset[int] = frozenset()
    ghost: bool = False


def joint_colours(person: Person, mode: ColourMode, track_colour: str) -> list[str]:
    """`#rrggbb` of every joint."""
    match mode:
        case "track":
            return [track_colour] * len(SIDES)
        case "confidence":
            scores = np.where(person.sources == JointSource.HUMAN, 1.0, person.scores)
            return [confidence_colour(float(score)) for score in scores]
        case "colour_blind":
            return [_COLOUR_BLIND[side] for side in SIDES]
        case _:
            return [_SIDE_COLOURS[side] for side in SIDES]


def limb_colours(person: Person, mode: ColourMode, track_colour: str) -> list[str]:
    """`#rrggbb` of every limb; by confidence, that of its less certain end."""
    match mode:
        case "track":
            return [track_colour] * len(LIMBS)
        case "confidence":
            scores = np.where(person.sources == JointSource.HUMAN, 1.0, person.scores)
            return [confidence_colour(float(score)) for score in scores[LIMBS].min(axis=1)]
        case "colour_blind":
            return [_COLOUR_BLIND[side] for side in LIMB_SIDES]
        case _:
            return [_SIDE_COLOURS[side] for side in LIMB_SIDES]


def confidence_colour(score: float) -> str:
    """From red (0) over yellow to green (1), in steps so that pens are few."""
    step = round(min(max(score, 0.0), 1.0) * _CONFIDENCE_STEPS) / _CONFIDENCE_STEPS
    return QColor.fromHsvF(step / 3, 0.95, 1.0).name()


class _Line(NamedTuple):
    colour: str
    width_px: float
    line: Qt.PenStyle = Qt.PenStyle.SolidLine

    def pen(self) -> QPen:
        # Flat caps: round ones cost five to ten times as much, and the joints cover the ends.
        return QPen(QColor(self.colour), self.width_px, self.line, Qt.PenCapStyle.FlatCap)


@dataclass(slots=True)
class _Batch:
    """Lines by pen and joints as small images, in the order in which they lie over each other."""

    shadows: dict[_Line, list[QLineF]] = field(default_factory=dict)
    limbs: dict[_Line, list[QLineF]] = field(default_factory=dict)
    marks: list[tuple[QPointF, QImage]] = field(default_factory=list)

    def paint(self, painter: QPainter) -> None:
        for lines in (self.shadows, self.limbs):
            for style, shapes in lines.items():
                painter.setPen(style.pen())
                painter.drawLines(shapes)
        offset = QPointF(MARK_PX / 2, MARK_PX / 2)
        for point, mark in self.marks:
            painter.drawImage(point - offset, mark)


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
        batch = _Batch()
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

    width_px = view.line_px * (1.4 if one.selected else 1.0)
    colours = limb_colours(person, view.colour_mode, one.colour)
    for limb, (start, end) in enumerate(_LIMB_LIST):
        if not (shown[start] and shown[end]) or (outside[start] and outside[end]):
            continue
        line = QLineF(points[start], points[end])
        if one.ghost:
            style = _Line(f"#a0{colours[limb].removeprefix('#')}", max(1.5, width_px * 0.6), Qt.PenStyle.DotLine)
        elif hidden[start] or hidden[end]:
            style = _Line(colours[limb], width_px * 0.8, Qt.PenStyle.DashLine)
        else:
            style = _Line(colours[limb], width_px)
            batch.shadows.setdefault(_Line(_SHADOW, width_px + 2), []).append(line)
        batch.limbs.setdefault(style, []).append(line)

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


def paint_trails(
    painter: QPainter,
    trails: Sequence[tuple[str, Sequence[Person]]],
    transform: ViewTransform,
    *,
    min_score: float,
) -> None:
    """The ways of the joints over the last frames, fading backwards. trails: (track colour, persons, oldest first)."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for colour, persons in trails:
        for age, (before, after) in enumerate(pairwise(persons), start=1):
            both = shown_joints(before, min_score) & shown_joints(after, min_score)
            starts, ends = transform.to_canvas(before.keypoints[both]), transform.to_canvas(after.keypoints[both])
            faded = QColor(colour)
            faded.setAlphaF(0.15 + 0.65 * age / len(persons))
            painter.setPen(QPen(faded, 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLines([QLineF(*start, *end) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)])
