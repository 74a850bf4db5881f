"""After corrections the model looks again at the frames around them, in the background.

It waits for a pause, so that many corrections are one look, and works on a thread of its own: a preview must not wait
for it. What comes of it joins the last step of the history, and is undone with it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.jobs.bridge import JobFeed
from app.project.document import Document
from app.project.proposal_edits import Placement
from app.project.reinference_edits import replace_by_reinference
from app.project.track_snapshot import snapshot
from app.ui.job_runner import JobRunner
from app.ui.propagation.choices import Choices
from app.ui.propagation.footage import footage_choice, new_keeper
from app.ui.propagation.proposals import Place
from app.ui.propagation.requests import verified_frames
from app.ui.session import Session
from app.ui.settings import Settings

if TYPE_CHECKING:
    from app.jobs.footage_keeper import FootageKeeper
    from app.jobs.reinfer import ReinferRequest
    from app.jobs.worker import Job
    from dcpose_core.propagation import ProposedPose

#: A pause as long as this means that somebody is done with a frame, or looks at it.
_PAUSE_MS = 1500
_REACH_FRAMES = 60
#: Decoded frames that are kept; they are looked at once, one after the other.
_IMAGE_BYTES = 64 << 20


class Reinferring(QObject):
    """See the module. It is told of corrections by `note`."""

    #: An edit came of it: its label.
    done = Signal(str)
    crashed = Signal(str, str)

    def __init__(self, session: Session, settings: Settings, choices: Choices, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._settings = settings
        self._choices = choices
        self.jobs = JobFeed(self, imports="app.jobs.reinfer")
        self._keeper: FootageKeeper | None = None
        self._runner = JobRunner(self.jobs, self)
        self._letting_go = JobRunner(self.jobs, self)
        self._waiting: dict[Place, NDArray[np.bool_]] = {}
        self._has_failed = False  # it would fail again, and say so after each correction
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._begin)
        self._runner.failed.connect(self._on_failed)
        self._runner.crashed.connect(self.crashed)
        choices.changed.connect(self._on_choice_changed)

    @property
    def is_busy(self) -> bool:
        return self._runner.is_busy or bool(self._waiting)

    def note(self, place: Place, joints: NDArray[np.bool_]) -> None:
        """A person corrected these joints `[17]`; look again once it is quiet."""
        self._runner.cancel()
        if self._choices.value.reinfers and not self._has_failed:
            self._waiting[place] = joints
            self._pause.start()

    def forget(self) -> None:
        """Another document is shown: stop, and let go of the video."""
        self._has_failed = False
        self._pause.stop()
        self._waiting.clear()
        self._runner.cancel()
        keeper = self._keeper
        if keeper is not None:
            let_go = import_module("app.jobs.propagate").let_go_job
            self._letting_go.start("Close the video", lambda: let_go(keeper), lambda _: None)

    def close(self) -> None:
        """For closing the window."""
        self._pause.stop()
        self._waiting.clear()
        self._runner.cancel()
        self.jobs.close()
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None

    @Slot()
    def _on_choice_changed(self) -> None:
        if not self._choices.value.reinfers:
            self._pause.stop()
            self._waiting.clear()
            self._runner.cancel()

    @Slot()
    def _begin(self) -> None:
        document = self._session.document
        if document is None or not self._session.can_edit or not self._waiting:
            return
        place, joints = next(iter(self._waiting.items()))

        def make() -> Job:
            if self._keeper is None:
                self._keeper = new_keeper(_IMAGE_BYTES)
            request = _request(document, place, joints, self._settings)
            job: Job = import_module("app.jobs.reinfer").reinfer_job(self._keeper, request)
            return job

        def finish(found: Any) -> None:
            self._waiting.pop(place, None)
            self._take(document, found)
            if self._waiting:
                self._pause.start(0)

        self._runner.start("Look again", make, finish)

    @Slot(str)
    def _on_failed(self, text: str) -> None:
        self._waiting.clear()
        self._has_failed = True
        self._session.tell(f"Looking again stopped: {text}", kind="warning")

    def _take(self, document: Document, found: list[ProposedPose]) -> None:
        edit = replace_by_reinference(
            document,
            [Placement(one.frame, one.track_id, one.proposed, one.keypoints, one.confidence) for one in found],
        )
        if self._session.submit_behind(edit):
            self.done.emit(edit.label)


def _request(document: Document, place: Place, joints: NDArray[np.bool_], settings: Settings) -> ReinferRequest:
    jobs, reinfer = import_module("app.jobs.propagate"), import_module("app.jobs.reinfer")
    first, last = max(0, place.frame - _REACH_FRAMES), min(document.n_frames - 1, place.frame + _REACH_FRAMES)
    request: ReinferRequest = reinfer.ReinferRequest(
        footage=footage_choice(document, settings),
        wish=jobs.TrackWish(snapshot(document, place.track_id, first, last), joints),
        start=place.frame,
        left_out=verified_frames(document, first, last),
    )
    return request
