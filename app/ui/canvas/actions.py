"""The actions of the canvas: correcting persons and joints, adding persons, zoom and looks."""

from __future__ import annotations

from functools import partial

from app.ui.actions import ActionSpec
from app.ui.canvas import corrections
from app.ui.canvas.canvas import Canvas
from app.ui.session import ColourMode, Session
from app.ui.when import When

_TRAILS = {"Off": 0, "5 Frames": 5, "15 Frames": 15, "50 Frames": 50}
_COLOUR_MODES: dict[ColourMode, str] = {
    "side": "By Side",
    "colour_blind": "By Side, for the Colour-Blind",
    "track": "By Track",
    "confidence": "By Confidence",
}
_WAYS = {"Left": (-1, 0), "Right": (1, 0), "Up": (0, -1), "Down": (0, 1)}


def actions(session: Session, canvas: Canvas) -> list[ActionSpec]:
    """All specs of this part."""
    return [
        *_adding(session),
        *_correcting(session),
        *_selecting(session, canvas),
        *_nudging(session),
        *_view(session, canvas),
    ]


def _adding(session: Session) -> list[ActionSpec]:
    can_add = When(session).can_edit
    return [
        ActionSpec(
            name="person.add",
            text="Add Person in a Box",
            handler=lambda: session.set_tool("add_person"),
            shortcuts={"default": ["Ins", "Ctrl+I"], "cvat": ["N", "Ins"]},
            menu="Person",
            enabled_when=can_add,
            checked_when=lambda: session.tool == "add_person",
            tooltip="Draw a box around a person: the model proposes the pose",
            icon="mdi6.account-plus-outline",
        ),
        ActionSpec(
            name="person.place_joints",
            text="Add Person Joint by Joint",
            handler=lambda: session.set_tool("place_joints"),
            shortcuts={"default": ["Shift+Ins", "Ctrl+Shift+I"]},
            menu="Person",
            enabled_when=can_add,
            checked_when=lambda: session.tool == "place_joints",
            tooltip="Click the joints of a new person one after the other",
            icon="mdi6.vector-polyline-plus",
        ),
        ActionSpec(
            name="person.rerun_box",
            text="Re-run Model in a Box",
            handler=lambda: session.set_tool("rerun_box"),
            shortcuts={"default": ["Ctrl+Shift+R"]},
            menu="Person",
            enabled_when=When(session).can_correct,
            checked_when=lambda: session.tool == "rerun_box",
            tooltip="Draw a box around the selected person: the model locates the joints again in it",
            icon="mdi6.refresh",
        ),
        ActionSpec(
            name="person.head_box",
            text="Draw Head Box",
            handler=lambda: session.set_tool("head_box"),
            shortcuts={"default": ["Ctrl+Shift+H"]},
            menu="Person",
            enabled_when=When(session).can_correct,
            checked_when=lambda: session.tool == "head_box",
            icon="mdi6.head-outline",
        ),
    ]


def _correcting(session: Session) -> list[ActionSpec]:
    when = When(session)
    person, joints, track, ranged = (
        when.can_correct,
        when.can_correct_joints,
        when.can_edit_track,
        when.can_edit_track_on_range,
    )

    def swap_pair() -> None:
        pair = corrections.selected_pair(session)
        if pair is not None:
            corrections.swap_left_right(session, pair)

    return [
        ActionSpec(
            name="joint.occluded",
            text="Occluded",
            handler=partial(corrections.toggle_occluded, session),
            shortcuts={"default": ["Q"], "cvat": ["Q", "/"]},
            menu="Person",
            enabled_when=joints,
            tooltip="The selected joints are hidden in the picture, or visible again",
            icon="mdi6.circle-outline",
        ),
        ActionSpec(
            name="joint.absent",
            text="Absent",
            handler=partial(corrections.toggle_absent, session),
            shortcuts={"default": ["O"]},
            menu="Person",
            enabled_when=joints,
            tooltip="The selected joints are not in the picture, or back where the model saw them",
            icon="mdi6.circle-off-outline",
        ),
        ActionSpec(
            name="edit.delete",
            text="Delete",
            handler=partial(corrections.delete, session),
            shortcuts={"default": ["Del"], "labelme": ["Del", "Backspace"], "sleap": ["Del", "Ctrl+Backspace"]},
            menu="Edit",
            enabled_when=person,
            tooltip="Delete the selected joints, or the person on this frame",
            icon="mdi6.delete-outline",
            context="canvas",
            destructive=True,
        ),
        ActionSpec(
            name="person.accept",
            text="Accept Pose as It Is",
            handler=partial(corrections.accept, session),
            shortcuts={"default": ["Return", "Enter"]},
            menu="Person",
            enabled_when=person,
            tooltip="The model's pose is right: it counts as made by hand",
            icon="mdi6.account-check-outline",
            context="canvas",
        ),
        ActionSpec(
            name="person.copy_previous",
            text="Copy Pose from Previous Frame",
            handler=partial(corrections.copy_from, session, -1),
            shortcuts={"default": ["Ctrl+Shift+V"]},
            menu="Person",
            enabled_when=track,
            icon="mdi6.content-duplicate",
        ),
        ActionSpec(
            name="person.copy_next",
            text="Copy Pose from Next Frame",
            handler=partial(corrections.copy_from, session, 1),
            menu="Person",
            enabled_when=track,
            icon="mdi6.content-duplicate",
        ),
        ActionSpec(
            name="edit.copy",
            text="Copy Pose",
            handler=partial(corrections.copy, session),
            shortcuts={"default": ["Ctrl+C"]},
            menu="Edit",
            enabled_when=lambda: session.selected_person is not None,
            icon="mdi6.content-copy",
            context="canvas",
        ),
        ActionSpec(
            name="edit.paste",
            text="Paste Pose",
            handler=partial(corrections.paste, session),
            shortcuts={"default": ["Ctrl+V"]},
            menu="Edit",
            enabled_when=lambda: session.can_edit and session.clipboard is not None,
            icon="mdi6.content-paste",
            context="canvas",
        ),
        ActionSpec(
            name="person.swap_sides",
            text="Swap Left and Right",
            handler=partial(corrections.swap_left_right, session, "whole"),
            shortcuts={"default": ["Ctrl+Shift+L"]},
            menu="Person/Left and Right",
            enabled_when=person,
            icon="mdi6.swap-horizontal",
        ),
        ActionSpec(
            name="person.swap_arms",
            text="Swap Arms",
            handler=partial(corrections.swap_left_right, session, "arms"),
            menu="Person/Left and Right",
            enabled_when=person,
            icon="mdi6.arm-flex-outline",
        ),
        ActionSpec(
            name="person.swap_legs",
            text="Swap Legs",
            handler=partial(corrections.swap_left_right, session, "legs"),
            menu="Person/Left and Right",
            enabled_when=person,
            icon="mdi6.walk",
        ),
        ActionSpec(
            name="person.swap_pair",
            text="Swap the Selected Joint with Its Other Side",
            handler=swap_pair,
            menu="Person/Left and Right",
            enabled_when=lambda: person() and corrections.selected_pair(session) is not None,
        ),
        ActionSpec(
            name="person.swap_sides_range",
            text="Swap Left and Right on the Selected Frames",
            handler=partial(corrections.swap_left_right, session, "whole", over_range=True),
            menu="Person/Left and Right",
            enabled_when=ranged,
        ),
        ActionSpec(
            name="person.swap_arms_range",
            text="Swap Arms on the Selected Frames",
            handler=partial(corrections.swap_left_right, session, "arms", over_range=True),
            menu="Person/Left and Right",
            enabled_when=ranged,
        ),
        ActionSpec(
            name="person.swap_legs_range",
            text="Swap Legs on the Selected Frames",
            handler=partial(corrections.swap_left_right, session, "legs", over_range=True),
            menu="Person/Left and Right",
            enabled_when=ranged,
        ),
    ]


def _selecting(session: Session, canvas: Canvas) -> list[ActionSpec]:
    has_document = When(session).has_document

    steps = [
        ("joint.next", "Next Joint", partial(corrections.step_joint, session, 1), ["Down"], ["Down", "S"]),
        ("joint.previous", "Previous Joint", partial(corrections.step_joint, session, -1), ["Up"], ["Up", "W"]),
        ("person.next", "Next Person", partial(corrections.step_person, session, 1), ["Tab", "`"], None),
        ("person.previous", "Previous Person", partial(corrections.step_person, session, -1), ["Shift+Tab"], None),
    ]
    specs = [
        ActionSpec(
            name=name,
            text=text,
            handler=handler,
            shortcuts={"default": keys}
            | ({"labelme": labelme} if labelme else {})
            | ({"cvat": keys[:1]} if "`" in keys else {}),
            menu="Select",
            enabled_when=has_document,
            repeats=True,
            context="canvas",
        )
        for name, text, handler, keys, labelme in steps
    ]
    specs += [
        ActionSpec(
            name=f"person.select_{number}",
            text=f"Person {number} of This Frame",
            handler=partial(corrections.select_nth, session, number),
            shortcuts={"default": [str(number)]},
            menu="Select/Person",
            enabled_when=has_document,
        )
        for number in range(1, 10)
    ]
    specs.append(
        ActionSpec(
            name="select.escape",
            text="Back to the Plain State",
            handler=canvas.escape,
            shortcuts={"default": ["Esc"]},
            menu="Select",
            enabled_when=has_document,
            tooltip="Give up what is under way, leave the tool, select nothing",
            context="canvas",
        )
    )
    return specs


def _nudging(session: Session) -> list[ActionSpec]:
    return [
        ActionSpec(
            name=f"joint.nudge_{way.lower()}{'_far' if pixels > 1 else ''}",
            text=f"Nudge {way}{' by 10 Pixels' if pixels > 1 else ''}",
            handler=partial(corrections.nudge, session, dx * pixels, dy * pixels),
            shortcuts={"default": [f"Alt+Shift+{way}" if pixels > 1 else f"Alt+{way}"]},
            menu="Person/Nudge",
            enabled_when=When(session).can_correct,
            repeats=True,
        )
        for pixels in (1, 10)
        for way, (dx, dy) in _WAYS.items()
    ]


def _view(session: Session, canvas: Canvas) -> list[ActionSpec]:
    has_document = When(session).has_document

    def toggle(field: str) -> None:
        session.set_view(**{field: not getattr(session.view, field)})

    def lighten(change: float) -> None:
        session.set_view(brightness=round(min(max(session.view.brightness + change, -0.8), 0.8), 2))

    def strengthen(factor: float) -> None:
        session.set_view(contrast=round(min(max(session.view.contrast * factor, 0.25), 4.0), 3))

    specs = [
        ActionSpec(
            name="view.fit",
            text="Fit Picture",
            handler=canvas.fit,
            shortcuts={"default": ["Ctrl+F"]},
            menu="View",
            enabled_when=has_document,
            icon="mdi6.fit-to-page-outline",
        ),
        ActionSpec(
            name="view.one_to_one",
            text="Pixel by Pixel",
            handler=canvas.one_to_one,
            shortcuts={"default": ["Ctrl+0"]},
            menu="View",
            enabled_when=has_document,
            icon="mdi6.numeric-1-box-outline",
        ),
        ActionSpec(
            name="view.zoom_person",
            text="Zoom to Person",
            handler=canvas.zoom_to_person,
            shortcuts={"default": ["Z"]},
            menu="View",
            enabled_when=has_document,
            tooltip="Zoom to the selected person, or to everybody on the frame",
            icon="mdi6.image-filter-center-focus",
        ),
        ActionSpec(
            name="view.zoom_in",
            text="Zoom In",
            handler=partial(canvas.zoom, 1.25),
            shortcuts={"default": ["Ctrl++", "Ctrl+="]},
            menu="View",
            enabled_when=has_document,
            icon="mdi6.magnify-plus-outline",
            repeats=True,
        ),
        ActionSpec(
            name="view.zoom_out",
            text="Zoom Out",
            handler=partial(canvas.zoom, 0.8),
            shortcuts={"default": ["Ctrl+-"]},
            menu="View",
            enabled_when=has_document,
            icon="mdi6.magnify-minus-outline",
            repeats=True,
        ),
        ActionSpec(
            name="view.hide",
            text="Hide Skeletons",
            handler=canvas.toggle_hidden,
            released=canvas.end_peek,
            shortcuts={"default": ["H"]},
            menu="View",
            enabled_when=has_document,
            tooltip="Hide all that is drawn over the picture; held, only for a look",
            icon="mdi6.eye-off-outline",
        ),
    ]
    for field, text, keys in (
        ("show_names", "Names of Persons", ["Ctrl+Shift+N"]),
        ("show_boxes", "Boxes of Persons", ["Ctrl+Shift+B"]),
        ("show_previous", "Poses of Previous Frame", ["Ctrl+Shift+G"]),
    ):
        specs.append(
            ActionSpec(
                name=f"view.{field}",
                text=text,
                handler=partial(toggle, field),
                shortcuts={"default": keys},
                menu="View",
                enabled_when=has_document,
                checked_when=partial(_field_is, session, field, True),
            )
        )
    specs += [
        ActionSpec(
            name=f"view.colour_{mode}",
            text=text,
            handler=partial(session.set_view, colour_mode=mode),
            menu="View/Colours",
            checked_when=partial(_field_is, session, "colour_mode", mode),
        )
        for mode, text in _COLOUR_MODES.items()
    ]
    specs += [
        ActionSpec(
            name=f"view.trails_{frames}",
            text=text,
            handler=partial(session.set_view, trail_frames=frames),
            menu="View/Trails",
            checked_when=partial(_field_is, session, "trail_frames", frames),
        )
        for text, frames in _TRAILS.items()
    ]
    for name, text, handler, keys in (
        ("view.brighter", "Brighter", partial(lighten, 0.05), ["Ctrl+Alt+Up"]),
        ("view.darker", "Darker", partial(lighten, -0.05), ["Ctrl+Alt+Down"]),
        ("view.more_contrast", "More Contrast", partial(strengthen, 1.1), ["Ctrl+Alt+Shift+Up"]),
        ("view.less_contrast", "Less Contrast", partial(strengthen, 1 / 1.1), ["Ctrl+Alt+Shift+Down"]),
    ):
        specs.append(
            ActionSpec(
                name=name,
                text=text,
                handler=handler,
                shortcuts={"default": keys},
                menu="View/Brightness",
                enabled_when=has_document,
                repeats=True,
            )
        )
    specs.append(
        ActionSpec(
            name="view.plain_tones",
            text="As Recorded",
            handler=lambda: session.set_view(brightness=0.0, contrast=1.0),
            menu="View/Brightness",
            enabled_when=lambda: (session.view.brightness, session.view.contrast) != (0.0, 1.0),
        )
    )
    return specs


def _field_is(session: Session, field: str, value: object) -> bool:
    return bool(getattr(session.view, field) == value)
