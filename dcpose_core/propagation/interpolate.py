"""Joints between two human frames, from the human frames alone: on a line, or along a curve that never overshoots.

Only between them: what lies outside is not proposed, since a person who moves on rarely moves on as before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from dcpose_core.propagation.calibration import Claim, confidence, log_head_lengths
from dcpose_core.propagation.human_frames import HumanFrames, head_length_px, open_joints
from dcpose_core.propagation.proposals import JOINTS, Footage, PersonTrack, ProposedPose

#: Human frames on either side that shape the curve: each end of a stretch gets its slope from the one beyond it too.
_SHAPING = 2


class Interpolation:
    """Proposes joints between two human frames of the same joint. Looks at no image.

    curved: along a piecewise cubic that keeps the shape of the human frames (PCHIP, Fritsch and Carlson 1980): within
    each stretch x and y run monotonously from one human frame to the next. Else on a line, as between two frames alone.
    """

    def __init__(self, footage: Footage, *, curved: bool = True) -> None:
        del footage
        self._curved = curved
        self._name = "interpolate" if curved else "linear"

    def propagate(self, track: PersonTrack, frames: Sequence[int], joints: NDArray[np.bool_]) -> Iterator[ProposedPose]:
        human = HumanFrames(track, frames)
        for frame in frames:
            knots = _knots(human, frame, open_joints(track, frame, joints))
            head_px = head_length_px(track, frame)
            if knots and head_px is not None:
                yield self._pose(track, frame, knots, head_px)

    def _pose(
        self, track: PersonTrack, frame: int, joints_of_knots: dict[tuple[int, ...], list[int]], head_px: float
    ) -> ProposedPose:
        keypoints, proposed = np.zeros((JOINTS, 2)), np.zeros(JOINTS, np.bool_)
        readings = {name: np.zeros(JOINTS) for name in ("gap", "near", "moved", "bent")}
        reasons = [""] * JOINTS
        for knots, joints in joints_of_knots.items():
            right = int(np.searchsorted(knots, frame))
            before, after = knots[right - 1], knots[right]
            values = np.array([track.poses[knot].keypoints[joints] for knot in knots])  # [K, n, 2]
            step = values[right] - values[right - 1]
            line = values[right - 1] + (frame - before) / (after - before) * step
            curve = PchipInterpolator(knots, values)(frame)
            keypoints[joints] = curve if self._curved else line
            proposed[joints] = True
            readings["gap"][joints] = np.log(after - before)
            readings["near"][joints] = np.log(min(frame - before, after - frame))
            readings["moved"][joints] = log_head_lengths(np.linalg.norm(step, axis=-1) / head_px)
            readings["bent"][joints] = log_head_lengths(np.linalg.norm(curve - line, axis=-1) / head_px)
            for joint in joints:
                reasons[joint] = f"between the human frames {before} and {after}"
        return ProposedPose(
            frame=frame,
            track_id=track.track_id,
            method=self._name,
            keypoints=keypoints,
            confidence=confidence(Claim(self._name, frame, keypoints, proposed, readings)),
            proposed=proposed,
            reasons=tuple(reasons),
        )


def _knots(human: HumanFrames, frame: int, joints: NDArray[np.bool_]) -> dict[tuple[int, ...], list[int]]:
    """The human frames around `frame` that shape the path of a joint -> the joints that have these."""
    found: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for joint in np.flatnonzero(joints).tolist():
        before, after = human.before(frame, joint, _SHAPING), human.after(frame, joint, _SHAPING)
        if before and after:
            found[*reversed(before), *after].append(joint)
    return dict(found)
