"""PoseTrack's head_bottom and head_top, which COCO lacks, from shoulders and ears.

Both lie on the line through mid-shoulder and mid-ear. The shares were fitted on labelled stills. On four other labelled
people, with the joints of MoveNet Thunder, head_bottom was off by 0.03 to 0.04 head lengths and head_top by 0.05 to
0.26.
"""

from __future__ import annotations

import numpy as np

from dcpose_core.skeletons import COCO_17, POSETRACK_17, joint_selection
from dcpose_core.types import FloatArray, IntArray

#: Joint -> (share of mid-shoulder, share of mid-ear).
HEAD_JOINTS = {"head_bottom": (0.633, 0.367), "head_top": (-0.760, 1.760)}
#: COCO-17 indices of left and right shoulder, left and right ear.
HEAD_EVIDENCE = tuple(COCO_17.index(joint) for joint in ("left_shoulder", "right_shoulder", "left_ear", "right_ear"))


def posetrack_order() -> IntArray:
    """int64 `[17]`: where each PoseTrack-17 joint is found in COCO-17 followed by `HEAD_JOINTS`."""
    order = joint_selection(COCO_17, POSETRACK_17)
    for channel, joint in enumerate(HEAD_JOINTS, start=len(COCO_17)):
        order[POSETRACK_17.index(joint)] = channel
    return order


def posetrack_from_coco(keypoints: FloatArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Keypoints `[N, 17, 2]` and scores `[N, 17]` of COCO-17 in PoseTrack-17 order, the head's joints regressed.

    A regressed joint scores as the weakest joint that it was made from.
    """
    left_shoulder, right_shoulder, left_ear, right_ear = (keypoints[:, joint] for joint in HEAD_EVIDENCE)
    middles = np.stack([(left_shoulder + right_shoulder) / 2, (left_ear + right_ear) / 2], axis=1)  # [N, 2, 2]
    head = np.array(list(HEAD_JOINTS.values())) @ middles
    head_scores = np.repeat(scores[:, HEAD_EVIDENCE].min(axis=1, keepdims=True), len(HEAD_JOINTS), axis=1)
    order = posetrack_order()
    return np.concatenate([keypoints, head], axis=1)[:, order], np.concatenate([scores, head_scores], axis=1)[:, order]
