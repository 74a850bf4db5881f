"""A person pinned to a textured patch that moves over a still background, and footage in memory."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from dcpose_core.errors import VideoError
from dcpose_core.estimation import Estimates, Evidence, WindowEvidence
from dcpose_core.propagation import PersonTrack, TrackPose
from dcpose_core.types import FloatArray, ImageArray

WIDTH, HEIGHT = 320, 240
#: A standing person of head length 20 px, PoseTrack-17 order, about (0, 0).
STANDING = 20.0 * np.array(
    [
        (0.0, -3.0), (0.0, -2.5), (0.0, -3.5), (0.3, -3.1), (-0.3, -3.1),
        (0.9, -2.2), (-0.9, -2.2), (1.3, -1.0), (-1.3, -1.0), (1.5, 0.2), (-1.5, 0.2),
        (0.6, 0.3), (-0.6, 0.3), (0.6, 1.9), (-0.6, 1.9), (0.6, 3.5), (-0.6, 3.5),
    ]
)  # fmt: skip
HEAD_PX = 20.0
ALL_JOINTS: NDArray[np.bool_] = np.ones(17, np.bool_)


def texture(seed: int, *, width_px: int = WIDTH, height_px: int = HEIGHT) -> ImageArray:
    """Smooth noise, uint8 `[H, W, 3]`."""
    noise = np.random.default_rng(seed).integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)
    blurred = cv2.GaussianBlur(noise, (0, 0), 2.0).astype(np.float64)
    return np.clip((blurred - 128) * 4 + 128, 0, 255).astype(np.uint8)


def motion(frame: int) -> FloatArray:
    """The affine `[2, 3]` of `frame`: how the patch and the person lie in the image: shift, turn and growth."""
    angle, scale = 0.01 * frame, 1.0 + 0.004 * frame
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cos, -sin, 120.0 + 2.5 * frame], [sin, cos, 120.0 - 0.5 * frame]])


def truth(frame: int) -> FloatArray:
    """Where the joints are, `[17, 2]`."""
    matrix = motion(frame)
    return np.asarray(STANDING @ matrix[:, :2].T + matrix[:, 2])


def aside(x_px: float) -> FloatArray:
    """A shift to the right."""
    return np.array([x_px, 0.0])


def picture(frame: int) -> ImageArray:
    """The image of `frame`: the patch, 180 x 220 pixels about the person, before the background."""
    patch = texture(1, width_px=180, height_px=220)
    matrix = motion(frame) @ np.array([[1.0, 0.0, -90.0], [0.0, 1.0, -110.0], [0.0, 0.0, 1.0]])
    image = texture(2)
    cv2.warpAffine(patch, matrix, (WIDTH, HEIGHT), dst=image, borderMode=cv2.BORDER_TRANSPARENT)
    return image


class ArrayFootage:
    """Images in memory. asked: the frames whose images were asked for, in order. damaged: frames that raise."""

    def __init__(self, images: Sequence[ImageArray], *, damaged: Sequence[int] = ()) -> None:
        self.images = list(images)
        self.damaged = set(damaged)
        self.asked: list[int] = []

    @property
    def n_frames(self) -> int:
        return len(self.images)

    def image(self, frame: int) -> ImageArray:
        self.asked.append(frame)
        if frame in self.damaged:
            raise VideoError(f"frame {frame} is damaged")
        return self.images[frame]

    def evidence(self, frame: int, box_xyxy: FloatArray) -> Evidence:
        """A model that sees nothing: empty heatmaps."""
        self.image(frame)
        scale = 288 / float(max(box_xyxy[2] - box_xyxy[0], 1.0))
        matrix = np.array([[scale, 0.0, -scale * box_xyxy[0]], [0.0, scale, -scale * box_xyxy[1]]])
        return Evidence(torch.zeros(17, 96, 72), torch.zeros(17, 2, 96, 72), matrix)

    def estimate(self, windows: Sequence[WindowEvidence]) -> Estimates:
        """It says that all joints lie in the corner of the image."""
        return Estimates(np.zeros((len(windows), 17, 2)), np.zeros((len(windows), 17)))


def pose(
    points: FloatArray,
    *,
    human: NDArray[np.bool_] | bool = False,
    located: NDArray[np.bool_] | None = None,
    predicted: FloatArray | None = None,
) -> TrackPose:
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.15 * (high - low)
    return TrackPose(
        keypoints=points,
        scores=np.full(17, 0.5),
        located=ALL_JOINTS if located is None else located,
        human=np.broadcast_to(human, (17,)),
        box_xyxy=np.concatenate([low - margin, high + margin]),
        predicted=predicted,
    )


def moving_footage(n_frames: int = 12, *, damaged: Sequence[int] = ()) -> ArrayFootage:
    return ArrayFootage([picture(frame) for frame in range(n_frames)], damaged=damaged)


def corrected_track(human_frames: Sequence[int], *, n_frames: int = 12, error_px: float = 15.0) -> PersonTrack:
    """The model is off by `error_px` in x at all joints; a person set them right on `human_frames`."""
    poses = {}
    for frame in range(n_frames):
        said = truth(frame) + aside(error_px)
        corrected = frame in human_frames
        poses[frame] = pose(truth(frame) if corrected else said, human=corrected, predicted=said)
    return PersonTrack(7, poses)
