"""`analyse`: from the frames of a video to the tracked poses of its persons, one key frame after the other.

    frames -> detections -> tracks -> crops of previous, key and next frame -> network -> poses

A generator: asking for the next pose is progress, closing it cancels. Each frame is decoded once and let go as soon
as no key frame needs it, so memory does not grow with the length of the video.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import torch

from dcpose_core.detectors import Detector
from dcpose_core.devices import Announce
from dcpose_core.errors import UsageError
from dcpose_core.estimation import CropRequest, Estimates, Evidence, PoseEstimator, StageClock, WindowEvidence
from dcpose_core.following import look_for_missed
from dcpose_core.journal import Journal
from dcpose_core.models.pose_model import PoseModel
from dcpose_core.neighbours import choose_neighbours
from dcpose_core.trackers import FrameBoxes, Tracker, bridge_tracks
from dcpose_core.types import Detection, FloatArray, Frame, FramePoses, PersonPose, TrackedBox, Visibility
from dcpose_core.video import FrameSource
from dcpose_core.views import check_views

#: Key frames held back at most to fill a batch when few persons are in view.
_MAX_WAITING_KEY_FRAMES = 8


class BackboneMode(StrEnum):
    """How the neighbours' heatmaps are made."""

    EXACT = "exact"  #: as the reference: the key frame's box crops all three frames, three backbone passes per person
    SHARED = "shared"  #: one pass per person and frame in its own smoothed box, moved into the key frame's crop


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisSettings:
    """What to analyse and how.

    start, stop: range of key frames, 0-based, `stop` excluded (None: to the end); neighbours may lie outside it.
    temporal: refine with the neighbours. interval: distance T to the neighbours in frames, 1 to 4.
    batch_size: crops per backbone pass. lookahead_s: how far ahead tracks are looked at to bridge gaps.
    follow: look with the network for tracked persons whom the detector misses.
    persons: track ids to annotate, None for all. views: looks at every crop, a key of `VIEWS`; more are slower.
    """

    start: int = 0
    stop: int | None = None
    temporal: bool = True
    backbone_mode: BackboneMode = BackboneMode.SHARED
    interval: int = 1
    batch_size: int = 8
    lookahead_s: float = 0.32
    follow: bool = True
    persons: frozenset[int] | None = None
    views: int = 1

    def lookahead_frames(self, frame_rate: float) -> int:
        """`lookahead_s` in frames; not so many that frames in waiting fill the memory."""
        return min(max(round(self.lookahead_s * frame_rate), 4), 20)

    def key_frames(self, n_frames: int) -> range:
        """The key frames in a video of `n_frames`. Raises `UsageError` for a range that has none."""
        stop = n_frames if self.stop is None else min(self.stop, n_frames)
        if not 0 <= self.start < stop:
            asked = f"{self.start} to {'the end' if self.stop is None else self.stop}"
            raise UsageError(f"no frame to analyse: frames {asked} were asked for, the video has 0 to {n_frames - 1}")
        if self.batch_size < 1:
            raise UsageError(f"the batch size must be at least 1, not {self.batch_size}")
        if not 1 <= self.interval <= 4:
            raise UsageError(f"the interval to the neighbouring frames must be 1 to 4, not {self.interval}")
        check_views(self.views)
        return range(self.start, stop)


def analyse(
    source: FrameSource,
    *,
    model: PoseModel,
    device: torch.device,
    detector: Detector | None,
    tracker: Tracker,
    settings: AnalysisSettings,
    announce: Announce,
    given_boxes: Mapping[int, Sequence[Detection]] | None = None,
    journal: Journal | None = None,
    clock: StageClock | None = None,
) -> Generator[FramePoses, None, None]:
    """Yield the poses of every key frame that can be decoded, in order.

    given_boxes: frame index -> boxes (and identities) that replace the detector's; they are used as they are, neither
    bridged nor smoothed. journal: frames it holds are not yielded again; new ones are recorded in it.
    announce: told of everything that goes on differently than asked for.
    Raises `UsageError`, `VideoError` or `DeviceError`.
    """
    if (detector is None) == (given_boxes is None):
        raise ValueError("boxes come from a detector or from given_boxes: exactly one of them")
    clock = clock or StageClock()
    key_frames = settings.key_frames(len(source))
    if journal is not None and journal.last_finished is not None:
        key_frames = range(journal.last_finished + 1, key_frames.stop)
        if not key_frames:
            return
    estimator = PoseEstimator(
        model,
        device=device,
        batch_size=settings.batch_size,
        temporal=settings.temporal and model.temporal is not None,
        announce=announce,
        views=settings.views,
        clock=clock,
    )
    window = _Window(source, estimator, settings)
    observed = _observe(source, key_frames, window, detector, given_boxes, tracker, estimator, settings, journal, clock)
    if given_boxes is None:
        smooth = settings.backbone_mode is BackboneMode.SHARED
        bridged = bridge_tracks(observed, lookahead=settings.lookahead_frames(source.frame_rate), smooth=smooth)
        observed = _numbered(bridged)

    with closing(estimator):
        for poses in _poses(observed, window, key_frames, settings):
            if journal is not None:
                journal.record_poses(poses)
            yield poses


def _poses(
    observed: Iterable[FrameBoxes], window: _Window, key_frames: range, settings: AnalysisSettings
) -> Iterator[FramePoses]:
    """Hold key frames back until their next frame is there and a batch is full."""
    waiting: list[int] = []
    for index, boxes in observed:
        window.boxes[index] = {box.track_id: box for box in boxes}
        if index in key_frames:
            waiting.append(index)
        ready = [key for key in waiting if key + settings.interval <= index]
        n_persons = sum(len(window.persons(key)) for key in ready)
        if n_persons >= settings.batch_size or len(ready) >= _MAX_WAITING_KEY_FRAMES:
            waiting = waiting[len(ready) :]
            yield from window.poses(ready)
            window.forget_before(ready[-1] + 1)
    yield from window.poses(waiting)


def _numbered(observed: Iterable[FrameBoxes]) -> Iterator[FrameBoxes]:
    """Track ids 0, 1, 2, ... in the order in which persons come into view: the tracker's own have gaps where it
    took somebody for a person and thought better of it."""
    numbers: dict[int, int] = {}
    for index, boxes in observed:
        yield index, [replace(box, track_id=numbers.setdefault(box.track_id, len(numbers))) for box in boxes]


def _observe(
    source: FrameSource,
    key_frames: range,
    window: _Window,
    detector: Detector | None,
    given_boxes: Mapping[int, Sequence[Detection]] | None,
    tracker: Tracker,
    estimator: PoseEstimator,
    settings: AnalysisSettings,
    journal: Journal | None,
    clock: StageClock,
) -> Iterator[tuple[int, list[TrackedBox]]]:
    """Decode, detect and track; puts the frames into `window`.

    Detections recorded in the journal are replayed through the tracker, so that a resumed run knows everyone; frames
    are decoded only from the first one that an unfinished key frame needs.
    """
    decode_from = max(0, key_frames.start - settings.interval)
    decode_to = min(len(source), key_frames.stop + settings.interval)
    recorded = journal.detections() if journal is not None else iter(())
    upcoming = next(recorded, None)
    while upcoming is not None and upcoming[0] < decode_from:
        index, detections = upcoming
        yield index, tracker.update(index, float(source.times_s[index]), detections)
        upcoming = next(recorded, None)

    frames = iter(source.frames(decode_from, decode_to))
    while True:
        with clock.stage("decode video"):
            frame = next(frames, None)
        if frame is None:
            return
        window.frames[frame.index] = frame
        if upcoming is not None and upcoming[0] == frame.index:
            detections = upcoming[1]
            upcoming = next(recorded, None)
        else:
            with clock.stage("detect"):
                if detector is not None:
                    detections = detector.detect(frame.image)
                else:
                    detections = list((given_boxes or {}).get(frame.index, ()))
            if detector is not None and settings.follow:
                expected = tracker.expected(frame.time_s)
                detections += look_for_missed(frame.image, expected, detections, estimator)
            if journal is not None:
                journal.record_detections(frame.index, detections)
        with clock.stage("track"):
            tracked = tracker.update(frame.index, frame.time_s, detections)
        yield frame.index, tracked


class _Window:
    """The frames, boxes and backbone results that key frames still need."""

    def __init__(self, source: FrameSource, estimator: PoseEstimator, settings: AnalysisSettings) -> None:
        self._n_frames = len(source)
        self._estimator = estimator
        self._settings = settings
        self.frames: dict[int, Frame] = {}
        self.boxes: dict[int, dict[int, TrackedBox]] = {}
        # One pass per person and frame, (track id, frame index): what `shared` shares.
        self._evidence: dict[tuple[int, int], Evidence] = {}

    def persons(self, index: int) -> list[TrackedBox]:
        """The boxes of key frame `index` that were asked for."""
        wanted = self._settings.persons
        boxes = self.boxes[index].values()
        return [box for box in boxes if wanted is None or box.track_id in wanted]

    def forget_before(self, next_key: int) -> None:
        """Let go of what no key frame from `next_key` on can need."""
        oldest = next_key - self._settings.interval
        self.frames = {index: frame for index, frame in self.frames.items() if index >= oldest}
        self.boxes = {index: boxes for index, boxes in self.boxes.items() if index >= oldest}
        self._evidence = {key: evidence for key, evidence in self._evidence.items() if key[1] >= oldest}

    def poses(self, key_frames: Sequence[int]) -> list[FramePoses]:
        """The poses of these key frames; everything they need must be in the window."""
        asked = [(index, box) for index in key_frames for box in self.persons(index)]
        windows = self._windows(asked)
        estimates = self._estimator.estimate(windows)
        persons: dict[int, list[PersonPose]] = {index: [] for index in key_frames}
        for i, (index, box) in enumerate(asked):
            persons[index].append(_person_pose(box, estimates, i))
        return [FramePoses(index, tuple(persons[index]), self.frames[index].time_s) for index in key_frames]

    def _windows(self, asked: Sequence[tuple[int, TrackedBox]]) -> list[WindowEvidence]:
        if self._estimator.temporal and self._settings.backbone_mode is BackboneMode.SHARED:
            return self._shared_windows(asked)
        return self._exact_windows(asked)

    def _exact_windows(self, asked: Sequence[tuple[int, TrackedBox]]) -> list[WindowEvidence]:
        """The key frame's box on all three frames; on one only where nothing looks at the others."""
        matrices = [self._estimator.crop_matrix(box.box_xyxy) for _, box in asked]
        current = self._evidence_of([(index, m) for (index, _), m in zip(asked, matrices, strict=True)])
        if not self._estimator.temporal:
            return [WindowEvidence(evidence, evidence, evidence, (1, 1)) for evidence in current]
        around = [self._neighbours(index) for index, _ in asked]
        previous = self._evidence_of([(n[0], m) for n, m in zip(around, matrices, strict=True)])
        following = self._evidence_of([(n[1], m) for n, m in zip(around, matrices, strict=True)])
        return [
            WindowEvidence(c, c if before == index else p, c if after == index else n, margin)
            for (index, _), c, p, n, (before, after, margin) in zip(
                asked, current, previous, following, around, strict=True
            )
        ]

    def _shared_windows(self, asked: Sequence[tuple[int, TrackedBox]]) -> list[WindowEvidence]:
        """Each person's own box on each frame, once; the key frame's where the person has none on a neighbour."""
        around = [self._neighbours(index) for index, _ in asked]
        needed: dict[tuple[int, int], FloatArray] = {}
        strangers: list[tuple[int, FloatArray]] = []
        for (index, box), (previous, following, _) in zip(asked, around, strict=True):
            for neighbour in (index, previous, following):
                own = self.boxes.get(neighbour, {}).get(box.track_id)
                if own is None:
                    strangers.append((neighbour, self._estimator.crop_matrix(box.box_xyxy)))
                elif (box.track_id, neighbour) not in self._evidence:
                    needed[box.track_id, neighbour] = self._estimator.crop_matrix(own.box_xyxy)
        made = iter(self._evidence_of([*((key[1], matrix) for key, matrix in needed.items()), *strangers]))
        self._evidence.update(zip(needed, made, strict=False))
        windows = []
        for (index, box), (previous, following, margin) in zip(asked, around, strict=True):
            c, p, n = (self._evidence.get((box.track_id, i)) or next(made) for i in (index, previous, following))
            windows.append(WindowEvidence(c, p, n, margin))
        return windows

    def _evidence_of(self, crops: Sequence[tuple[int, FloatArray]]) -> list[Evidence]:
        return self._estimator.evidence([CropRequest(self.frames[index].image, matrix) for index, matrix in crops])

    def _neighbours(self, index: int) -> tuple[int, int, tuple[int, int]]:
        """Previous and next frame and their margins, nearer ones where a frame could not be decoded."""
        found = choose_neighbours(
            index,
            self._n_frames,
            interval=self._settings.interval,
            border_margin=self._estimator.border_margin,
            available=self.frames.__contains__,
        )
        return found.previous, found.next, (found.margin_left, found.margin_right)


def _person_pose(box: TrackedBox, estimates: Estimates, i: int) -> PersonPose:
    scores, moved = estimates.scores[i], estimates.refinement_px
    # A heatmap without a positive cell says nothing; the decode rule then puts the joint into the crop's corner.
    visibility = np.where(scores > 0, Visibility.VISIBLE, Visibility.ABSENT)
    return PersonPose(
        keypoints=estimates.keypoints[i],
        visibility=visibility.astype(np.uint8),
        scores=scores,
        track_id=box.track_id,
        box_xyxy=box.box_xyxy,
        score=box.score,
        refinement_px=None if moved is None else moved[i],
    )
