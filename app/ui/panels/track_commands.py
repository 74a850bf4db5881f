"""What can be done with tracks, from keys, menus and the list alike."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from PySide6.QtWidgets import QColorDialog, QInputDialog, QWidget

from app.project import edits
from app.project.records import Person
from app.ui.actions import ActionSpec
from app.ui.dialogs.track_operations import Operation
from app.ui.dialogs.track_scope import TrackScopeDialog
from app.ui.session import Session
from app.ui.timeline.preview import LanePreviews
from app.ui.when import When
from dcpose_core.types import FloatArray


class TrackCommands:
    """Operations on the selected track. `second_track` says which other one the user points at, if any."""

    def __init__(self, session: Session, previews: LanePreviews, parent: QWidget) -> None:
        self._session = session
        self._previews = previews
        self._parent = parent
        self.second_track: Callable[[], int | None] = lambda: None

    def ask(self, kind: Operation, other_id: int | None = None) -> TrackScopeDialog | None:
        """Open the scope dialog; None, and a message, without a selected track."""
        track_id = self._session.selected_track
        if track_id is None or self._session.document is None:
            self._session.tell("Select a person first.")
            return None
        if other_id is None:
            other_id = self.second_track()
        if other_id is None or other_id == track_id:
            other_id = self._nearest_other(track_id)
        dialog = TrackScopeDialog(
            self._session, self._previews, kind, track_id=track_id, other_id=other_id, parent=self._parent
        )
        dialog.open()
        return dialog

    def assign_to(self, number: int) -> TrackScopeDialog | None:
        """Give the selected person to the `number`-th track of the list, counted from 1."""
        document = self._session.document
        if document is None:
            return None
        track_ids = sorted(document.tracks())
        if number > len(track_ids):
            self._session.tell(f"There are {len(track_ids)} tracks only.")
            return None
        if track_ids[number - 1] == self._session.selected_track:
            self._session.tell("The person belongs to this track already.")
            return None
        return self.ask(Operation.REASSIGN, track_ids[number - 1])

    def toggle_visible(self, track_id: int) -> bool:
        """Show a hidden track, hide a visible one."""
        document = self._session.document
        if document is None or track_id not in document.tracks():
            return False
        shown = document.tracks()[track_id].visible
        return self._session.submit(edits.set_track_visible(document, track_id, not shown))

    def toggle_locked(self, track_id: int) -> bool:
        """Lock a track against edits, or unlock it."""
        document = self._session.document
        if document is None or track_id not in document.tracks():
            return False
        locked = document.tracks()[track_id].locked
        return self._session.submit(edits.set_track_locked(document, track_id, not locked))

    def choose_colour(self, track_id: int) -> None:
        """Ask for the track's colour."""
        document = self._session.document
        if document is None or track_id not in document.tracks():
            return
        track = document.tracks()[track_id]
        dialog = QColorDialog(track.colour, self._parent)
        dialog.setWindowTitle(f"Colour of {track.name}")
        dialog.colorSelected.connect(
            lambda colour: self._session.submit(edits.set_track_colour(document, track_id, colour.name()))
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def rename(self, track_id: int) -> None:
        """Ask for the track's name."""
        document = self._session.document
        if document is None or track_id not in document.tracks():
            return
        dialog = QInputDialog(self._parent)
        dialog.setWindowTitle("Rename Track")
        dialog.setLabelText("Name")
        dialog.setTextValue(document.tracks()[track_id].name)

        def submit(name: str) -> None:
            if name.strip() and name.strip() != document.tracks()[track_id].name:
                self._session.submit(edits.rename_track(document, track_id, name.strip()))

        dialog.textValueSelected.connect(submit)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _nearest_other(self, track_id: int) -> int | None:
        """The person nearest to the selected one on this frame: those are who gets mixed up."""
        document = self._session.document
        if document is None:
            return None
        persons = document.persons(self._session.frame)
        others = {other: centre(person) for other, person in persons.items() if other != track_id}
        if track_id in persons and others:
            here = centre(persons[track_id])
            return min(others, key=lambda other: float(np.linalg.norm(others[other] - here)))
        return next(iter(others), next((other for other in sorted(document.tracks()) if other != track_id), None))


def centre(person: Person) -> FloatArray:
    """Middle of a person's located joints, or of its box, float64 `[2]`."""
    if person.located.any():
        return np.asarray(person.keypoints[person.located].mean(axis=0))
    if person.box_xyxy is not None:
        return np.asarray((person.box_xyxy[:2] + person.box_xyxy[2:]) / 2)
    return np.zeros(2)


def actions(session: Session, commands: TrackCommands) -> list[ActionSpec]:
    """The specs of the operations on tracks."""

    can_edit = When(session).can_edit_track

    def with_another() -> bool:
        return can_edit() and session.document is not None and len(session.document.tracks()) > 1

    def on_selected(do: Callable[[int], object]) -> Callable[[], object]:
        return lambda: None if session.selected_track is None else do(session.selected_track)

    return [
        ActionSpec(
            name="track.swap",
            text="Swap Tracks...",
            handler=lambda: commands.ask(Operation.SWAP),
            shortcuts={"default": ["Ctrl+T"]},
            menu="Tracks",
            enabled_when=with_another,
            tooltip="Exchange the selected person's identity with another one's, from here or over a range",
            icon="mdi6.swap-horizontal",
        ),
        ActionSpec(
            name="track.merge",
            text="Merge Tracks...",
            handler=lambda: commands.ask(Operation.MERGE),
            shortcuts={"default": ["M"]},
            menu="Tracks",
            enabled_when=with_another,
            tooltip="The selected track takes over the persons of another one",
            icon="mdi6.call-merge",
        ),
        ActionSpec(
            name="track.split",
            text="Split Track Here...",
            handler=lambda: commands.ask(Operation.SPLIT),
            shortcuts={"default": ["Alt+M"]},
            menu="Tracks",
            enabled_when=can_edit,
            tooltip="From this frame on the selected track becomes a new one",
            icon="mdi6.call-split",
        ),
        ActionSpec(
            name="track.reassign",
            text="Assign to Another Track...",
            handler=lambda: commands.ask(Operation.REASSIGN),
            menu="Tracks",
            enabled_when=with_another,
            icon="mdi6.account-switch-outline",
        ),
        *(
            ActionSpec(
                name=f"track.assign_{number}",
                text=f"Assign to Track {number} of the List...",
                handler=partial(commands.assign_to, number),
                shortcuts={"default": [f"Ctrl+{number}"]},
                enabled_when=with_another,
            )
            for number in range(1, 10)
        ),
        ActionSpec(
            name="track.delete",
            text="Delete Track...",
            handler=lambda: commands.ask(Operation.DELETE),
            shortcuts={"default": ["Ctrl+Shift+Del"]},
            menu="Tracks",
            enabled_when=can_edit,
            tooltip="Delete the selected track on this frame, to the end, or on a range",
            icon="mdi6.delete-outline",
            destructive=True,
        ),
        ActionSpec(
            name="track.rename",
            text="Rename Track...",
            handler=on_selected(commands.rename),
            shortcuts={"default": ["Ctrl+F2"]},
            menu="Tracks",
            enabled_when=can_edit,
            icon="mdi6.rename-outline",
        ),
        ActionSpec(
            name="track.colour",
            text="Colour of Track...",
            handler=on_selected(commands.choose_colour),
            menu="Tracks",
            enabled_when=can_edit,
            icon="mdi6.palette-outline",
        ),
        ActionSpec(
            name="track.visible",
            text="Show Track",
            handler=on_selected(commands.toggle_visible),
            shortcuts={"default": ["Ctrl+H"]},
            menu="Tracks",
            enabled_when=can_edit,
            checked_when=lambda: session.selected_track is not None and session.is_visible(session.selected_track),
        ),
        ActionSpec(
            name="track.locked",
            text="Lock Track",
            handler=on_selected(commands.toggle_locked),
            shortcuts={"default": ["Ctrl+Shift+K"]},
            menu="Tracks",
            enabled_when=can_edit,
            checked_when=lambda: session.selected_track is not None and session.is_locked(session.selected_track),
        ),
    ]
