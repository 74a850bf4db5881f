"""A stretch of frames with everybody on it, as dense arrays that checks can look at all at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dcpose_core.review.body import head_lengths
from dcpose_core.review.source import JOINTS, BoolArray, PoseRows, ReviewSource
from dcpose_core.types import FloatArray, IntArray

Float32 = NDArray[np.float32]
_Number = TypeVar("_Number", bound=np.generic)

#: How many frames either way a check may look. What changes on a frame changes nothing farther away than this.
REACH = 8


@dataclass(frozen=True, eq=False)
class Block:
    """F consecutive frames of a video and the P tracks that are on any of them. Float arrays are float32.

    first: the video's number of frame 0. n_frames: of the video. times_s: float64 `[F]`. examined: bool `[F]`, frames
    that somebody looked at. size_px: width and height of the picture or None. track_ids: int64 `[P]`, ascending.
    present: bool `[F, P]`. keypoints: `[F, P, 17, 2]`, image pixels, nan where not located. located, human: bool
    `[F, P, 17]`. scores, refinement_px: `[F, P, 17]`, nan where unknown. boxes_xyxy: `[F, P, 4]`, nan where unknown.
    usual_limbs: `[P, len(LIMBS)]`, the person's usual limb lengths in head lengths, nan where unknown.
    """

    first: int
    n_frames: int
    times_s: FloatArray
    examined: BoolArray
    size_px: tuple[int, int] | None
    track_ids: IntArray
    present: BoolArray
    keypoints: Float32
    located: BoolArray
    human: BoolArray
    scores: Float32
    refinement_px: Float32
    boxes_xyxy: Float32
    usual_limbs: Float32

    @cached_property
    def head_px(self) -> Float32:
        """`[F, P]`: length of the head, the unit of all distances, the median over frames around; nan if unknown."""
        of_frame = head_lengths(self.keypoints)
        around = np.stack([shifted(of_frame, by) for by in range(-REACH, REACH + 1, 2)])
        return nanmedian(around)

    @property
    def n_tracks(self) -> int:
        return len(self.track_ids)


def load_block(source: ReviewSource, first: int, stop: int) -> Block:
    """The frames `first` to `stop`, `stop` excluded, as far as the video has them."""
    n_frames = len(source.times_s)
    first, stop = max(first, 0), min(stop, n_frames)
    return block_of(
        source.rows(first, stop),
        first=first,
        n_frames=n_frames,
        times_s=source.times_s[first:stop],
        examined=source.examined(first, stop),
        size_px=source.size_px,
    )


def block_of(
    rows: PoseRows,
    *,
    first: int,
    n_frames: int,
    times_s: FloatArray,
    examined: BoolArray,
    size_px: tuple[int, int] | None,
) -> Block:
    track_ids, person = np.unique(rows.track_ids, return_inverse=True)
    at = (rows.frames - first, person)
    shape = (len(times_s), len(track_ids))

    def spread(values: NDArray[_Number], empty: _Number | float | bool, dtype: type) -> NDArray[_Number]:
        dense = np.full((*shape, *values.shape[1:]), empty, dtype)
        dense[at] = values
        return dense

    located = spread(rows.located, False, np.bool_)
    keypoints = spread(rows.keypoints, np.nan, np.float32)
    keypoints[~located] = np.nan
    return Block(
        first=first,
        n_frames=n_frames,
        times_s=times_s,
        examined=examined,
        size_px=size_px,
        track_ids=track_ids,
        present=spread(np.ones(len(rows), np.bool_), False, np.bool_),
        keypoints=keypoints,
        located=located,
        human=spread(rows.human, False, np.bool_),
        scores=spread(rows.scores, np.nan, np.float32),
        refinement_px=spread(rows.refinement_px, np.nan, np.float32),
        boxes_xyxy=spread(rows.boxes_xyxy, np.nan, np.float32),
        usual_limbs=np.full((len(track_ids), 0), np.nan, np.float32),
    )


def shifted(values: NDArray[_Number], by: int) -> NDArray[_Number]:
    """`values[f + by]` at f, along the first axis; nan (False) where there is no such frame."""
    result = np.full_like(values, np.nan if values.dtype.kind == "f" else 0)
    n = len(values)
    if abs(by) < n:
        result[max(-by, 0) : n - max(by, 0)] = values[max(by, 0) : n - max(-by, 0)]
    return result


def nanmedian(values: Float32) -> Float32:
    """Lower median along the first axis of what is not nan; nan where all are. numpy's own is slow and warns."""
    ordered = np.sort(values, axis=0)  # nan comes last
    count = np.isfinite(values).sum(axis=0)
    middle = np.maximum(count - 1, 0) // 2
    median: Float32 = np.take_along_axis(ordered, middle[None], axis=0)[0]
    return median


def on_all_joints(values: NDArray[_Number]) -> NDArray[_Number]:
    """What is true of a person, `[F, P]`, said of each joint, `[F, P, 17]`; a view."""
    return np.broadcast_to(values[..., None], (*values.shape, JOINTS))
