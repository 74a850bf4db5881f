"""Write the pseudo truth of clips as labelled sets, to measure on what was held out of training.

    python packaging/models/make_held_out_set.py CLIP... -o FOLDER
    dcpose bench accuracy --labels FOLDER/CLIP.json --images FOLDER

Known joints are those on which several looks at a clean frame agree (`dcpose_core.training.pseudo_truth`), the easier
ones, and what all looks get wrong alike passes for right. So such figures say what becomes of joints that are sure in
clean frames when a frame is spoiled, not how good a model is. Persons with fewer than 8 known joints of PoseTrack's 15
are left out. A person in a frame costs four backbone passes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from dcpose_core.cli.console import announce, messages
from dcpose_core.errors import DCPoseError, UsageError
from dcpose_core.files import replacing
from dcpose_core.formats import read_poses, write_poses
from dcpose_core.models.catalogue import load_model
from dcpose_core.skeletons import POSETRACK_15, POSETRACK_17
from dcpose_core.training.pseudo_truth import PersonTruth, truth_of
from dcpose_core.types import FramePoses, PersonPose, PoseSequence, Visibility
from dcpose_core.video import FrameSource, open_frames

_MIN_KNOWN = 8
_EVALUATED = [POSETRACK_17.index(joint) for joint in POSETRACK_15.joints]


def make(clip: Path, output: Path, *, model: str) -> None:
    (output / image_name(clip, 0)).parent.mkdir(parents=True, exist_ok=True)
    labels = output / f"{clip.stem}.json"
    with open_frames(clip) as source:
        sequence = labelled(source, truth_of(source, load_model(model), announce=announce))
        persons = sum(len(frame.persons) for frame in sequence.frames)
        if not persons:
            raise UsageError(f"{clip}: nobody in it has {_MIN_KNOWN} joints on which all looks agree")
        write_poses([sequence], labels, format="posetrack21", source=clip)
        (written,) = read_poses(labels)
        if [frame.file_name for frame in written.frames] != [frame.file_name for frame in sequence.frames]:
            raise UsageError(f"{clip}: its name cannot be that of a sequence; use letters, digits and _ only")
        for frame in source.frames():
            with replacing(output / image_name(clip, frame.index)) as temporary:
                image = cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)
                temporary.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    messages.print(f"{labels}: {persons} person-frames in {len(sequence.frames)} frames")


def labelled(source: FrameSource, truths: Sequence[PersonTruth]) -> PoseSequence:
    """What is known of everybody, as ground truth."""
    frames: dict[int, list[PersonPose]] = {index: [] for index in range(len(source))}
    for truth in truths:
        if truth.known[_EVALUATED].sum() >= _MIN_KNOWN:
            frames[truth.frame_index].append(
                PersonPose(
                    keypoints=truth.joints,
                    visibility=np.where(truth.known, Visibility.VISIBLE, Visibility.ABSENT).astype(np.uint8),
                    track_id=truth.track_id,
                    box_xyxy=truth.box_xyxy,
                )
            )
    return PoseSequence(
        name=source.path.stem,
        frames=tuple(
            FramePoses(index, tuple(persons), file_name=image_name(source.path, index))
            for index, persons in frames.items()
        ),
        width_px=source.width_px,
        height_px=source.height_px,
    )


def image_name(clip: Path, index: int) -> str:
    return f"images/{clip.stem}/{index:06d}.png"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--model", default="movenet_thunder")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads (default: 1)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    try:
        for clip in arguments.clips:
            make(clip, arguments.output, model=arguments.model)
    except DCPoseError as error:
        messages.print(f"error: {error}")
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
