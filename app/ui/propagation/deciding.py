"""Accepting and rejecting what is proposed: a joint, a person on a frame, a range, or all that is sure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from app.project.proposal_edits import Acceptance, accept_placements
from app.project.records import JOINTS
from app.ui.canvas.marks import joint_title
from app.ui.propagation.choices import METHODS
from app.ui.propagation.proposals import Place, Proposals
from app.ui.session import Session
from dcpose_core.wording import counted

Reach = Literal["here", "range", "all"]


class Deciding(QObject):
    """Each acceptance is one step of the history; a rejection changes no document."""

    def __init__(self, session: Session, proposals: Proposals, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._proposals = proposals

    # -- what is meant

    def places(self, reach: Reach) -> list[Place]:
        """Where something is undecided: on this frame, on the selected frames, or everywhere.

        On this frame, only the selected person's, lest Return takes what is out of sight; in a range, theirs if there
        are any; without a range, all frames.
        """
        found = self._proposals.undecided_places()
        session, chosen = self._session, self._session.frame_range
        if reach == "here":
            found = [place for place in found if place.frame == session.frame]
        elif reach == "range" and chosen is not None:
            found = [place for place in found if chosen[0] <= place.frame <= chosen[1]]
        if reach == "all":
            return found
        selected = [place for place in found if place.track_id == session.selected_track]
        if reach == "here" and session.selected_track is not None:
            return selected
        return selected or found

    def has_open(self, reach: Reach = "all") -> bool:
        return any(self._proposals.open(place).any() for place in self.places(reach))

    def may_decide_joints(self) -> bool:
        """Whether joints are selected of which something may be proposed."""
        return bool(self._session.selected_joints) and self.has_open()

    # -- doing it

    def accept(self, places: Sequence[Place], *, joints: NDArray[np.bool_] | None = None, least: float = 0.0) -> bool:
        """Take over the undecided joints there; joints: only these `[17]`; least: only what is as sure as that."""
        document = self._session.document
        if document is None:
            return False
        placements = self._proposals.placements(places, joints=joints, least=least)
        accepted = accept_placements(document, placements, method=METHODS[self._proposals.method].phrase)
        done = self._session.submit(accepted.edit)
        if text := _told(accepted):
            if done:
                self._session.tell_done(text)
            else:
                self._session.tell(text)
        return done

    def accept_reach(self, reach: Reach) -> bool:
        return self.accept(self.places(reach))

    def accept_selected_joints(self) -> bool:
        return self.accept(self.places("here")[:1], joints=self._selected())

    def accept_sure(self, least: float) -> bool:
        """Everything, on all frames, that is as sure as `least`, 0..1."""
        if self.accept(self._proposals.undecided_places(), least=least):
            return True
        self._session.tell(f"Nothing that is proposed is as sure as {round(100 * least)} %.")
        return False

    def reject(self, places: Sequence[Place], *, joints: NDArray[np.bool_] | None = None) -> bool:
        return bool(self._proposals.reject(places, joints))

    def reject_reach(self, reach: Reach) -> bool:
        return self.reject(self.places(reach))

    def reject_selected_joints(self) -> bool:
        return self.reject(self.places("here")[:1], joints=self._selected())

    def _selected(self) -> NDArray[np.bool_]:
        return one_joint(*self._session.selected_joints)


def one_joint(*joints: int) -> NDArray[np.bool_]:
    """bool `[17]` with these joints."""
    chosen = np.zeros(JOINTS, np.bool_)
    chosen[list(joints)] = True
    return chosen


def joints_text(joints: NDArray[np.bool_]) -> str:
    """`left wrist`, `3 joints`."""
    found = np.flatnonzero(joints).tolist()
    return joint_title(found[0]) if len(found) == 1 else counted(len(found), "joint")


def _told(accepted: Acceptance) -> str:
    """What to say: nothing where what is seen says it."""
    left = [
        text
        for number, text in (
            (accepted.n_human_joints, f"{counted(accepted.n_human_joints, 'joint')} set by hand"),
            (accepted.n_verified_frames, f"{counted(accepted.n_verified_frames, 'verified frame')}"),
            (accepted.n_locked_tracks, f"{counted(accepted.n_locked_tracks, 'locked track')}"),
        )
        if number
    ]
    if accepted.n_frames <= 1 and not left:
        return ""
    done = f"{counted(accepted.n_joints, 'joint')} accepted on {counted(accepted.n_frames, 'frame')}."
    return f"{done} Left as they are: {', '.join(left)}." if left else done
