"""Conditions that the actions of many parts share, for `ActionSpec.enabled_when`."""

from __future__ import annotations

from app.ui.session import Session


class When:
    """`enabled_when=When(session).has_document`. Each is quick: it is asked after every change."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def has_document(self) -> bool:
        return self._session.document is not None

    def has_frames(self) -> bool:
        return self._session.n_frames > 0

    def has_range(self) -> bool:
        """Frames are selected."""
        return self._session.frame_range is not None

    def can_edit(self) -> bool:
        return self._session.can_edit

    def can_edit_track(self) -> bool:
        """A track is selected, whether it is on this frame or not."""
        return self._session.can_edit and self._session.selected_track is not None

    def can_edit_track_on_range(self) -> bool:
        return self.can_edit_track() and self.has_range()

    def can_correct(self) -> bool:
        """Somebody is selected on this frame who may be changed."""
        return self._session.can_correct

    def can_correct_joints(self) -> bool:
        """The same, and joints of theirs are selected."""
        return self._session.can_correct and bool(self._session.selected_joints)
