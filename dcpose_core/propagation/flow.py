"""Human joints carried from frame to frame by optical flow, on a small crop around them; two sides are fused."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from dcpose_core.errors import VideoError
from dcpose_core.propagation.calibration import Claim, confidence, log_head_lengths, logit, precision
from dcpose_core.propagation.human_frames import NOWHERE, HumanFrames, head_length_px, open_joints
from dcpose_core.propagation.optical_flow import Follow
from dcpose_core.propagation.proposals import JOINTS, Footage, PersonTrack, ProposedPose
from dcpose_core.types import FloatArray, ImageArray, IntArray

#: Crops are scaled to this many pixels a head length, enlarged at most so much.
_CROP_HEAD_PX = 28.0
_MOST_ENLARGEMENT = 2.0
#: Head lengths around the followed joints that a crop shows: joints move up to one between frames.
_MARGIN_HEADS = 2.0
_LEAST_CROP_PX = 32
#: Joints are lost where the way back misses by more head lengths, or where there is less to hold on to (grey levels).
_MOST_ROUND_TRIP = 0.5
_LEAST_TEXTURE, _MOST_TEXTURE = 0.5, 1000.0
#: The farther of two human frames counts only up to this many times the distance of the nearer one, and a few frames:
#: it has little to say then, and to come from there costs a step for every frame between.
_FARTHER_TIMES, _FARTHER_FRAMES = 3, 3
#: Nobody believes a joint that was followed farther.
_MOST_STEPS = 60


class FlowPropagator:
    """Follows human joints step by step with `follow`; joints with a human frame on either side are followed from both.

    Stops at what it cannot see: no texture, outside the image, no way back. Damaged frames are stepped over. What was
    followed once is known from then on.
    name: key in `PROPAGATORS` and in the calibration.
    """

    def __init__(self, footage: Footage, follow: Follow, *, name: str) -> None:
        self._footage = footage
        self._follow = follow
        self._name = name
        self._chains: dict[Hashable, _Chain] = {}

    def propagate(self, track: PersonTrack, frames: Sequence[int], joints: NDArray[np.bool_]) -> Iterator[ProposedPose]:
        human = HumanFrames(track, frames)
        for frame in frames:
            sides = []
            anchors_of_sides = _anchors(human, frame, open_joints(track, frame, joints))
            for anchors, direction in zip(anchors_of_sides, (1, -1), strict=True):
                side = _Side.nothing()
                for anchor in np.unique(anchors[anchors != NOWHERE]).tolist():
                    chain = self._chain(track, anchor, direction, joints)
                    if chain is not None and (state := chain.at(frame)) is not None:
                        side.take(state, anchor, anchors == anchor)
                sides.append(side)
            pose = self._fused(track, frame, *sides)
            if pose is not None:
                yield pose

    def _chain(self, track: PersonTrack, anchor: int, direction: int, joints: NDArray[np.bool_]) -> _Chain | None:
        """The same one as long as nothing changes on its human frame."""
        pose, head_px = track.poses[anchor], head_length_px(track, anchor)
        if head_px is None:
            return None
        known = pose.human & pose.located & joints
        key = anchor, direction, head_px, known.tobytes(), pose.keypoints[known].tobytes()
        if key not in self._chains:
            self._chains[key] = _Chain(
                self._footage, self._follow, pose.keypoints, known, anchor, direction=direction, head_px=head_px
            )
        return self._chains[key]

    def _fused(self, track: PersonTrack, frame: int, left: _Side, right: _Side) -> ProposedPose | None:
        head_px = head_length_px(track, frame)
        proposed = left.found | right.found
        if head_px is None or not proposed.any():
            return None
        single = [
            confidence(Claim(self._name, frame, side.state.points, side.found, flow_readings(side.state)))
            for side in (left, right)
        ]
        both = left.found & right.found
        weights = np.stack([precision(p) * side.found for p, side in zip(single, (left, right), strict=True)])
        weights /= np.maximum(weights.sum(axis=0), 1e-12)
        points = weights[0, :, None] * left.state.points + weights[1, :, None] * right.state.points
        apart = np.linalg.norm(left.state.points - right.state.points, axis=-1) / head_px
        readings = both_sides_readings(single[0], single[1], apart)
        fused = confidence(Claim(f"{self._name}, both sides", frame, points, both, readings))
        return ProposedPose(
            frame=frame,
            track_id=track.track_id,
            method=self._name,
            keypoints=points,
            confidence=np.where(both, fused, single[0] + single[1]),
            proposed=proposed,
            reasons=tuple(_reason(left, right, joint) for joint in range(JOINTS)),
        )


class ChainState(NamedTuple):
    """Where followed joints are, and how they got there; all `[17]`.

    points: `[17, 2]`, image pixels. alive: bool. steps: frames from the human frame. round_trip: root of the sum of the
    squares of what the ways back missed by, path: length of the way, longest: its longest step, all in head lengths.
    texture: the least on the way.
    """

    points: FloatArray
    alive: NDArray[np.bool_]
    steps: FloatArray
    round_trip: FloatArray
    path: FloatArray
    longest: FloatArray
    texture: FloatArray


def flow_readings(state: ChainState) -> dict[str, FloatArray]:
    """What speaks for joints that were followed from one human frame."""
    return {
        "steps": np.log(np.maximum(state.steps, 1.0)),
        "round trip": log_head_lengths(state.round_trip),
        "path": log_head_lengths(state.path),
        "longest step": log_head_lengths(state.longest),
        "texture": np.log(np.maximum(state.texture, _LEAST_TEXTURE)),
    }


def both_sides_readings(one: FloatArray, other: FloatArray, apart: FloatArray) -> dict[str, FloatArray]:
    """What speaks for joints that were followed from either side. one, other: probabilities. apart: head lengths."""
    return {
        "better": logit(np.maximum(one, other)),
        "worse": logit(np.minimum(one, other)),
        "apart": log_head_lengths(apart),
    }


class _Chain:
    """The joints of one human frame followed in one direction, no farther than somebody has asked."""

    def __init__(
        self,
        footage: Footage,
        follow: Follow,
        points: FloatArray,
        known: NDArray[np.bool_],
        anchor: int,
        *,
        direction: int,
        head_px: float,
    ) -> None:
        self._footage = footage
        self._follow = follow
        self._direction = direction
        self._head_px = head_px
        zero = np.zeros(JOINTS)
        self._states: dict[int, ChainState | None] = {
            anchor: ChainState(points, known, zero, zero, zero, zero, np.full(JOINTS, _MOST_TEXTURE))
        }
        self._newest = anchor  # with a state or without
        self._seen = anchor  # the newest that could be seen

    def at(self, frame: int) -> ChainState | None:
        """The state at a frame in the chain's direction; None if that frame is damaged."""
        while (frame - self._newest) * self._direction > 0:
            self._newest += self._direction
            self._states[self._newest] = self._step(self._newest)
        return self._states[frame]

    def _step(self, frame: int) -> ChainState | None:
        last = self._states[self._seen]
        assert last is not None
        if not last.alive.any():
            return last
        try:
            images = self._footage.image(self._seen), self._footage.image(frame)
        except VideoError:
            return None
        steps = abs(frame - self._seen)
        self._seen = frame
        crops = _crops(images, last.points[last.alive], self._head_px)
        if crops is None:
            return last._replace(alive=np.zeros(JOINTS, np.bool_))
        (first, second), scale, corner = crops
        step = self._follow(first, second, (last.points[last.alive] - corner + 0.5) * scale - 0.5)
        points, round_trip, texture = last.points.copy(), np.zeros(JOINTS), np.full(JOINTS, _MOST_TEXTURE)
        points[last.alive] = (step.points + 0.5) / scale - 0.5 + corner
        round_trip[last.alive] = step.round_trip_px / (scale.mean() * self._head_px)
        texture[last.alive] = step.texture
        height, width = images[1].shape[:2]
        alive = last.alive & ((points >= -0.5) & (points <= [width - 0.5, height - 0.5])).all(axis=-1)
        alive &= (round_trip <= _MOST_ROUND_TRIP) & (texture >= _LEAST_TEXTURE)
        points[~alive] = last.points[~alive]
        length = np.linalg.norm(points - last.points, axis=-1) / self._head_px
        return ChainState(
            points=points,
            alive=alive,
            steps=last.steps + steps,
            round_trip=np.hypot(last.round_trip, round_trip),
            path=last.path + length,
            longest=np.maximum(last.longest, length),
            texture=np.minimum(last.texture, texture),
        )


class _Side:
    """What one direction says about a frame; joints may come from different human frames."""

    def __init__(self, state: ChainState) -> None:
        self.state = state
        self.anchors = np.full(JOINTS, NOWHERE)

    @classmethod
    def nothing(cls) -> _Side:
        zero = np.zeros(JOINTS)
        return cls(ChainState(np.zeros((JOINTS, 2)), zero > 0, zero, zero, zero, zero, zero))

    @property
    def found(self) -> NDArray[np.bool_]:
        return self.state.alive

    def take(self, state: ChainState, anchor: int, joints: NDArray[np.bool_]) -> None:
        chosen = joints & state.alive
        pairs = zip(self.state, state, strict=True)
        self.state = ChainState(
            *(np.where(chosen[:, None] if new.ndim > 1 else chosen, new, old) for old, new in pairs)
        )
        self.anchors = np.where(chosen, anchor, self.anchors)


def _anchors(human: HumanFrames, frame: int, wanted: NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
    """The human frame before and after `frame` of each joint, `NOWHERE` where it is too far away to matter."""
    before, after = human.nearest(frame, wanted)
    steps = np.stack([frame - before, after - frame])
    there = np.stack([before, after]) != NOWHERE
    nearer = np.where(there, steps, _MOST_STEPS).min(axis=0)
    matters = there & (steps <= np.minimum(_FARTHER_TIMES * nearer + _FARTHER_FRAMES, _MOST_STEPS))
    return np.where(matters[0], before, NOWHERE), np.where(matters[1], after, NOWHERE)


def _reason(left: _Side, right: _Side, joint: int) -> str:
    frames = [int(side.anchors[joint]) for side in (left, right) if side.found[joint]]
    if not frames:
        return ""
    if len(frames) > 1:
        return f"followed from the human frames {frames[0]} and {frames[1]}"
    return f"followed from the human frame {frames[0]}"


def _crops(
    images: tuple[ImageArray, ImageArray], points: FloatArray, head_px: float
) -> tuple[tuple[ImageArray, ImageArray], FloatArray, FloatArray] | None:
    """Both images about `points` `[K, 2]` in grey, crop pixels per image pixel (x, y), and the corner in the image.

    None if too little of that lies in the image.
    """
    height, width = images[0].shape[:2]
    margin = _MARGIN_HEADS * head_px
    low = np.clip(np.floor(points.min(axis=0) - margin), 0, [width, height]).astype(int)
    high = np.clip(np.ceil(points.max(axis=0) + margin) + 1, 0, [width, height]).astype(int)
    wanted = min(_CROP_HEAD_PX / head_px, _MOST_ENLARGEMENT)
    size = np.round((high - low) * wanted).astype(int)
    if size.min() < _LEAST_CROP_PX or images[0].shape != images[1].shape:
        return None
    way = cv2.INTER_AREA if wanted < 1 else cv2.INTER_LINEAR
    crops = []
    for image in images:
        grey = cv2.cvtColor(image[low[1] : high[1], low[0] : high[0]], cv2.COLOR_RGB2GRAY)
        crops.append(np.asarray(cv2.resize(grey, (int(size[0]), int(size[1])), interpolation=way), np.uint8))
    return (crops[0], crops[1]), size / (high - low), low.astype(np.float64)
