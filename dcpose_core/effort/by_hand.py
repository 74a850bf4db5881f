"""Annotation without any model: every joint by hand, or key frames with straight lines between.

The annotator of key frames is a good one: keys of different joints may lie on different frames, each correction is a
key and bends the line on both sides at once, and one of them knows from the start where the line is worst.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dcpose_core.effort.desk import HAND_NOISE
from dcpose_core.effort.tally import Effort, ErrorSums, joint_frames_of
from dcpose_core.effort.truth import BoolArray, Truth
from dcpose_core.types import FloatArray


class Line:
    """One joint of one person over the frames on which it is asked for, drawn through its keys.

    frames: `[N]`. true, by_hand: `[N, 2]`, image pixels. head_lengths_px: `[N]`. keys: bool `[N]`.
    """

    def __init__(
        self, frames: FloatArray, true: FloatArray, by_hand: FloatArray, head_lengths_px: FloatArray, keys: BoolArray
    ) -> None:
        self.frames = frames
        self.keys = keys.copy()
        self._true = true
        self._by_hand = by_hand
        self._head_lengths_px = head_lengths_px

    def errors(self) -> FloatArray:
        """Distances `[N]` to the truth in head lengths; infinite where there is no key yet. Beyond the outer keys the
        joint stays where it is."""
        if not self.keys.any():
            return np.full(len(self.frames), np.inf)
        at, to = self.frames[self.keys], self._by_hand[self.keys]
        x, y = (np.interp(self.frames, at, to[:, axis]) for axis in (0, 1))
        return np.asarray(np.hypot(x - self._true[:, 0], y - self._true[:, 1]) / self._head_lengths_px)


#: Adds keys to a line until its annotator, who tolerates so many head lengths, is content.
Finish = Callable[[Line, float], None]


def leave(_line: Line, _tolerance: float) -> None:
    """Take what the line gives."""


def correct_in_order(line: Line, tolerance: float) -> None:
    """Frame after frame, a key where the line as it is then lies too far off."""
    for at in range(len(line.frames)):
        line.keys[at] |= line.errors()[at] > tolerance


def correct_where_worst(line: Line, tolerance: float) -> None:
    """A key where the line is farthest off, until it is nowhere too far."""
    while (errors := line.errors()).max() > tolerance:
        line.keys[errors.argmax()] = True


def every_joint(truth: Truth, *, tolerance: float, rng: np.random.Generator) -> Effort:
    """From scratch: everything is touched once."""
    return key_frames(truth, every=1, finish=leave, tolerance=tolerance, rng=rng)


def key_frames(
    truth: Truth, *, every: int | None, finish: Finish, tolerance: float, rng: np.random.Generator
) -> Effort:
    """Joints by hand on every so many frames of a person and the last one, straight lines between, then `finish`.

    every: None for the first and the last frame only. tolerance: what is farther off is wrong, head lengths. All is
    drawn from nothing, so all is wrong at the start.
    """
    joint_frames = joint_frames_of(truth)
    touched, visits, visits_touched, errors = 0, 0, 0, [np.empty(0)]
    for track in truth.values():
        frames = sorted(track)
        poses = [track[frame] for frame in frames]
        is_key = np.zeros(len(frames), np.bool_)
        is_key[:: every or len(frames)] = True
        is_key[-1] = True
        labelled = np.array([pose.labelled for pose in poses])
        true = np.array([pose.keypoints for pose in poses])
        by_hand = np.array([pose.by_hand(rng, noise=HAND_NOISE) for pose in poses])
        head_lengths_px = np.array([pose.head_length_px for pose in poses])
        keys = np.zeros_like(labelled)
        for joint in np.flatnonzero(labelled.any(axis=0)):
            rows = np.flatnonzero(labelled[:, joint])
            at = np.array(frames, np.float64)[rows]
            line = Line(at, true[rows, joint], by_hand[rows, joint], head_lengths_px[rows], is_key[rows])
            finish(line, tolerance)
            keys[rows, joint] = line.keys
            errors.append(line.errors())
        touched += int(keys.sum())
        visits_touched += int(keys.any(axis=1).sum())
        # To know what is off, every frame has to be looked at; who takes what the lines give looks at key frames only.
        visits += int(is_key.sum()) if finish is leave else len(frames)
    return Effort(
        joint_frames=joint_frames,
        wrong_at_start=joint_frames,
        touched=touched,
        visits=visits,
        visits_touched=visits_touched,
        **ErrorSums.of(np.concatenate(errors), tolerance=tolerance)._asdict(),
    )
