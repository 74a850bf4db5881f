"""Propagating from the current frame: by itself after a correction, or as the panel says.

The work is done on a thread of its own, so that it waits for no annotation run and the window waits for nothing. A
newer wish takes the place of the one before.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.jobs.bridge import JobFeed
from app.project.document import DocumentChange
from app.ui.job_runner import JobRunner
from app.ui.propagation import requests
from app.ui.propagation.choices import PREVIEW_FRAMES, Choice, Choices
from app.ui.propagation.corrected import corrected_joints
from app.ui.propagation.footage import new_keeper
from app.ui.propagation.proposals import Place, Proposals
from app.ui.propagation.reinferring import Reinferring
from app.ui.session import Session
from app.ui.settings import Settings
from dcpose_core.types import FloatArray

if TYPE_CHECKING:
    from app.jobs.footage_keeper import FootageKeeper
    from app.jobs.worker import Job

#: Nudges of a held key come faster than this: they get one preview together.
_COALESCE_MS = 20
#: Long enough that stepping through frames looks ahead of nothing.
_REST_MS = 250
#: Enough for 30 frames of 1080p: propagation looks at neighbours, and the picture has a cache of its own.
_IMAGE_BYTES = 192 << 20


class Propagating(QObject):
    """See the module. is_open: set by the panel, whose choice then counts in place of the short preview."""

    #: (done, total) in frames while something is propagated, None when nothing is.
    progressed = Signal(object)
    crashed = Signal(str, str)

    def __init__(self, session: Session, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.choices = Choices(settings, self)
        self.proposals = Proposals(session, self)
        self.reinferring = Reinferring(session, settings, self.choices, self)
        self.is_open = False
        self._session = session
        self._settings = settings
        self.jobs = JobFeed(self, imports="app.jobs.propagate")
        self._keeper: FootageKeeper | None = None
        self._runner = JobRunner(self.jobs, self)
        self._ahead = JobRunner(self.jobs, self)
        self._letting_go = JobRunner(self.jobs, self)
        self._seen: set[Place] = set()
        self._known: tuple[Place, FloatArray] | None = None
        self._soon = self._timer(_COALESCE_MS, self._propagate_by_itself)
        self._rest = self._timer(_REST_MS, self._look_ahead)
        self._runner.produced.connect(self._on_produced)
        self._runner.progressed.connect(lambda done, total, _message: self.progressed.emit((done, total)))
        self._runner.busy_changed.connect(lambda busy: None if busy else self.progressed.emit(None))
        self._runner.failed.connect(lambda text: session.tell(f"Propagating stopped: {text}", kind="warning"))
        for runner in (self._runner, self._ahead):
            runner.crashed.connect(self.crashed)
        self.reinferring.crashed.connect(self.crashed)
        session.document_changed.connect(self._on_document_changed)
        session.frames_changed.connect(self._on_frames_changed)
        session.frame_changed.connect(self._on_moved)
        session.selection_changed.connect(self._on_moved)
        self.choices.changed.connect(self._on_choice_changed)

    def _timer(self, interval_ms: int, then: object) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(interval_ms)
        timer.timeout.connect(then)
        return timer

    @property
    def is_busy(self) -> bool:
        return self._runner.is_busy

    def warm_up(self) -> None:
        """Begin to import the engine, if previews are to be expected."""
        if self.choices.value.previews:
            self.jobs.when_ready(self._rest.start)
        if self.choices.value.reinfers:
            self.reinferring.jobs.warm_up()

    def close(self) -> None:
        """Stop and let go of the video; for closing the window."""
        for timer in (self._soon, self._rest):
            timer.stop()
        for runner in (self._runner, self._ahead):
            runner.cancel()
        self.jobs.close()
        self.reinferring.close()
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None

    @property
    def has_wish(self) -> bool:
        """Whether there is anything on the current frame to propagate as the panel says."""
        return bool(requests.wishes(self._session, self.choices.value))

    # -- when

    def propagate(self) -> None:
        """As the panel says, from the current frame."""
        self._soon.stop()
        self._start(self.choices.value, asked=True)

    def stop(self) -> None:
        """What has been proposed stays."""
        self._runner.cancel()

    def drop(self) -> bool:
        """Stop, and forget what is proposed; False if there was nothing."""
        had = self.is_busy or bool(self.proposals.open_places())
        self._soon.stop()
        self._runner.cancel()
        self.proposals.clear()
        return had

    @Slot()
    def _on_document_changed(self) -> None:
        self.drop()
        self._ahead.cancel()
        self.reinferring.forget()
        self._known = None
        keeper = self._keeper
        if keeper is not None:
            let_go = import_module("app.jobs.propagate").let_go_job
            self._letting_go.start("Close the video", lambda: let_go(keeper), lambda _: None)

    @Slot()
    def _on_moved(self) -> None:
        """Another frame or person: what is corrected there already is no news."""
        self._known = self._corrections()
        if self._known is not None and self.choices.value.previews and self.jobs.is_ready:
            self._rest.start()

    @Slot(object)
    def _on_frames_changed(self, change: DocumentChange) -> None:
        if self._session.frame not in change.frames:
            return
        before, self._known = self._known, self._corrections()
        now = self._known
        if before is not None and now is not None and before[0] == now[0] and not _same(before[1], now[1]):
            corrected = np.asarray(np.isfinite(now[1]).all(axis=-1))
            if corrected.any():
                self._soon.start()
                self.reinferring.note(now[0], corrected)
            elif self.proposals.origin == now[0].frame:
                self.drop()  # the correction was undone

    @Slot()
    def _on_choice_changed(self) -> None:
        if not self.choices.value.previews and not self.is_open:
            self.drop()
        elif self.is_open and (len(self.proposals) or self.is_busy):
            self._soon.start()

    @Slot()
    def _propagate_by_itself(self) -> None:
        choice = self.choices.value
        if self.is_open:
            self._start(choice, asked=False)
        elif choice.previews:
            preview = replace(choice, until="count", count=PREVIEW_FRAMES, joints="corrected", persons="selected")
            self._start(preview, asked=False)

    def _corrections(self) -> tuple[Place, FloatArray] | None:
        """The selected person here, and where its corrected joints lie, `[17, 2]`, not finite for the others."""
        document, track_id = self._session.document, self._session.selected_track
        person = self._session.selected_person
        if document is None or track_id is None or person is None:
            return None
        place = Place(self._session.frame, track_id)
        corrected = corrected_joints(document, place)
        return place, np.where(corrected[:, None], person.keypoints, np.nan)

    # -- what

    def _start(self, choice: Choice, *, asked: bool) -> None:
        """asked: somebody waits for it, and is told if there is nothing to do."""
        document, session = self._session.document, self._session
        if document is None or not session.can_edit:
            return
        wishes = requests.wishes(session, choice)
        if not wishes:
            if asked:
                session.tell(requests.why_no_wish(session))
            return
        if asked and not self.jobs.is_ready:
            session.tell("The engine is being loaded...")
        origin = session.frame
        self._ahead.cancel()

        def make() -> Job:
            propagate = import_module("app.jobs.propagate")
            self._seen = set()
            self.proposals.begin(origin, choice.method)
            request = requests.propagate(document, self._settings, choice, origin, wishes)
            job: Job = propagate.propagate_job(self._the_keeper(), request)
            return job

        def finish(summary: Any) -> None:
            self.proposals.keep_only(self._seen)
            if asked and not summary.n_proposed:
                session.tell("Nothing is proposed: " + requests.why_nothing(choice, summary.n_asked))

        self._runner.start("Propagate", make, finish)

    def _the_keeper(self) -> FootageKeeper:
        if self._keeper is None:
            self._keeper = new_keeper(_IMAGE_BYTES)
        return self._keeper

    @Slot()
    def _look_ahead(self) -> None:
        """Somebody rests on a person: a correction may come, and its preview is to be quick."""
        document, track_id, frame = self._session.document, self._session.selected_track, self._session.frame
        if document is None or track_id is None or not self._session.can_correct or self.is_busy:
            return
        if not self.jobs.is_ready:
            return
        propagate = import_module("app.jobs.propagate")
        request = requests.look_ahead(document, self._settings, self.choices.value, frame=frame, track_id=track_id)
        keeper = self._the_keeper()
        self._ahead.start("Look ahead", lambda: propagate.look_ahead_job(keeper, request), lambda _: None)

    # -- what comes

    @Slot(object)
    def _on_produced(self, payload: object) -> None:
        propagate = import_module("app.jobs.propagate")
        if isinstance(payload, propagate.ProposedFrame):
            self._seen.add(Place(payload.pose.frame, payload.pose.track_id))
            self.proposals.take(payload)


def _same(one: FloatArray, other: FloatArray) -> bool:
    return np.array_equal(one, other, equal_nan=True)
