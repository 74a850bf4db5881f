"""How long a person's limbs usually are: the medians over frames spread over the whole track.

Kept up to date frame by frame, so that an edit costs nothing but its own frames.
"""

from __future__ import annotations

import numpy as np

from dcpose_core.review.block import Block, Float32
from dcpose_core.review.body import LIMBS, MIRRORED, head_lengths, limb_lengths
from dcpose_core.types import IntArray

#: Frames of a video that are looked at: every 4th, or in long ones so few that there are at most this many.
_EVERY_FRAME, _MOST_SAMPLES = 4, 2000
#: Fewer samples say nothing.
_FEWEST_SAMPLES = 5
#: Lengths are told in steps of 5 %, so that they hold still while single frames change.
_STEP = np.log(1.05)


class LimbReference:
    """The usual limb lengths of every track, in head lengths."""

    def __init__(self, n_frames: int) -> None:
        self._every = max(_EVERY_FRAME, -(-n_frames // _MOST_SAMPLES))
        self._samples: dict[int, dict[int, Float32]] = {}  # track id -> frame -> lengths
        self._usual: dict[int, Float32] = {}
        self._stale: set[int] = set()

    def sampled(self, first: int, stop: int) -> range:
        """The frames from `first` to `stop`, `stop` excluded, that count."""
        return range(-(-first // self._every) * self._every, stop, self._every)

    def note(self, block: Block, first: int, stop: int) -> None:
        """The frames `first` to `stop`, `stop` excluded, are now as `block` has them."""
        frames = list(self.sampled(first, stop))
        if not frames:
            return
        at = np.array(frames) - block.first
        keypoints = block.keypoints[at]
        lengths = limb_lengths(keypoints) / head_lengths(keypoints)[..., None]
        person = {track_id: p for p, track_id in enumerate(block.track_ids.tolist())}
        for track_id in self._samples.keys() | person.keys():
            samples = self._samples.setdefault(track_id, {})
            for i, frame in enumerate(frames):
                if track_id in person and block.present[at[i], person[track_id]]:
                    samples[frame] = lengths[i, person[track_id]].copy()
                    self._stale.add(track_id)
                elif samples.pop(frame, None) is not None:
                    self._stale.add(track_id)

    def settle(self) -> set[int]:
        """Take what was noted into account; the tracks whose usual lengths it changes."""
        different = set()
        for track_id in self._stale:
            usual = _usual(list(self._samples[track_id].values()))
            if not np.array_equal(usual, self._usual.get(track_id, _UNKNOWN), equal_nan=True):
                different.add(track_id)
                self._usual[track_id] = usual
        self._stale.clear()
        return different

    def usual(self, track_ids: IntArray) -> Float32:
        """`[P, len(LIMBS)]` as of the last `settle`; nan where too little is known. Left and right count together."""
        return np.array([self._usual.get(t, _UNKNOWN) for t in track_ids.tolist()], np.float32).reshape(-1, len(LIMBS))


_UNKNOWN = np.full(len(LIMBS), np.nan, np.float32)


def _usual(samples: list[Float32]) -> Float32:
    if len(samples) < _FEWEST_SAMPLES:
        return _UNKNOWN
    of_frames = np.array(samples)
    both_sides = np.concatenate([of_frames, of_frames[:, MIRRORED]])
    both_sides = np.where(both_sides > 0, both_sides, np.nan)
    known = np.isfinite(both_sides).sum(axis=0)
    ordered = np.sort(both_sides, axis=0)
    median = np.take_along_axis(ordered, (np.maximum(known - 1, 0) // 2)[None], axis=0)[0]
    median[known < _FEWEST_SAMPLES] = np.nan
    steps: Float32 = np.round(np.log(median) / _STEP)
    return np.asarray(np.exp(steps * _STEP), np.float32)
