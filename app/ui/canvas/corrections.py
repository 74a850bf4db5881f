"""What keys and menus do to the selected person: each function reads the session, builds one edit and submits it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from app.project import edits
from app.project.document import Document
from app.project.records import JOINTS, Edit, JointSource, Person
from app.ui.canvas.marks import joint_title
from app.ui.canvas.new_person_tools import CLICK_ORDER
from app.ui.canvas.tools import person_of
from app.ui.session import Session
from dcpose_core.types import Visibility
from dcpose_core.wording import counted

Build = Callable[[Document, int, int], Edit | None]


def correct(session: Session, build: Build, *, grows: str = "") -> bool:
    """Submit the edit that `build(document, frame, track id)` makes of the selected person."""
    document, track_id = session.document, session.selected_track
    if document is None or track_id is None or not session.can_correct:
        return False
    return session.submit(build(document, session.frame, track_id), grows=grows)


def toggle_occluded(session: Session) -> None:
    """The selected joints become occluded; if all of them are, visible. Absent ones keep out of it."""
    person, joints = session.selected_person, session.selected_joints
    if person is None or not joints:
        return
    located = [joint for joint in joints if person.located[joint]]
    if not located:
        _tell_absent(session, joints)
        return
    all_occluded = all(person.visibility[joint] == Visibility.OCCLUDED for joint in located)
    wish = Visibility.VISIBLE if all_occluded else Visibility.OCCLUDED
    correct(session, lambda document, frame, track: edits.set_visibility(document, frame, track, located, wish))


def toggle_absent(session: Session) -> None:
    """The selected joints become absent; if all of them are, they come back where the model saw them."""
    person, joints = session.selected_person, session.selected_joints
    if person is None or not joints:
        return
    if person.located[list(joints)].any():
        correct(session, lambda document, frame, track: edits.delete_joint(document, frame, track, joints))
        return

    def bring_back(document: Document, frame: int, track: int) -> Edit:
        return edits.set_visibility(document, frame, track, joints, Visibility.VISIBLE)

    if not correct(session, bring_back):
        _tell_absent(session, joints)


def _tell_absent(session: Session, joints: frozenset[int]) -> None:
    name = joint_title(next(iter(joints))).capitalize() if len(joints) == 1 else "These joints"
    session.tell(f"{name}: no place known on this frame. Ctrl+click where it is.")


def delete(session: Session) -> None:
    """The selected joints; with none selected, the person on this frame."""
    joints = session.selected_joints
    if joints:
        correct(session, lambda document, frame, track: edits.delete_joint(document, frame, track, joints))
    elif correct(session, edits.delete_person):
        session.select(None)
        session.tell_done("Person deleted on this frame.")


def accept(session: Session) -> None:
    """The selected person is right as the model has it."""
    correct(session, lambda document, frame, track: edits.accept_person(document, [frame], [track]))


def nudge(session: Session, dx: float, dy: float) -> None:
    """Move the selected joints, or the whole person, by image pixels. Nudges in a row are one undo step."""
    person, joints = session.selected_person, session.selected_joints
    if person is None:
        return
    shift = np.array([dx, dy])
    located = [joint for joint in sorted(joints) if person.located[joint]]
    word = f"nudge {session.selected_track} {located} on {session.frame}"
    if located:
        positions = {joint: person.keypoints[joint] + shift for joint in located}
        correct(session, lambda doc, frame, track: edits.move_joints(doc, frame, track, positions), grows=word)
    elif not joints:
        correct(session, lambda doc, frame, track: edits.move_person(doc, frame, track, shift), grows=word)


def copy_from(session: Session, offset: int) -> None:
    """The selected person's pose of the frame before (-1) or behind (1) comes here."""
    document, track_id, source = session.document, session.selected_track, session.frame + offset
    if document is None or track_id is None or not session.can_edit or session.is_locked(track_id):
        return
    if not 0 <= source < document.n_frames or document.person(source, track_id) is None:
        which = "previous" if offset < 0 else "next"
        session.tell(f"This person is not on the {which} frame: there is no pose to copy.")
        return
    session.submit(edits.copy_pose_from(document, source, session.frame, track_id))


def copy(session: Session) -> None:
    session.set_clipboard(session.selected_person)


def paste(session: Session) -> None:
    """The copied pose: of the selected person if it is not on this frame, or else of a new one."""
    document, person = session.document, session.clipboard
    if document is None or person is None or not session.can_edit:
        return
    pasted = Person(
        keypoints=person.keypoints,
        scores=person.scores,
        visibility=person.visibility,
        sources=np.where(person.located, JointSource.PROPAGATED, person.sources).astype(np.uint8),
        box_xyxy=person.box_xyxy,
        head_box_xyxy=person.head_box_xyxy,
    )
    track_id = session.selected_track if session.selected_person is None else None
    edit = edits.add_person(document, session.frame, pasted, track_id=track_id)
    if session.submit(edit):
        session.select(person_of(edit))


def swap_left_right(session: Session, part: edits.Part | tuple[int, int], *, over_range: bool = False) -> None:
    """Exchange left and right of the selected person on this frame, or on all selected frames where it is."""
    document, track_id = session.document, session.selected_track
    if document is None or track_id is None or not session.can_edit or session.is_locked(track_id):
        return
    first, last = session.frame_range if over_range and session.frame_range else (session.frame, session.frame)
    frames = list(edits.frames_of(document, track_id, first, last))

    def tell() -> None:
        if over_range:
            session.tell_done(f"Left and right swapped on {counted(len(frames), 'frame')}.")

    if frames:
        session.submit_wide(edits.swapping_left_right(document, frames, [track_id], part), tell)


def selected_pair(session: Session) -> tuple[int, int] | None:
    """The (left, right) pair that the one selected joint belongs to."""
    for pair in edits.PARTS["whole"]:
        if session.selected_joints and session.selected_joints <= set(pair):
            return pair
    return None


def step_joint(session: Session, step: int) -> None:
    """The next (1) or previous (-1) joint of the selected person, from head to foot, absent ones too."""
    person = session.selected_person
    if person is None:
        step_person(session, 1)
        return
    order = [*CLICK_ORDER, *(j for j in range(JOINTS) if j not in CLICK_ORDER and person.located[j])]
    (current,) = session.selected_joints if len(session.selected_joints) == 1 else (None,)
    ends = 0 if step > 0 else len(order) - 1
    at = (order.index(current) + step) % len(order) if current in order else ends
    session.select(session.selected_track, {order[at]})


def step_person(session: Session, step: int) -> None:
    """The next (1) or previous (-1) visible person on this frame, in the order of their tracks."""
    document = session.document
    if document is None:
        return
    order = [track_id for track_id in document.persons(session.frame) if session.is_visible(track_id)]
    if not order:
        return
    current = session.selected_track
    at = (order.index(current) + step) % len(order) if current in order else (0 if step > 0 else len(order) - 1)
    session.select(order[at], session.selected_joints)


def select_nth(session: Session, number: int) -> None:
    """Person `number`, from 1, of those on this frame."""
    document = session.document
    order = [] if document is None else [one for one in document.persons(session.frame) if session.is_visible(one)]
    if number <= len(order):
        session.select(order[number - 1], session.selected_joints)


def verify_and_next(session: Session, go_on: Callable[[], object]) -> None:
    """This frame is right; `go_on` leads on from it."""
    document = session.document
    if document is not None and session.can_edit:
        if not document.is_verified(session.frame):
            session.submit(edits.set_verified(document, [session.frame], True))
        go_on()


def toggle_verified(session: Session) -> None:
    """Mark the selected frames, or this one, as verified; if all of them are, as not verified."""
    document = session.document
    if document is None or not session.can_edit:
        return
    first, last = session.frame_range or (session.frame, session.frame)
    frames = range(first, last + 1)
    is_right = not all(map(document.is_verified, frames))

    def tell() -> None:
        if len(frames) > 1:  # a range that is still selected is easily overlooked
            session.tell_done(f"{len(frames)} frames are {'verified' if is_right else 'no longer verified'} now.")

    session.submit_wide(edits.verifying(document, frames, is_right), tell)
