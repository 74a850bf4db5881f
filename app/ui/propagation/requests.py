"""From the choice of a person to what the jobs of propagation are asked. Requests only once the engine is imported."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.project.document import Document
from app.project.poses import body_box
from app.project.records import JOINTS, FrameState
from app.project.track_snapshot import snapshot
from app.ui.propagation.choices import MOST_COUNT, PREVIEW_FRAMES, Choice
from app.ui.propagation.corrected import corrected_joints, human_joints
from app.ui.propagation.footage import footage_choice
from app.ui.propagation.proposals import Place
from app.ui.session import Session
from app.ui.settings import Settings

if TYPE_CHECKING:
    from app.jobs.propagate import LookAheadRequest, PropagateRequest

#: Frames around the previewed ones that finding scene cuts looks at.
_CUT_FRAMES = 3


def wishes(session: Session, choice: Choice) -> dict[int, NDArray[np.bool_]]:
    """Track -> bool `[17]`, the joints to propagate from the current frame."""
    document = session.document
    if document is None:
        return {}
    if choice.persons == "all":
        tracks = [track_id for track_id in document.persons(session.frame) if session.is_visible(track_id)]
    else:
        tracks = [] if session.selected_track is None else [session.selected_track]
    found = {}
    for track_id in tracks:
        joints = np.zeros(JOINTS, np.bool_)
        place = Place(session.frame, track_id)
        if choice.joints == "all":
            joints[:] = True
        elif choice.joints == "selected":
            joints[list(session.selected_joints)] = True
        else:
            joints = corrected_joints(document, place)
            if not joints.any():  # all was right as it was, and somebody said so
                joints = human_joints(document.person(*place))
        if joints.any() and not session.is_locked(track_id):
            found[track_id] = joints
    return found


def why_no_wish(session: Session) -> str:
    """What to do first."""
    track_id = session.selected_track
    if track_id is None:
        return "Nothing to propagate: select a person first, and correct a joint."
    if session.is_locked(track_id):
        return "This track is locked: unlock it in the list of tracks to propagate."
    return "Nothing to propagate: set a joint of this person on this frame by hand first, or choose all joints."


def why_nothing(choice: Choice, n_asked: int) -> str:
    """Why a propagation over `n_asked` frames had nothing to say, as the end of a sentence."""
    if n_asked == 0:
        return "the track, the video or the scene ends here, or the next frame is set by hand."
    if choice.method in ("interpolate", "linear"):
        return "a curve needs a frame on either side on which you set these joints."
    return "these joints cannot be followed from here."


def verified_frames(document: Document, first: int, last: int) -> frozenset[int]:
    """Those of the frames `first` to `last` (included) that are not to be touched."""
    found = np.flatnonzero(document.frame_states()[first : last + 1] == FrameState.VERIFIED)
    return frozenset((first + found).tolist())


def propagate(
    document: Document, settings: Settings, choice: Choice, start: int, joints_of: dict[int, NDArray[np.bool_]]
) -> PropagateRequest:
    """From frame `start`, with the document as it is now. joints_of: see `wishes`."""
    jobs = import_module("app.jobs.propagate")
    reach = choice.count if choice.until == "count" else MOST_COUNT
    first, last = max(0, start - reach), min(document.n_frames - 1, start + reach)
    request: PropagateRequest = jobs.PropagateRequest(
        footage=footage_choice(document, settings),
        wishes=tuple(
            jobs.TrackWish(snapshot(document, track_id, first, last), joints) for track_id, joints in joints_of.items()
        ),
        start=start,
        method=choice.method,
        direction=choice.direction,
        until=choice.until,
        count=choice.count,
        least=choice.least,
        left_out=verified_frames(document, first, last),
    )
    return request


def look_ahead(
    document: Document, settings: Settings, choice: Choice, *, frame: int, track_id: int
) -> LookAheadRequest:
    """What a preview from `frame` will look at."""
    jobs = import_module("app.jobs.propagate")
    back = PREVIEW_FRAMES if choice.direction != "forward" else 0
    ahead = PREVIEW_FRAMES if choice.direction != "backward" else 0
    boxes = {}
    for at in range(max(0, frame - back), min(document.n_frames, frame + ahead + 1)):
        person = document.person(at, track_id)
        box = None if person is None else body_box(person)
        if box is not None and (box[2:] > box[:2]).all():
            boxes[at] = box
    request: LookAheadRequest = jobs.LookAheadRequest(
        footage=footage_choice(document, settings),
        frames=range(frame - back - _CUT_FRAMES, frame + ahead + _CUT_FRAMES + 1),
        boxes=boxes,
        asks_model=choice.method not in jobs.WITHOUT_MODEL,
    )
    return request
