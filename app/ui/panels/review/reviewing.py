"""The review of the document that is shown: kept up to date on a thread, and walked through."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, count
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.jobs.review import Arrived, Ended, Looked, Review, ReviewFilter, ReviewState
from app.jobs.review_pace import Pace
from app.jobs.review_thread import ReviewFailed, ReviewThread
from app.project import edits
from app.project.document import DocumentChange
from app.project.history import StepKind
from app.project.records import Edit
from app.project.review_poses import ProjectPoses
from app.ui.session import Session
from app.ui.settings import Settings
from dcpose_core.review.findings import Finding
from dcpose_core.review.walk import Place
from dcpose_core.wording import counted

#: After opening: the first picture comes first.
_BEGIN_MS = 500
#: A run that streams results changes frames many times a second: they are looked at together, so often.
_GATHER_MS = 300
#: What an item, and a frame, took the last time: names of settings.
_PACES = ("review_item_s", "review_frame_s")


class Reviewing(QObject):
    """Signals: `state_changed()`: `state` is another one; `current_changed()`: `current` is; `arrived()`: the walk came
    there."""

    state_changed = Signal()
    current_changed = Signal()
    arrived = Signal()
    _posted = Signal(int, object)

    def __init__(self, session: Session, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._settings = settings
        self._state: ReviewState | None = None
        self._current: Looked | None = None
        self._is_over = False
        self._wanted = ReviewFilter()
        self._problem = ""
        self._numbers = count(1)
        self._number = 0
        self._thread: ReviewThread | None = None
        self._gathered: list[Collection[int]] = []
        self._hidden: frozenset[int] = frozenset()
        self._item_pace, self._frame_pace = self._paces()
        self._begin_timer = self._timer(_BEGIN_MS, self._begin)
        self._gather_timer = self._timer(_GATHER_MS, self._send_changes)
        self._posted.connect(self._on_posted)
        session.document_changed.connect(self._on_document_changed)
        session.frames_changed.connect(self._on_frames_changed)
        session.frame_changed.connect(self._on_sign_of_life)
        session.selection_changed.connect(self._on_sign_of_life)

    def _timer(self, interval_ms: int, slot: Any) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(interval_ms)
        timer.timeout.connect(slot)
        return timer

    # -- what is known

    @property
    def state(self) -> ReviewState | None:
        """None before the first frames were looked at."""
        return self._state

    @property
    def n_items(self) -> int:
        """Persons on frames that wait, whatever the filter."""
        return 0 if self._state is None else self._state.progress.items

    @property
    def n_hidden(self) -> int:
        """Items that are not in the list as their persons are hidden."""
        return 0 if self._state is None else self._state.hidden.count(self._wanted.minimum)

    @property
    def items_left_s(self) -> float | None:
        """How long all items take at the pace of the last ones; None where not enough is known."""
        return self._item_pace.seconds_left()

    @property
    def frames_left_s(self) -> float | None:
        """The same of the frames that are not verified."""
        return self._frame_pace.seconds_left()

    @property
    def problem(self) -> str:
        """Why there is no review any more."""
        return self._problem

    @property
    def current(self) -> Looked | None:
        """Where the walk is, and what is found there now; also while the view is elsewhere."""
        return self._current

    @property
    def is_here(self) -> bool:
        """Whether the frame shown is the one that the walk came to, and the walk has not ended there."""
        current = self._current
        return current is not None and current.place.frame == self._session.frame and not self._is_over

    @property
    def suspects(self) -> frozenset[int]:
        """The joints that findings at `current` speak of; none where they speak of the whole person only."""
        findings = () if self._current is None else self._current.findings
        return frozenset(finding.joint for finding in findings if finding.joint is not None)

    @property
    def reasons(self) -> list[str]:
        """What is found at `current`, a sentence for each check, the strongest first, or the one of the filter."""
        of_check: dict[str, list[Finding]] = {}
        for finding in () if self._current is None else self._current.findings:
            of_check.setdefault(finding.check, []).append(finding)
        order = sorted(of_check, key=lambda check: check != self._wanted.check)
        return [_sentence(of_check[check]) for check in order]

    # -- what people ask for

    @property
    def wanted(self) -> ReviewFilter:
        """What the list shows and the walk visits."""
        return self._wanted

    def filter(self, **changes: Any) -> None:
        """Change fields of `wanted`, by name; another walk begins."""
        wanted = replace(self._wanted, **changes)
        if wanted != self._wanted:
            self._wanted = wanted
            if self._thread is not None:
                self._thread.do(partial(Review.show, wanted=wanted))
            self.state_changed.emit()

    def clear_filter(self) -> None:
        self.filter(check=None, track_id=None, joint=None, minimum=0.0)

    def show_hidden(self) -> None:
        """Show the persons again who would be in the list if they were not hidden; there they are then, too."""
        document, state = self._session.document, self._state
        if document is not None and state is not None:
            hidden = set(np.unique(state.hidden.track_ids[: self.n_hidden]).tolist()) & document.tracks().keys()
            shown = [edits.set_track_visible(document, track_id, True).changes for track_id in sorted(hidden)]
            self._session.submit(Edit("Show tracks", tuple(chain.from_iterable(shown))))

    def next(self) -> None:
        """On to the next item, when the edits made so far have been looked at."""
        self._walk(Review.next)

    def previous(self) -> None:
        self._walk(Review.previous)

    def visit(self, place: Place) -> None:
        """Go to a place that somebody chose; the walk goes on from there."""
        self._walk(partial(Review.visit, place=place))

    def start_over(self) -> None:
        """Another walk, from the worst item."""
        self._walk(_start_over)

    def go_on(self) -> None:
        """From a frame that is right: to the next item if the walk came to this frame, else to the next frame."""
        if self.is_here:
            self.next()
        else:
            self._session.step(1)

    def accept(self) -> None:
        """The selected person is right as it is on this frame; on to the next item if the walk came here."""
        document, track_id = self._session.document, self._session.selected_track
        if document is None or track_id is None or not self._session.can_correct:
            return
        self._session.submit(edits.accept_person(document, [self._session.frame], [track_id]))
        if self.is_here:
            self.next()

    def _walk(self, step: Any) -> None:
        if self._thread is not None:
            self._send_changes()
            self._thread.do(step)

    # -- what happens

    @Slot()
    def _on_document_changed(self) -> None:
        # The document before is still open here, and closed next: nothing may read it then.
        if self._thread is not None:
            self._thread.close()
            self._thread = None
        self._gathered = []
        self._gather_timer.stop()
        self._state, self._current, self._wanted, self._problem = None, None, ReviewFilter(), ""
        self._number, self._is_over = next(self._numbers), False
        self._hidden = frozenset()
        self._item_pace, self._frame_pace = self._paces()
        if self._session.document is None:
            self._begin_timer.stop()
        else:
            self._begin_timer.start()
        self.state_changed.emit()
        self.current_changed.emit()

    @Slot()
    def _begin(self) -> None:
        document = self._session.document
        if document is None or document.n_frames == 0:
            return
        poses = ProjectPoses(document.path, document.video, document.frame_states())
        self._thread = ReviewThread(poses, partial(self._posted.emit, self._number))
        self._send_hidden()
        if self._wanted != ReviewFilter():
            self._thread.do(partial(Review.show, wanted=self._wanted))

    @Slot(object)
    def _on_frames_changed(self, change: DocumentChange) -> None:
        self._on_sign_of_life()
        if self._thread is None:
            return
        if change.tracks_changed:
            self._send_hidden()
        if not change.frames:
            return
        self._gathered.append(change.frames)
        if not self._gather_timer.isActive():
            self._send_changes()

    def _send_hidden(self) -> None:
        document = self._session.document
        tracks = () if document is None else document.tracks().values()
        hidden = frozenset(track.track_id for track in tracks if not track.visible)
        if hidden != self._hidden and self._thread is not None:
            self._hidden = hidden
            self._thread.do(partial(Review.hide, track_ids=hidden))

    @Slot()
    def _on_sign_of_life(self) -> None:
        if not self._is_run():
            for pace in (self._item_pace, self._frame_pace):
                pace.see(time.monotonic())

    def _is_run(self) -> bool:
        """Whether the last that happened to the document is a model's run."""
        document = self._session.document
        steps = None if document is None else document.steps
        return steps is not None and steps.n_done > 0 and steps.entries[steps.n_done - 1].kind is StepKind.RUN

    def _follow_pace(self, state: ReviewState) -> None:
        """What a first look finds and a run brings is nobody's work."""
        is_work = state.is_complete and not self._is_run()
        n_frames = state.progress.total - state.progress.verified
        for pace, n_left in ((self._item_pace, state.progress.items), (self._frame_pace, n_frames)):
            (pace.note if is_work else pace.forget)(n_left)
        for name, pace in zip(_PACES, (self._item_pace, self._frame_pace), strict=True):
            if pace.each_s is not None:
                self._settings.set_view_value(name, pace.each_s)

    def _paces(self) -> tuple[Pace, Pace]:
        """Of items and of frames, from what they took last, in whatever project."""
        items, frames = (Pace(float(self._settings.view_value(name, 0.0)) or None) for name in _PACES)
        return items, frames

    @Slot()
    def _send_changes(self) -> None:
        """What changed, to the thread; further changes wait a little."""
        if self._thread is None or not self._gathered:
            return
        self._thread.do(partial(_look_at, changes=self._gathered))
        self._gathered = []
        if self._current is not None:
            self._thread.do(partial(Review.look, place=self._current.place))
        self._gather_timer.start()

    @Slot(int, object)
    def _on_posted(self, number: int, event: object) -> None:
        if number != self._number:
            return  # of a document that is closed
        match event:
            case ReviewState():
                self._state = event
                self._follow_pace(event)
                self.state_changed.emit()
            case Arrived():
                self._go_to(event)
            case Looked() if self._current is not None and event.place == self._current.place:
                self._current = event
                self.current_changed.emit()
            case Ended():
                self._is_over = event.forward
                self.current_changed.emit()
                self._tell_end(forward=event.forward)
            case ReviewFailed():
                self._problem = event.error
                self._session.tell(f"The review has ended: {event.error}", kind="error")
                self.state_changed.emit()

    def _go_to(self, there: Looked) -> None:
        self._current, self._is_over = there, False
        self._session.go_to(there.place.frame)
        self._session.select(there.place.track_id, self._joints_to_select())
        self.current_changed.emit()
        self.arrived.emit()

    def _joints_to_select(self) -> frozenset[int]:
        """Those in doubt, for the next key; of somebody who is wrong for the most part, the person as a whole."""
        document, joints = self._session.document, self.suspects
        person = None if document is None or self._current is None else document.person(*self._current.place)
        return joints if person is not None and 2 * len(joints) <= person.located.sum() else frozenset()

    def _tell_end(self, *, forward: bool) -> None:
        session, state, n_hidden = self._session, self._state, self.n_hidden
        if not forward:
            session.tell("This is where the walk began.")
        elif state is None or not state.is_complete:
            session.tell("Nothing more was found so far; the rest of the video is still being looked at.")
        elif n_hidden and not state.order.count(self._wanted.minimum):
            session.tell(
                f"What is left, {n_hidden}, is of hidden persons.", action="Show Them", handler=self.show_hidden
            )
        elif not state.order.count(self._wanted.minimum):
            session.tell(
                "Nothing looks wrong any more." if self._wanted == ReviewFilter() else "Nothing matches the filter."
            )
        else:
            left = state.order.count(self._wanted.minimum)
            more = f", and {n_hidden} of hidden persons" if n_hidden else ""
            text = f"All were shown; {left} still look{'s' if left == 1 else ''} wrong{more}."
            session.tell(text, action="Start Over", handler=self.start_over)


def _sentence(findings: Sequence[Finding]) -> str:
    """The strongest finding of a check, and on how many joints it found something more."""
    more = len(findings) - 1
    return findings[0].reason + (f", and {counted(more, 'more joint')}" if more else "")


def _start_over(review: Review) -> Arrived | Ended:
    review.start_over()
    return review.next()


def _look_at(review: Review, *, changes: list[Collection[int]]) -> None:
    review.changed(changes[0] if len(changes) == 1 else frozenset().union(*changes))
