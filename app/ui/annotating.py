"""Letting a model annotate: runs over frames, and poses of single persons in boxes that somebody drew.

The model works on a thread; its poses are taken into the document here, on the UI thread, as they come. A run is one
undo step that grows; undoing it stops the run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from app.jobs.bridge import JobFeed
from app.project import edits
from app.project.records import Edit
from app.ui.canvas.tools import person_of
from app.ui.run_choice import RunChoice, forget_run, remember_run, take_unfinished_run
from app.ui.session import Session
from app.ui.settings import Settings
from dcpose_core.boxes import COCO_BOXES, to_convention
from dcpose_core.errors import DCPoseError
from dcpose_core.types import Detection, FloatArray, FramePoses, PersonPose
from dcpose_core.wording import counted

if TYPE_CHECKING:
    from app.jobs.annotate import AnnotateRequest
    from app.project.document import Document
    from app.project.prediction_run import PredictionRun

#: A proposal with fewer joints that would be drawn is nobody.
_LEAST_JOINTS = 4
_SURE = 0.25
#: What was told is on the screen after so long.
_PAINTED_MS = 50


@dataclass(frozen=True, slots=True)
class RunProgress:
    """For the status bar. rate: frames a second; eta_s: seconds to go; None: not known yet."""

    title: str
    done: int
    total: int
    rate: float | None
    eta_s: float | None
    message: str


class Annotating(QObject):
    """One run at a time, with proposals for single persons before it or behind it in the queue."""

    #: `RunProgress` while something runs, None when nothing does.
    progressed = Signal(object)
    #: Where the network really runs.
    device_changed = Signal(str)
    #: A job failed by a bug: (what, report).
    crashed = Signal(str, str)

    def __init__(self, session: Session, jobs: JobFeed, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._jobs = jobs
        self._settings = settings
        self._job_id: int | None = None
        self._title = ""
        self._message = ""
        self._has_started = False
        #: Whether somebody waits for the engine.
        self.is_loading = False
        self._choice: RunChoice | None = None
        self._run: PredictionRun | None = None
        #: Proposals under way: job -> what becomes of the poses.
        self._proposals: dict[int, Callable[[FramePoses], None]] = {}
        self._held: list[Any] = []
        session.long_edit.busy_changed.connect(self._take_held, Qt.ConnectionType.QueuedConnection)
        # Queued: of a job that is over before `submit` returns, the events come on this thread and before its id.
        jobs.posted.connect(self._on_event, Qt.ConnectionType.QueuedConnection)
        session.document_changed.connect(self.abandon)

    @property
    def is_running(self) -> bool:
        """Whether a run over frames is under way."""
        return self._job_id is not None

    @property
    def is_busy(self) -> bool:
        return self.is_running or bool(self._proposals)

    def when_loaded(self, do: Callable[[], object]) -> None:
        """Call `do` once the engine is there, at once if it is; till then the status bar says what is waited for."""
        if self._jobs.is_ready:
            do()
            return
        self.is_loading = True
        self._session.tell("Loading the model: this takes a few seconds the first time.")
        self.progressed.emit(RunProgress("Loading the model", 0, 0, None, None, ""))

        def loaded() -> None:
            self.is_loading = False
            do()
            if not self.is_busy:
                self.progressed.emit(None)

        # Later, since the import keeps the window from painting what was just told.
        QTimer.singleShot(_PAINTED_MS, self, lambda: self._jobs.when_ready(loaded))

    # -- runs

    def start(self, choice: RunChoice) -> None:
        """Annotate as chosen; needs the engine (`JobFeed.when_ready`)."""
        document = self._session.document
        if document is None or self.is_running or not self._session.can_edit:
            return
        annotate = import_module("app.jobs.annotate")
        prediction_run = import_module("app.project.prediction_run")
        boxes = None
        if choice.tracks is not None:
            boxes = prediction_run.boxes_of_tracks(document, choice.tracks, choice.first, choice.last)
            if not boxes:
                self._session.tell("These persons are on none of the chosen frames.", kind="warning")
                return
        request = _request(document, choice.model, choice.device, choice.first, choice.last, boxes, choice.tiles)
        n_frames = choice.last - choice.first + 1
        self._title = f"Annotate {counted(n_frames, 'frame')}"
        try:
            self._run = prediction_run.PredictionRun(document, self._title, only_tracks=choice.tracks)
        except DCPoseError as error:
            self._session.tell(str(error), kind="error")
            return
        remember_run(self._settings, document, choice, step=self._run.step)
        self._choice, self._message, self._has_started = choice, "", False
        self._job_id = self._jobs.submit(self._title, annotate.annotate_job(request))
        self._tell_progress(0, n_frames, None, None)

    def cancel(self) -> None:
        """Stop; what is done stays."""
        for job_id in [*self._proposals, *([] if self._job_id is None else [self._job_id])]:
            self._jobs.cancel(job_id)

    def offer_rest(self) -> None:
        """Tell that the last run on the document was cut off, if it was, and offer to go on with it."""
        document = self._session.document
        unfinished = None if document is None or document.read_only else take_unfinished_run(self._settings, document)
        if unfinished is None:
            return
        choice, reached = unfinished.choice, unfinished.reached
        what = f"Annotating frames {choice.first} to {choice.last} was cut off"
        done = "before the first one was done" if reached is None else f"after frame {reached}: what was done is kept"
        self._session.tell(
            f"{what} {done}.",
            action="Go On",
            handler=lambda: self.when_loaded(lambda: self.start(unfinished.rest())),
        )

    @Slot()
    def abandon(self) -> None:
        """Another document is shown, the one before about to be closed: stop, and take nothing more."""
        if self.is_busy:
            self.cancel()
            self._proposals.clear()
            self._end_run()
            self.progressed.emit(None)

    # -- single persons

    def propose(self, frame: int, box_xyxy: FloatArray) -> None:
        """Add a person to `frame`, with the pose that the model sees in a box drawn around the body."""

        def build(document: Document, poses: FramePoses) -> Edit:
            return edits.add_person(document, frame, _person(poses))

        self._propose(frame, to_convention(box_xyxy, COCO_BOXES), build)

    @Slot(int, int)
    def rerun_in_own_box(self, frame: int, track_id: int) -> None:
        """Have the model look at one person again, in the box that the person has."""
        document = self._session.document
        person = None if document is None else document.person(frame, track_id)
        if person is not None and person.box_xyxy is not None:
            self._rerun(frame, track_id, person.box_xyxy)

    def rerun_in_drawn_box(self, frame: int, track_id: int, box_xyxy: FloatArray) -> None:
        """Have the model look at one person again, in a box that was drawn around the body."""
        self._rerun(frame, track_id, to_convention(box_xyxy, COCO_BOXES))

    def _rerun(self, frame: int, track_id: int, box_xyxy: FloatArray) -> None:

        def build(document: Document, poses: FramePoses) -> Edit:
            return edits.set_person(document, frame, track_id, _person(poses), label="Re-run model on person")

        self._propose(frame, box_xyxy, build)

    def _propose(self, frame: int, box_xyxy: FloatArray, build: Callable[[Document, FramePoses], Edit]) -> None:
        document = self._session.document
        if document is None or not self._session.can_edit:
            return

        def take(poses: FramePoses) -> None:
            if self._session.document is not document:
                return
            if not any(_is_seen(person) for person in poses.persons):
                self._session.tell(
                    "The model sees nobody in this box. Draw it around the whole person, or click joints."
                )
                return
            edit = build(document, poses)
            if self._session.submit(edit) and self._session.frame == frame:
                self._session.select(person_of(edit))

        def submit() -> None:
            annotate = import_module("app.jobs.annotate")
            boxes = {frame: [Detection(box_xyxy, 1.0, track_id=0)]}
            request = _request(document, self._settings.model, self._settings.device, frame, frame, boxes, 1)
            self._proposals[self._jobs.submit("Propose a pose", annotate.annotate_job(request))] = take

        self.when_loaded(submit)
        self.progressed.emit(RunProgress("Proposing a pose", 0, 0, None, None, ""))

    # -- events

    @Slot(object)
    def _on_event(self, event: Any) -> None:
        if self._session.long_edit.is_busy:
            self._held.append(event)  # nothing else can be changed: it is taken afterwards
            return
        worker = import_module("app.jobs.worker")
        annotate = import_module("app.jobs.annotate")
        job_id = event.job_id
        if job_id != self._job_id and job_id not in self._proposals:
            return
        if isinstance(event, worker.Produced):
            if isinstance(event.payload, annotate.RunStarted):
                self._has_started = True
                self.device_changed.emit(event.payload.device)
            elif isinstance(event.payload, annotate.PredictedFrames):
                self._take(job_id, event.payload.frames)
        elif isinstance(event, worker.Progressed):
            if job_id == self._job_id:
                if event.message and self._has_started:  # what goes on differently than asked for
                    self._session.tell(_sentence(event.message))
                elif event.message:
                    self._message = event.message
                self._tell_progress(event.done, event.total, event.rate, event.eta_s)
        elif isinstance(event, worker.Failed):
            self._on_failed(event.error, known=event.known, report=event.report)
            self._on_over(job_id)
        elif isinstance(event, worker.Cancelled | worker.Finished):
            if job_id == self._job_id:
                self._tell_end(cancelled=isinstance(event, worker.Cancelled), result=getattr(event, "result", None))
            self._on_over(job_id)

    @Slot(bool)
    def _take_held(self, _busy: bool) -> None:
        held, self._held = self._held, []
        for event in held:
            self._on_event(event)

    def _take(self, job_id: int, frames: tuple[FramePoses, ...]) -> None:
        if job_id in self._proposals:
            for poses in frames:
                self._proposals[job_id](poses)
            return
        if self._run is None:
            return
        try:
            self._run.take(frames)
        except DCPoseError as error:
            self._jobs.cancel(job_id)
            kept = f" ({self._run.n_taken} frames are annotated)" if self._run.n_taken else ""
            self._session.tell(f"Annotating stopped{kept}: {error}", kind="error")
            self._on_over(job_id)  # now, so that the end of the job says nothing over this
            return
        if self._run.cancelled:
            self._jobs.cancel(job_id)

    def _on_failed(self, error: str, *, known: bool, report: str) -> None:
        if not known:
            self.crashed.emit(f"Annotating stopped: {error}", report)
            return
        choice = self._choice
        if choice is not None and choice.device != "cpu" and ("device" in error or "memory" in error):
            self._session.tell(
                f"Annotating stopped: {error}",
                kind="error",
                action="Use the CPU",
                handler=lambda: self.start(replace(choice, device="cpu")),
            )
        else:
            self._session.tell(f"Annotating stopped: {error}", kind="error")

    def _tell_end(self, *, cancelled: bool, result: Any) -> None:
        run = self._run
        if run is None or run.cancelled:
            return
        left = f" {run.n_skipped} verified or edited frames were left as they are." if run.n_skipped else ""
        left += f" {run.n_rejected} poses that you had deleted were left out." if run.n_rejected else ""
        done = f"{counted(run.n_taken, 'frame')} annotated."
        if cancelled:
            tell = self._session.tell_done if run.n_taken else self._session.tell
            tell(f"Stopped: {done}{left}")
        else:
            damaged = "".join(f" Left out: {text}." for text in result.damaged[:3]) if result is not None else ""
            self._session.tell(f"{done}{left}{damaged}", kind="warning" if damaged else "info")

    def _on_over(self, job_id: int) -> None:
        self._proposals.pop(job_id, None)
        if job_id == self._job_id:
            self._end_run()
            if self._session.document is not None:
                forget_run(self._settings, self._session.document)
        if not self.is_busy:
            self.progressed.emit(None)

    def _end_run(self) -> None:
        run, self._run, self._job_id = self._run, None, None
        if run is not None:
            try:
                run.close()
            except DCPoseError as error:
                self._session.tell(str(error), kind="error")

    def _tell_progress(self, done: int, total: int, rate: float | None, eta_s: float | None) -> None:
        self.progressed.emit(RunProgress(self._title, done, total, rate, eta_s, self._message))


def _request(
    document: Document,
    model: str,
    device: str,
    first: int,
    last: int,
    boxes: dict[int, list[Detection]] | None,
    tiles: int,
) -> AnnotateRequest:
    annotate = import_module("app.jobs.annotate")
    pipeline = import_module("dcpose_core.pipeline")
    request: AnnotateRequest = annotate.AnnotateRequest(
        video=document.video.path,
        fingerprint=document.video.fingerprint,
        model=model,
        device=device,
        tiles=tiles,
        boxes=boxes,
        settings=pipeline.AnalysisSettings(start=first, stop=last + 1),
    )
    return request


def _sentence(text: str) -> str:
    """A message of the engine as a sentence; one that begins with a name, such as `cuda:0`, stays as it is."""
    return text[0].upper() + text[1:] if text.partition(" ")[0].isalpha() else text


def _is_seen(pose: PersonPose) -> bool:
    """Whether the model is sure of enough joints to call it a person; asked for a pose, it always gives one."""
    return pose.scores is not None and int((pose.scores >= _SURE).sum()) >= _LEAST_JOINTS


def _person(poses: FramePoses) -> Any:
    return import_module("app.project.poses").person_of(poses.persons[0])
