"""The poses of a project as a review wants them: arrays of a stretch of frames, read beside whoever changes it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.project.packing import boxes_of, records_of, refinement_of
from app.project.records import FrameState, JointSource, Layer
from app.project.store import Store
from app.project.video_facts import VideoFacts
from dcpose_core.review.source import BoolArray, PoseRows
from dcpose_core.types import FloatArray, Visibility


class ProjectPoses:
    """A `dcpose_core.review.source.ReviewSource` over a project file, for a thread other than the document's.

    The file is open only while an answer is read, as of one moment: a reader that stays would hold up the writer's log.
    Raises `ProjectError` where it cannot be read. states: `Document.frame_states()`, which follows every edit.
    """

    def __init__(self, path: Path, video: VideoFacts, states: NDArray[np.uint8]) -> None:
        self._path = path
        self._times_s = video.times_s
        self._size_px = (video.width_px, video.height_px)
        self._states = states

    @property
    def times_s(self) -> FloatArray:
        return self._times_s

    @property
    def size_px(self) -> tuple[int, int] | None:
        return self._size_px

    def rows(self, first: int, stop: int) -> PoseRows:
        """What a view shows: the annotation of everybody who has one, else the prediction. Only what a human set or
        accepted counts as human, not what was propagated or copied."""
        with closing(Store.open(self._path, read_only=True)) as store:
            found = [records_of(store.persons_between(layer, first, stop - 1)) for layer in Layer]
        (predicted_on, predicted), (annotated_on, annotated) = found
        hidden = np.isin(_keys(predicted_on, predicted), _keys(annotated_on, annotated))
        frames = np.concatenate([predicted_on[~hidden], annotated_on])
        records = np.concatenate([predicted[~hidden], annotated])
        order = np.argsort(_keys(frames, records))
        frames, records = frames[order], records[order]
        return PoseRows(
            frames=frames,
            track_ids=records["track_id"].astype(np.int64),
            keypoints=records["keypoints"],
            located=records["visibility"] != Visibility.ABSENT,
            human=records["sources"] == JointSource.HUMAN,
            scores=records["scores"],
            refinement_px=refinement_of(records),
            boxes_xyxy=boxes_of(records),
        )

    def verified(self, first: int, stop: int) -> BoolArray:
        return np.asarray(self._states[first:stop] == FrameState.VERIFIED)

    def examined(self, first: int, stop: int) -> BoolArray:
        return np.asarray(self._states[first:stop] != FrameState.NONE)


def _keys(frames: NDArray[np.int64], records: NDArray[np.void]) -> NDArray[np.int64]:
    keys: NDArray[np.int64] = (frames << 32) + records["track_id"]
    return keys
