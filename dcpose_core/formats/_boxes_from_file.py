"""Person boxes for the pipeline from an annotation or detection file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from dcpose_core.boxes import box_of_joints
from dcpose_core.errors import UsageError
from dcpose_core.formats._reading import read_poses
from dcpose_core.formats._skeleton_conversion import to_skeleton
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import Detection, FramePoses, PersonPose


def boxes_from_file(
    path: str | Path, *, sequence: str | None = None, image_names: Sequence[str] | None = None
) -> dict[int, list[Detection]]:
    """The person boxes of a file, by 0-based frame index; every frame that the file lists is a key.

    The boxes are those of the file, brought to the convention of `dcpose_core.boxes`, or follow from the joints where
    it has none (PoseTrack17 never has); a person with neither box nor two joints is left out. With them come the
    file's track ids, joints in `POSETRACK_17` and scores (1 where the file has none, limited to 0..1).
    A file of several videos needs the name of the `sequence`. image_names: file names of the images that are the
    frames, if they are images; boxes then go to the image of their name, and by frame index only where no name fits
    and the numbers of frames agree. Raises `FormatError`, and `UsageError` if there is no such sequence, several
    without a choice, or no way to tell which image a box belongs to.
    """
    sequences = read_poses(path)
    names = [each.name for each in sequences]
    chosen = [each for each in sequences if sequence is None or each.name == sequence]
    if len(chosen) != 1:
        held = ", ".join(map(repr, names[:5])) + (", ..." if len(names) > 5 else "")
        problem = (
            "holds several sequences; name one of them" if sequence is None else f"holds no one sequence {sequence!r}"
        )
        raise UsageError(f"{path}: {problem}: {held}")
    frames = to_skeleton(chosen[0], POSETRACK_17).frames
    indices = [frame.index for frame in frames] if image_names is None else _image_indices(frames, image_names, path)
    return {
        index: [detection for detection in map(_detection, frame.persons) if detection is not None]
        for index, frame in zip(indices, frames, strict=True)
        if index is not None
    }


def _image_indices(frames: Sequence[FramePoses], image_names: Sequence[str], path: str | Path) -> list[int | None]:
    """For each frame of the file the index of its image, None where that image is not among them."""
    index_of = {name: index for index, name in enumerate(image_names)}
    indices = [index_of.get(PurePosixPath(frame.file_name or "").name) for frame in frames]
    if any(index is not None for index in indices):
        return indices
    if len(frames) != len(image_names):
        raise UsageError(
            f"{path}: lists {len(frames)} frames under other names than those of the {len(image_names)} images; "
            "give it the images' names, or exactly these frames"
        )
    return [frame.index for frame in frames]


def _detection(person: PersonPose) -> Detection | None:
    box = person.box_xyxy if person.box_xyxy is not None else box_of_joints(person, min_score=-np.inf)
    if box is None:
        return None
    scores = np.ones(len(POSETRACK_17)) if person.scores is None else person.scores
    return Detection(
        box_xyxy=box,
        score=1.0 if person.score is None else min(max(person.score, 0.0), 1.0),
        keypoints=person.keypoints if person.located.any() else None,
        keypoint_scores=np.where(person.located, scores, 0.0) if person.located.any() else None,
        track_id=person.track_id,
    )
