"""Per joint the best that anybody says: the other propagators, and the model as it stands.

Every answer is judged by its own confidence and by who else says the same: answers of different origin that agree are
rarely wrong together.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dcpose_core.propagation.calibration import Claim, confidence, logit, precision
from dcpose_core.propagation.corrections import MODEL, ModelAnswer, ModelJudge
from dcpose_core.propagation.human_frames import head_length_px
from dcpose_core.propagation.proposals import JOINTS, Footage, PersonTrack, Propagator, ProposedPose
from dcpose_core.types import FloatArray

_NAME = "blend"
#: Head lengths at which two answers agree by half.
_AGREEMENT = 0.15
#: The model's answer stays where it agrees with the best one and is less sure by no more than this: what is right is to
#: stay as it is. Held out, on clips, 78 % of the joints that it has right do instead of 62 (with 0.05), and 15.5 % of
#: all are wrong instead of 14.9; on synthetic sequences 88 instead of 61, and 25.0 instead of 24.2.
_AS_SURE = 0.2


class Blend:
    """Chooses among `sources`, propagators by name, and the model's own answer.

    Where the model's answer is the best, or as good, it is proposed as it is: nothing moves, and the confidence says
    how sure that is. Else the mean of the best answer and those that agree with it is proposed, which is a little
    nearer to the truth than the best one alone.
    """

    def __init__(self, footage: Footage, sources: Mapping[str, Propagator]) -> None:
        self._footage = footage
        self._sources = dict(sources)

    def propagate(self, track: PersonTrack, frames: Sequence[int], joints: NDArray[np.bool_]) -> Iterator[ProposedPose]:
        judge = ModelJudge(self._footage, track, frames)
        answers = {name: _InStep(one.propagate(track, frames, joints)) for name, one in self._sources.items()}
        try:
            for frame in frames:
                head_px = head_length_px(track, frame)
                said = [pose for one in answers.values() if (pose := one.at(frame)) is not None]
                if head_px is not None and said:
                    said.append(_proposed(judge.answer(frame, joints), track, frame))
                    yield _blended(track, frame, said, head_px)
        finally:
            for one in answers.values():
                one.close()


def agreement_readings(
    points: FloatArray, sure: FloatArray, given: NDArray[np.bool_], *, source: int, head_px: float
) -> dict[str, FloatArray]:
    """What speaks for the answers of one source among S.

    points: `[S, 17, 2]`. sure: `[S, 17]`, by their own account, 0 where not `given`. "for" and "against" are the
    sums of the others' probabilities, as far as they say the same or not.
    """
    apart = np.linalg.norm(points - points[source], axis=-1) / head_px
    same = 1.0 / (1.0 + np.square(apart / _AGREEMENT))
    others = sure * given
    others[source] = 0.0
    return {
        "own": logit(sure[source]),
        "for": (others * same).sum(axis=0),
        "against": (others * (1.0 - same)).sum(axis=0),
    }


def _proposed(answer: ModelAnswer, track: PersonTrack, frame: int) -> ProposedPose:
    """The model's answer as if it was a proposal."""
    return ProposedPose(
        frame=frame,
        track_id=track.track_id,
        method=MODEL,
        keypoints=answer.keypoints,
        confidence=answer.confidence,
        proposed=answer.judged,
        reasons=tuple("as the model has it" if one else "" for one in answer.judged),
    )


def _blended(track: PersonTrack, frame: int, said: Sequence[ProposedPose], head_px: float) -> ProposedPose:
    points = np.stack([pose.keypoints for pose in said])  # [S, 17, 2]
    sure = np.stack([pose.confidence for pose in said])
    given = np.stack([pose.proposed for pose in said])
    judged = np.zeros_like(sure)
    for source, pose in enumerate(said):
        readings = agreement_readings(points, sure, given, source=source, head_px=head_px)
        judged[source] = confidence(Claim(f"{_NAME}: {pose.method}", frame, points[source], given[source], readings))
    best, every = judged.argmax(axis=0), np.arange(JOINTS)
    # The model's answer comes last.
    apart = np.linalg.norm(points[-1] - points[best, every], axis=-1)
    stays = given[-1] & (apart <= _AGREEMENT * head_px) & (judged[-1] >= judged.max(axis=0) - _AS_SURE)
    best = np.where(stays, len(said) - 1, best)
    near = given & (np.linalg.norm(points - points[best, every], axis=-1) <= _AGREEMENT * head_px)
    weights = precision(judged) * near
    weights /= np.maximum(weights.sum(axis=0), np.finfo(np.float64).tiny)
    mean = (weights[..., None] * points).sum(axis=0)
    return ProposedPose(
        frame=frame,
        track_id=track.track_id,
        method=_NAME,
        keypoints=np.where((best == len(said) - 1)[:, None], points[-1], mean),
        confidence=judged[best, every],
        proposed=np.asarray(given.any(axis=0)),
        reasons=tuple(_reason(said, joint, int(best[joint]), near[:, joint]) for joint in range(JOINTS)),
        as_is=np.where(given[-1], judged[-1], track.scores_at(frame)),
    )


def _reason(said: Sequence[ProposedPose], joint: int, best: int, agreeing: NDArray[np.bool_]) -> str:
    reason = said[best].reasons[joint]
    others = [pose.method for source, pose in enumerate(said) if agreeing[source] and source != best]
    return f"{reason}; {' and '.join(others)} agree{'s' if len(others) == 1 else ''}" if others else reason


class _InStep:
    """One source's proposals, asked for by frame; frames that it leaves out are None."""

    def __init__(self, proposals: Iterator[ProposedPose]) -> None:
        self._proposals = proposals
        self._next: ProposedPose | None = None

    def at(self, frame: int) -> ProposedPose | None:
        if self._next is None:
            self._next = next(self._proposals, None)
        if self._next is None or self._next.frame != frame:
            return None
        pose, self._next = self._next, None
        return pose

    def close(self) -> None:
        if isinstance(self._proposals, Generator):
            self._proposals.close()
