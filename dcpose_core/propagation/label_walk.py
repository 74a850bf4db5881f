"""Walks from the frames that a person corrected to others, a frame at a time, with a network at every step.

The joints of a corrected frame are labels for the frame beside it, what the network finds there is the label for the
one after that, and so on. Time always runs away from the label, so that a walk backwards through a video is the same
as a walk through the reversed video.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dcpose_core.devices import on_one_thread
from dcpose_core.errors import VideoError
from dcpose_core.estimation import Evidence
from dcpose_core.geometry import transform_points
from dcpose_core.heatmaps import decode_refined, to_image, warp_heatmaps
from dcpose_core.models.joint_batches import opposite_maps
from dcpose_core.propagation.calibration import Claim, confidence, log_head_lengths
from dcpose_core.propagation.human_frames import NOWHERE, HumanFrames, head_length_px, open_joints
from dcpose_core.propagation.label_heatmaps import label_heatmaps
from dcpose_core.propagation.networks import (
    FARTHEST_FRAMES,
    READINGS,
    JointStep,
    LabelNetwork,
    decode_cells,
    read_step,
    weakest,
)
from dcpose_core.propagation.proposals import JOINTS, Footage, PersonTrack, ProposedPose
from dcpose_core.propagation.track_boxes import box_at
from dcpose_core.types import FloatArray, IntArray
from dcpose_core.wording import counted

#: Nobody believes a joint that has come this far.
MOST_STEPS = 30
#: A joint that the backbone shows at least at this share of its highest peak is confirmed by the image.
_CONFIRMED_SHARE = 0.5
_SEEN = 0.1


class Standing(NamedTuple):
    """Where a walk stands on one frame; all `[17]`.

    origin: the human frame that each joint comes from, `NOWHERE` for those that are not on the way. keypoints:
    `[17, 2]`, image pixels. readings: by name. backbone: height of the backbone's map there, and its peak.
    damaged: the frame cannot be read, and everything is as it was on the frame before.
    """

    origin: IntArray
    keypoints: FloatArray
    readings: dict[str, FloatArray]
    backbone: tuple[FloatArray, FloatArray]
    damaged: bool = False

    @property
    def on_the_way(self) -> NDArray[np.bool_]:
        return np.asarray(self.origin != NOWHERE)

    @property
    def known(self) -> NDArray[np.bool_]:
        """The joints that something can be said about on this frame."""
        return self.on_the_way & (not self.damaged)


@dataclass
class LabelWalk:
    """The walk through the frames on one side of human frames. direction: 1 forward, -1 backwards in time.

    joints: bool `[17]`, those to carry. What was found stays known, so the next frame costs one step.
    """

    track: PersonTrack
    footage: Footage
    network: LabelNetwork
    humans: HumanFrames
    joints: NDArray[np.bool_]
    direction: Literal[1, -1]
    _found: dict[int, Standing] = field(default_factory=dict)

    def at(self, frame: int) -> Standing:
        """Where the joints are on `frame`, walking there from their nearest human frames if need be."""
        if frame in self._found:
            return self._found[frame]
        start = self._start(frame)
        standing = self._found.get(start) or self._with_human(start, _nothing())
        for at in range(start + self.direction, frame + self.direction, self.direction):
            standing = self._found[at] if at in self._found else self._stepped(standing, at)
            self._found[at] = standing
        return standing

    def readings(self, frame: int) -> dict[str, FloatArray]:
        """What speaks for the joints on `frame`, `[17]` each."""
        standing = self.at(frame)
        moved_px = np.zeros(JOINTS)
        for origin in np.unique(standing.origin[standing.known]).tolist():
            away = np.linalg.norm(standing.keypoints - self.track.poses[origin].keypoints, axis=-1)
            moved_px = np.where(standing.origin == origin, away, moved_px)
        head_px = head_length_px(self.track, frame) or np.inf
        speed = moved_px / np.maximum(np.abs(frame - standing.origin), 1) / head_px
        return {**standing.readings, "log speed": log_head_lengths(speed)}

    def origin(self, frame: int, joint: int) -> int:
        """The nearest human frame of a joint on the side that the walk comes from, `NOWHERE` if none is in reach."""
        found = self._behind(frame, joint)
        return found if found != NOWHERE and abs(frame - found) <= MOST_STEPS else NOWHERE

    def _start(self, frame: int) -> int:
        """The frame to begin at: the farthest origin, or the last frame where the walk already was."""
        origins = [self.origin(frame, joint) for joint in np.flatnonzero(self.joints).tolist()]
        reached = [abs(frame - origin) for origin in origins if origin != NOWHERE]
        farthest = max(reached, default=0)
        for steps in range(1, farthest):
            if frame - self.direction * steps in self._found:
                return frame - self.direction * steps
        return frame - self.direction * farthest

    def _behind(self, frame: int, joint: int) -> int:
        found = (self.humans.before if self.direction > 0 else self.humans.after)(frame, joint)
        return found[0] if found else NOWHERE

    def _ahead(self, frame: int, joint: int) -> int:
        found = (self.humans.after if self.direction > 0 else self.humans.before)(frame, joint)
        return found[0] if found else NOWHERE

    def _with_human(self, frame: int, standing: Standing) -> Standing:
        """`standing` on `frame`, with what a person decided there: set joints start anew, absent ones end."""
        pose = self.track.poses.get(frame)
        decided = np.zeros(JOINTS, np.bool_) if pose is None else pose.human & self.joints
        if pose is None or not decided.any():
            return standing
        origin = np.where(decided, np.where(pose.located, frame, NOWHERE), standing.origin)
        keypoints = np.where(decided[:, None], pose.keypoints, standing.keypoints)
        fresh = _nothing().readings
        readings = {name: np.where(decided, fresh[name], values) for name, values in standing.readings.items()}
        return Standing(origin, keypoints, readings, standing.backbone)

    def _stepped(self, last: Standing, frame: int) -> Standing:
        """One step, from the frame before to `frame`."""
        pose = self.track.poses.get(frame)
        open_ = last.on_the_way & self.joints & (np.abs(frame - last.origin) <= MOST_STEPS)
        if pose is not None:
            open_ &= ~pose.human
        if not open_.any():
            return self._with_human(frame, _nothing())
        try:
            with on_one_thread():
                return self._with_human(frame, self._looked(last, frame, np.flatnonzero(open_)))
        except VideoError:  # damaged: whoever asks for its image is told; the walk goes on from where it was
            return self._with_human(frame, last._replace(damaged=True))

    def _looked(self, last: Standing, frame: int, joints: IntArray) -> Standing:
        """What the network finds on `frame` of some joints that `last` has on the frame before."""
        points = last.keypoints[joints]
        current = self.footage.evidence(frame, box_at(self.track, frame, containing=points))
        self.network.check_evidence(current)
        step = self._step(last, frame, joints, current)
        refined = self.network.refine(step)
        rule = self.network.description.rule
        positions, heights = decode_cells(refined, rule)
        if current.offsets is not None:
            positions, _ = (
                one[0]
                for one in decode_refined(
                    refined[None], current=step.current[None], offsets=current.offsets[joints][None]
                )
            )
        found = to_image(positions[None], current.matrix[None])[0]
        # A map without a positive cell says nothing.
        kept = (heights > 0).cpu().numpy()
        read = read_step(refined, step)
        readings = _nothing().readings
        for name, values in read.items():
            readings[name][joints] = values
        for name, values in weakest(read).items():
            readings[name][joints] = np.minimum(values, last.readings[name][joints])
        steps = np.abs(frame - last.origin[joints])
        readings["log steps"][joints] = np.log(steps)
        readings["labels on both sides"][joints] = [self._label_beyond(frame, joint) != NOWHERE for joint in joints]
        result = _nothing()
        result.origin[joints[kept]] = last.origin[joints[kept]]
        result.keypoints[joints] = found
        backbone = np.zeros(JOINTS), np.zeros(JOINTS)
        backbone[0][joints], backbone[1][joints] = (
            np.exp(read["log backbone there"]),
            np.exp(read["log backbone peak"]),
        )
        return Standing(result.origin, result.keypoints, readings, backbone)

    def _step(self, last: Standing, frame: int, joints: IntArray, current: Evidence) -> JointStep:
        """The maps of some joints, all in the crop of `current`."""
        chosen = torch.from_numpy(joints)
        points = last.keypoints[joints]
        margin = torch.ones(len(joints), 2, dtype=torch.int64, device=current.heatmaps.device)
        description = self.network.description
        to_third = self.direction if description.beside == "beyond" else -self.direction
        beside = self._seen(frame + to_third, chosen, current, points).clone()
        for row, joint in enumerate(joints.tolist()):
            label = self._label_beyond(frame, joint)
            if label != NOWHERE:
                point = self.track.poses[label].keypoints[joint][None]
                beside[row] = self._labels(point, current, description.label_sigma_cells)[0]
                margin[row, 1] = abs(label - frame)
        prior_sigma = description.prior_sigma_cells
        return JointStep(
            label=self._labels(points, current, description.label_sigma_cells),
            current=current.heatmaps[chosen],
            opposite=opposite_maps(current.heatmaps[None])[0, chosen],
            beside=beside,
            margin=margin,
            prior=None if prior_sigma is None else self._labels(points, current, prior_sigma),
        )

    def _seen(self, frame: int, joints: Tensor, current: Evidence, points: FloatArray) -> Tensor:
        """The backbone's maps of a frame in the crop of `current`; its own where the video has no such frame."""
        if not 0 <= frame < self.footage.n_frames:
            return current.heatmaps[joints]
        try:
            seen = self.footage.evidence(frame, box_at(self.track, frame, containing=points))
        except VideoError:  # damaged; nobody asked for this frame, and the target can do without
            return current.heatmaps[joints]
        return _moved(seen, joints, current)

    def _labels(self, points: FloatArray, current: Evidence, sigma_cells: float) -> Tensor:
        height, width = current.heatmaps.shape[-2:]
        labels = label_heatmaps(
            transform_points(points, current.matrix),
            height=height,
            width=width,
            rule=self.network.description.rule,
            sigma_cells=sigma_cells,
        )
        return labels.to(current.heatmaps)

    def _label_beyond(self, frame: int, joint: int) -> int:
        """The human frame of a joint a little ahead, if there is one near enough and the network looks there."""
        looks_there = self.network.description.beside == "beyond"
        ahead = self._ahead(frame, joint) if looks_there else NOWHERE
        return ahead if ahead != NOWHERE and abs(ahead - frame) <= FARTHEST_FRAMES else NOWHERE


def why(standing: Standing, joint: int, *, frame: int) -> str:
    """What speaks for a joint of a walk, in words."""
    origin = int(standing.origin[joint])
    steps = abs(frame - origin)
    way = f"{counted(steps, 'frame')} from the joint set on frame {origin}"
    there, peak = float(standing.backbone[0][joint]), float(standing.backbone[1][joint])
    if there < _SEEN:
        return f"{way}; the image shows little of it"
    if there < _CONFIRMED_SHARE * peak:
        return f"{way}; the image alone would say elsewhere"
    return f"{way}; the image agrees"


def _nothing() -> Standing:
    # A label has a peak of 1.
    readings = {name: np.full(JOINTS, 1.0 if name == "least peak" else 0.0) for name in READINGS}
    empty = np.zeros(JOINTS), np.zeros(JOINTS)
    return Standing(np.full(JOINTS, NOWHERE, np.int64), np.zeros((JOINTS, 2)), readings, empty)


def _moved(evidence: Evidence, joints: Tensor, current: Evidence) -> Tensor:
    """Maps `[K, h, w]` of some joints as they lie in the crop of `current`."""
    maps = evidence.heatmaps[joints]
    if np.array_equal(evidence.matrix, current.matrix):
        return maps
    return warp_heatmaps(maps[None], evidence.matrix[None], current.matrix[None])[0]


def carry(
    track: PersonTrack,
    frames: Sequence[int],
    joints: NDArray[np.bool_],
    *,
    footage: Footage,
    network: LabelNetwork,
    method: str,
) -> Iterator[ProposedPose]:
    """Proposals as of `Propagator.propagate`: every joint comes from its nearest human frame, the earlier one of two.

    Where the other human frame is at most `FARTHEST_FRAMES` beyond the target, a network that looks there sees its
    labels too.
    """
    humans = HumanFrames(track, frames)
    forward, backward = (LabelWalk(track, footage, network, humans, joints, direction) for direction in (1, -1))
    for frame in frames:
        proposed, keypoints = np.zeros(JOINTS, np.bool_), np.zeros((JOINTS, 2))
        readings: dict[str, FloatArray] = {}
        reasons = [""] * JOINTS
        wanted = np.flatnonzero(open_joints(track, frame, joints)).tolist()
        origins = [_distances(frame, forward.origin(frame, joint), backward.origin(frame, joint)) for joint in wanted]
        for walk, other in ((forward, 1), (backward, 0)):
            mine = [
                joint
                for joint, ways in zip(wanted, origins, strict=True)
                if ways[1 - other] < np.inf and (ways[1 - other] < ways[other] or (ways[0] == ways[1] and other == 1))
            ]
            if not mine:
                continue
            standing = walk.at(frame)
            for joint in mine:
                if standing.known[joint]:
                    proposed[joint], keypoints[joint] = True, standing.keypoints[joint]
                    reasons[joint] = why(standing, joint, frame=frame)
            for name, values in walk.readings(frame).items():
                readings.setdefault(name, np.zeros(JOINTS))[mine] = values[mine]
        if proposed.any():
            sure = confidence(Claim(network.description.name, frame, keypoints, proposed, readings))
            yield ProposedPose(frame, track.track_id, method, keypoints, sure, proposed, tuple(reasons))


def _distances(frame: int, *origins: int) -> list[float]:
    """How far the origins are, infinitely where there is none."""
    return [np.inf if origin == NOWHERE else abs(frame - origin) for origin in origins]
