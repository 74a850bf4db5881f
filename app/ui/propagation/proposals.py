"""What is proposed at the moment, and what became of each joint of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.project.proposal_edits import Placement, open_joints, placed
from app.project.records import JOINTS, JointSource, Layer, Person
from app.ui.session import Session
from dcpose_core.types import FloatArray

if TYPE_CHECKING:
    # Imports torch, which takes seconds.
    from app.jobs.propagate import ProposedFrame

#: Positions are the same below this distance.
_SAME_PX = 1e-3
_TELL_EVERY_MS = 100


class JointState(IntEnum):
    """Of a joint of a proposal. NONE: not proposed, or decided by a person meanwhile."""

    NONE = 0
    OPEN = 1
    ACCEPTED = 2
    REJECTED = 3


class Place(NamedTuple):
    """One person on one frame."""

    frame: int
    track_id: int


class Proposals(QObject):
    """The proposals of the last propagation. What the document took over counts as accepted until that is undone."""

    changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._shown: dict[Place, ProposedFrame] = {}
        self._rejected: dict[Place, NDArray[np.bool_]] = {}
        self._states: dict[Place, NDArray[np.uint8]] = {}  # as far as somebody asked since something changed
        # A hundred may come in a second: whoever shows them need not look each time.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_TELL_EVERY_MS)
        self._soon.timeout.connect(self._tell_of_more)
        self._has_more = False
        session.frames_changed.connect(self._on_document_edited)
        #: Where they come from, and how: the corrected frame and a key of `METHODS`.
        self.origin: int | None = None
        self.method = ""

    def begin(self, origin: int, method: str) -> None:
        """Proposals from a frame are to come, in place of those there are. These stay until the new ones are there."""
        self.origin, self.method = origin, method
        self._rejected.clear()
        self._tell()

    def take(self, one: ProposedFrame) -> None:
        """Show a proposal in place of the one for the same person and frame."""
        place = Place(one.pose.frame, one.pose.track_id)
        known = self._shown.get(place)
        if not (one.is_draft and known is not None and not known.is_draft):
            self._shown[place] = one
            self._states.pop(place, None)
            self._has_more = True
            if not self._soon.isActive():
                self._tell_of_more()

    def keep_only(self, places: set[Place]) -> None:
        """Forget all others."""
        if not self._shown.keys() <= places:
            self._shown = {place: one for place, one in self._shown.items() if place in places}
        self._tell()

    def clear(self) -> None:
        had = bool(self._shown)
        self._shown.clear()
        self._rejected.clear()
        self.origin = None
        if had:
            self._tell()

    @Slot()
    def _tell_of_more(self) -> None:
        """Now, and not again for a while."""
        if self._has_more:
            self._has_more = False
            self._soon.start()
            self.changed.emit()

    def _tell(self) -> None:
        self._soon.stop()
        self._has_more = False
        self._states.clear()
        self.changed.emit()

    @Slot()
    def _on_document_edited(self) -> None:
        """What was accepted, undone, or decided otherwise."""
        if self._shown:
            self._tell()

    def __len__(self) -> int:
        return len(self._shown)

    def places(self) -> list[Place]:
        """Where something was proposed, decided or not, by frame and track."""
        return sorted(self._shown)

    def at(self, place: Place) -> ProposedFrame | None:
        return self._shown.get(place)

    def on_frame(self, frame: int) -> Iterator[tuple[int, ProposedFrame]]:
        """Track id and proposal of everybody on a frame."""
        return ((place.track_id, one) for place, one in self._shown.items() if place.frame == frame)

    def states(self, place: Place) -> NDArray[np.uint8]:
        """uint8 `[17]`, `JointState`."""
        if place not in self._states:
            self._states[place] = self._find_states(place)
        return self._states[place]

    def _find_states(self, place: Place) -> NDArray[np.uint8]:
        states = np.full(JOINTS, JointState.NONE, np.uint8)
        one, document = self._shown.get(place), self._session.document
        if one is None or document is None or place.track_id not in document.tracks():
            return states
        states[open_joints(document, self._placement(one))] = JointState.OPEN
        rejected = self._rejected.get(place)
        if rejected is not None:
            states[rejected & (states == JointState.OPEN)] = JointState.REJECTED
        annotation = document.person(*place, Layer.ANNOTATION)
        if annotation is not None:
            states[one.pose.proposed & _is_taken(annotation, one.pose.keypoints)] = JointState.ACCEPTED
        return states

    def open(self, place: Place) -> NDArray[np.bool_]:
        """bool `[17]`: the joints that wait for a decision. None on verified frames and of locked tracks."""
        document = self._session.document
        if document is None or document.is_verified(place.frame) or self._session.is_locked(place.track_id):
            return np.zeros(JOINTS, np.bool_)
        return np.asarray(self.states(place) == JointState.OPEN)

    def open_places(self) -> list[Place]:
        """Where there is something to decide."""
        return [place for place in self.places() if self.open(place).any()]

    def undecided_places(self) -> list[Place]:
        """The same, with the verified frames and locked tracks, where nothing can be decided."""
        return [place for place in self.places() if (self.states(place) == JointState.OPEN).any()]

    def placements(
        self, places: Sequence[Place], *, joints: NDArray[np.bool_] | None = None, least: float = 0.0
    ) -> list[Placement]:
        """What accepting would place: undecided joints, only those of `joints` `[17]`; with `least`, the sure ones.

        Verified frames and locked tracks are in it, for whoever carries it out to say that they stay as they are.
        """
        found = []
        for place in places:
            one = self._shown.get(place)
            if one is None:
                continue
            wanted = (self.states(place) == JointState.OPEN) & (one.pose.sure(least) if least else one.pose.proposed)
            wanted = wanted if joints is None else wanted & joints
            if wanted.any():
                found.append(self._placement(one, np.asarray(wanted)))
        return found

    def reject(self, places: Sequence[Place], joints: NDArray[np.bool_] | None = None) -> int:
        """Want nothing of the undecided joints, or of these `[17]` among them; returns how many there were."""
        count = 0
        for place in places:
            chosen = self.open(place)
            chosen = chosen if joints is None else chosen & joints
            if chosen.any():
                count += int(chosen.sum())
                self._rejected[place] = self._rejected.get(place, np.zeros(JOINTS, np.bool_)) | chosen
        if count:
            self._tell()
        return count

    def least_confidence(self, place: Place) -> float:
        """Of the proposed joints that are not rejected, nan where there is none."""
        states, one = self.states(place), self._shown.get(place)
        chosen = (states == JointState.OPEN) | (states == JointState.ACCEPTED)
        return float(one.pose.confidence[chosen].min()) if one is not None and chosen.any() else float("nan")

    def after(self, place: Place) -> Person | None:
        """The person as it would be with what is undecided accepted; None where nothing is."""
        document, one = self._session.document, self._shown.get(place)
        joints = self.open(place)
        if document is None or one is None or not joints.any():
            return None
        return placed(document.person(*place), self._placement(one, joints), joints)

    def _placement(self, one: ProposedFrame, joints: NDArray[np.bool_] | None = None) -> Placement:
        pose = one.pose
        chosen = pose.proposed if joints is None else joints
        return Placement(pose.frame, pose.track_id, chosen, pose.keypoints, pose.confidence)


def _is_taken(annotation: Person, keypoints: FloatArray) -> NDArray[np.bool_]:
    same = (np.abs(annotation.keypoints - keypoints) < _SAME_PX).all(axis=-1)
    return np.asarray(same & annotation.located & (annotation.sources == JointSource.PROPAGATED))
