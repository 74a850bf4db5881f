"""What a person corrected on a frame, read off the document."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.project.document import Document
from app.project.records import JOINTS, JointSource, Layer, Person
from app.ui.propagation.proposals import Place

#: A joint that a person confirmed but moved less than this was right before.
_MOVED_PX = 0.5


def human_joints(person: Person | None) -> NDArray[np.bool_]:
    """bool `[17]`: joints that a person placed or confirmed."""
    if person is None:
        return np.zeros(JOINTS, np.bool_)
    return np.asarray(person.located & (person.sources == JointSource.HUMAN))


def corrected_joints(document: Document, place: Place) -> NDArray[np.bool_]:
    """bool `[17]`: joints that a person placed elsewhere than the model, or where the model said nothing."""
    person = document.person(*place)
    human = human_joints(person)
    predicted = document.person(*place, Layer.PREDICTION)
    if person is None or predicted is None:
        return human
    moved = np.linalg.norm(person.keypoints - predicted.keypoints, axis=-1) > _MOVED_PX
    return np.asarray(human & (moved | ~predicted.located))
