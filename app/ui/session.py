"""The view state that is not in the document: frame, selection, how things are drawn, what the mouse does."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.project.records import Edit, Person
from app.ui.long_edit import LongEdit
from app.ui.messages import Message
from dcpose_core.errors import DCPoseError
from dcpose_core.render import MIN_JOINT_SCORE
from dcpose_core.types import FloatArray

if TYPE_CHECKING:
    from app.project.document import Document, DocumentChange
    from app.project.edit_group import EditGroup
    from app.project.steps import Steps
    from app.project.wide_edits import WideEdit

ColourMode: TypeAlias = Literal["side", "track", "confidence", "colour_blind"]
#: What the mouse does on the canvas: `select` is the plain state that Esc leads back to.
Tool: TypeAlias = Literal["select", "add_person", "place_joints", "head_box", "rerun_box"]
#: From so many changes on an edit, undo or redo is made in slices.
_MANY_CHANGES = 3000
#: Small edits of one kind are one undo step until there is this long a pause.
_GROWTH_MS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSettings:
    """How the canvas draws, and how frames are gone through. Frozen: change it with `Session.set_view(trail_frames=5)`.

    show_previous: the previous frame's poses as dotted ghosts. trail_frames: how many frames back joints leave a trail.
    brightness: added, -1..1; contrast: factor, 0.25..4. min_score: model joints below it are not drawn. line_px:
    width of limbs on the screen. step_frames: how far a step of several frames goes. counts_from_one: whether the
    shown frame's place in the video, counted from 1, is written beside its number.
    """

    colour_mode: ColourMode = "side"
    show_skeletons: bool = True
    show_names: bool = False
    show_boxes: bool = False
    show_previous: bool = False
    trail_frames: int = 0
    brightness: float = 0.0
    contrast: float = 1.0
    min_score: float = MIN_JOINT_SCORE
    line_px: float = 2.5
    step_frames: int = 10
    counts_from_one: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class HeatmapOverlay:
    """A heatmap to draw over the frame. values: float `[h, w]`, 0..1; cell_to_image: float64 `[2, 3]` that maps the
    centre of cell (column, row, 1) to image pixels; frame: the frame that it belongs to."""

    values: FloatArray
    cell_to_image: FloatArray
    frame: int


class Session(QObject):
    """What all views share. A view reads it and the document, and asks for changes through its methods.

    Signals: `document_changed(Document | None)`; `frames_changed(DocumentChange)`, on the UI thread whatever thread
    applied the edit; `frame_changed(index)`: the frame asked for; `frame_shown(index)`: its picture is on the screen;
    `message_told(Message)`; the others tell that the property of their name changed.
    """

    document_changed = Signal(object)
    frames_changed = Signal(object)
    frame_changed = Signal(int)
    frame_shown = Signal(int)
    selection_changed = Signal()
    range_changed = Signal()
    mode_changed = Signal()
    view_changed = Signal()
    clipboard_changed = Signal()
    message_told = Signal(object)
    _changed_somewhere = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document: Document | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self._frame = 0
        self._direction = 0
        self._shown_frame: int | None = None
        self._selected_track: int | None = None
        self._selected_joints: frozenset[int] = frozenset()
        self._frame_range: tuple[int, int] | None = None
        self._tool: Tool = "select"
        self._hint = ""
        self._view = ViewSettings()
        self._heatmap: HeatmapOverlay | None = None
        self._clipboard: Person | None = None
        self._growing: EditGroup | None = None
        self._growing_word = ""
        self._growth_ends = QTimer(self)
        self._growth_ends.setSingleShot(True)
        self._growth_ends.timeout.connect(self._end_growth)
        self._changed_somewhere.connect(self._on_changed)
        #: The edit under way that takes long; nothing else can be changed meanwhile.
        self.long_edit = LongEdit(self)
        self.long_edit.failed.connect(lambda text: self.tell(text, kind="error"))

    # -- the document

    @property
    def document(self) -> Document | None:
        return self._document

    def set_document(self, document: Document | None) -> None:
        """Show `document` from its first frame. The one before is not closed: who opened it does that."""
        self.long_edit.cancel()
        self._end_growth()
        if self._unsubscribe is not None:
            self._unsubscribe()
        self._document = document
        self._unsubscribe = None if document is None else document.subscribe(self._changed_somewhere.emit)
        self._frame, self._direction, self._shown_frame = 0, 0, None
        self._selected_track, self._selected_joints, self._frame_range = None, frozenset(), None
        self._heatmap = None
        self._tool = "select"
        self.document_changed.emit(document)
        self.frame_changed.emit(0)
        self.selection_changed.emit()
        self.range_changed.emit()
        self.mode_changed.emit()

    @Slot(object)
    def _on_changed(self, change: DocumentChange) -> None:
        self._drop_what_is_gone()
        self.frames_changed.emit(change)

    @property
    def can_edit(self) -> bool:
        """Whether there is a document that may be changed now."""
        return self._document is not None and not self.refusal

    @property
    def refusal(self) -> str:
        """Why the document may not be changed now; empty if it may."""
        if self._document is not None and self._document.read_only:
            return "This project is open for reading only: nothing was changed."
        if self.long_edit.is_busy:
            return f"{self.long_edit.text} first: wait for it, or cancel it."
        return ""

    @property
    def can_correct(self) -> bool:
        """Whether somebody is selected on this frame who may be changed."""
        track_id = self._selected_track
        return (
            self.can_edit and track_id is not None and self.selected_person is not None and not self.is_locked(track_id)
        )

    def submit(self, edit: Edit | None, *, grows: str = "") -> bool:
        """Apply an edit; False if there was nothing to do or it failed, which the message bar then tells.

        grows: edits of the same word that follow each other within a second, such as nudges, are one undo step.
        """
        if edit is None or not edit.changes or self._document is None:
            return False
        if self._is_refused():
            return False
        if grows:
            return self._attempt(lambda document: self._grow(document, edit, grows))
        self._end_growth()
        return self._attempt(lambda document: document.apply(edit))

    def submit_behind(self, edit: Edit) -> bool:
        """Apply what follows from a person's edits, as a part of the last step: undo takes it back with that step.

        Nothing is done, and False returned, where steps were undone: doing them again must stay possible.
        """
        document = self._document
        if document is None or not edit.changes or not self.can_edit or document.redo_label is not None:
            return False
        self._end_growth()
        return self._attempt(lambda _: document.join(edit))

    def submit_wide(self, edit: WideEdit, on_done: Callable[[], object] | None = None) -> bool:
        """Apply an edit of many frames, while the window goes on; False if it was refused. on_done: called when it is
        made; not if it is cancelled or fails, which the message bar then tells."""
        document = self._document
        if document is None or self._is_refused():
            return False
        self._end_growth()
        self._run(edit.label, document.applying(edit.label, edit.changes), edit.n_changes, on_done)
        return True

    def undo(self) -> bool:
        """Take the last step back, selecting nothing and staying on the frame."""
        return self._travel("Undo", lambda steps: steps.before_last())

    def redo(self) -> bool:
        return self._travel("Redo", lambda steps: steps.after_next())

    def go_to_step(self, number: int) -> bool:
        """Undo or redo until step `number` of the history is the last one done."""
        return self._travel("Go through the history", lambda steps: steps.up_to(number))

    def _travel(self, text: str, aim: Callable[[Steps], int | None]) -> bool:
        """aim: how many steps are to be done; None: nothing is to be done."""
        document = self._document
        if document is None or self._is_refused():
            return False
        self._end_growth()
        n_done = aim(document.steps)
        if n_done is None:
            return False
        self._run(text, document.travelling(n_done), document.steps.n_changes_to(n_done), None)
        return True

    def _run(
        self, text: str, work: Generator[int, None, None], total: int, on_done: Callable[[], object] | None
    ) -> None:
        """Do it at once if that is not felt, else in slices."""
        if total >= _MANY_CHANGES:
            self.long_edit.start(text, work, total, on_done)
        elif self._attempt(lambda _: deque(work, maxlen=0)) and on_done is not None:
            on_done()

    def _is_refused(self) -> bool:
        """Whether nothing may be changed now; tells why."""
        if self.refusal:
            self.tell(self.refusal, kind="warning")
        return bool(self.refusal)

    def _grow(self, document: Document, edit: Edit, word: str) -> None:
        group = self._growing
        history = document.history()
        if group is None or word != self._growing_word or not history or history[-1].number != group.number:
            self._end_growth()
            group = self._growing = document.group(edit.label)
            self._growing_word = word
        group.apply(edit.changes)
        self._growth_ends.start(_GROWTH_MS)

    @Slot()
    def _end_growth(self) -> None:
        self._growth_ends.stop()
        if self._growing is not None:
            self._growing.close()
            self._growing = None

    def _attempt(self, change: Callable[[Document], object]) -> bool:
        if self._document is None:
            return False
        try:
            change(self._document)
        except DCPoseError as error:
            self.tell(str(error), kind="error")
            return False
        return True

    # -- frames

    @property
    def n_frames(self) -> int:
        return 0 if self._document is None else self._document.n_frames

    @property
    def frame(self) -> int:
        """The current frame index, 0-based."""
        return self._frame

    @property
    def direction(self) -> int:
        """Which way the last steps went: 1, -1, or 0 after a jump. Frames ahead are decoded in advance."""
        return self._direction

    @property
    def shown_frame(self) -> int | None:
        """The frame whose picture is on the screen."""
        return self._shown_frame

    def go_to(self, frame: int) -> None:
        """Make `frame` the current one, or the nearest there is."""
        frame = max(0, min(frame, self.n_frames - 1))
        if self._document is None or frame == self._frame:
            return
        distance = frame - self._frame
        # Playback that drops frames still goes one way.
        self._direction = (1 if distance > 0 else -1) if abs(distance) <= 8 else 0
        self._frame = frame
        if self._selected_joints and self.selected_person is None:
            self._selected_joints = frozenset()
        self.frame_changed.emit(frame)

    def step(self, frames: int) -> None:
        self.go_to(self._frame + frames)

    def set_shown_frame(self, frame: int) -> None:
        """The canvas tells which picture it shows."""
        self._shown_frame = frame
        self.frame_shown.emit(frame)

    # -- selection

    @property
    def selected_track(self) -> int | None:
        return self._selected_track

    @property
    def selected_joints(self) -> frozenset[int]:
        """Joint indices of the selected person; empty: the person as a whole."""
        return self._selected_joints

    @property
    def selected_person(self) -> Person | None:
        """The selected track's person on the current frame."""
        if self._document is None or self._selected_track is None:
            return None
        return self._document.person(self._frame, self._selected_track)

    def select(self, track: int | None, joints: Iterable[int] = ()) -> None:
        """Select a person, and joints of it."""
        joints = frozenset(joints) if track is not None else frozenset()
        if (track, joints) != (self._selected_track, self._selected_joints):
            self._selected_track, self._selected_joints = track, joints
            self.selection_changed.emit()

    @property
    def clipboard(self) -> Person | None:
        """The pose that was copied last."""
        return self._clipboard

    def set_clipboard(self, person: Person | None) -> None:
        self._clipboard = person
        self.clipboard_changed.emit()

    def is_locked(self, track_id: int) -> bool:
        """Whether a track is protected from edits by mouse and keys."""
        track = None if self._document is None else self._document.tracks().get(track_id)
        return track is not None and track.locked

    def is_visible(self, track_id: int) -> bool:
        track = None if self._document is None else self._document.tracks().get(track_id)
        return track is None or track.visible

    @property
    def frame_range(self) -> tuple[int, int] | None:
        """The selected frames, first and last, both included."""
        return self._frame_range

    def set_range(self, first: int | None, last: int | None = None) -> None:
        """Select the frames between `first` and `last`, in any order; None selects none."""
        chosen = None
        if first is not None and self._document is not None:
            ends = [max(0, min(frame, self.n_frames - 1)) for frame in (first, first if last is None else last)]
            chosen = (min(ends), max(ends))
        if chosen != self._frame_range:
            self._frame_range = chosen
            self.range_changed.emit()

    def _drop_what_is_gone(self) -> None:
        """Deselect a track that an edit or undo took away."""
        document, track = self._document, self._selected_track
        if document is not None and track is not None and track not in document.tracks():
            self.select(None)

    # -- how things look, what the mouse does, what there is to say

    @property
    def view(self) -> ViewSettings:
        return self._view

    def set_view(self, **changes: Any) -> None:
        """Change fields of `view`, by name."""
        view = replace(self._view, **changes)
        if view != self._view:
            self._view = view
            self.view_changed.emit()

    @property
    def heatmap(self) -> HeatmapOverlay | None:
        return self._heatmap

    def set_heatmap(self, overlay: HeatmapOverlay | None) -> None:
        """Draw a heatmap over its frame, or no longer."""
        self._heatmap = overlay
        self.view_changed.emit()

    @property
    def tool(self) -> Tool:
        return self._tool

    @property
    def hint(self) -> str:
        """What the next click does, for the status bar."""
        return self._hint

    def set_tool(self, tool: Tool, hint: str = "") -> None:
        if (tool, hint) != (self._tool, self._hint):
            self._tool, self._hint = tool, hint
            self.mode_changed.emit()

    def tell(
        self,
        text: str,
        *,
        kind: Literal["info", "warning", "error"] = "info",
        action: str = "",
        handler: Callable[[], object] | None = None,
    ) -> None:
        """Show a message, with one action at most."""
        self.message_told.emit(Message(text=text, kind=kind, action=action, handler=handler))

    def tell_done(self, text: str) -> None:
        """Tell what the last step of the history did, with a button that undoes it."""
        if self._document is not None:
            n_done = self._document.steps.n_done
            self.message_told.emit(Message(text=text, action="Undo", handler=self.undo, n_done=n_done))
