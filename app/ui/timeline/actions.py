"""What can be done with time: play, loop, choose frames, zoom the timeline, go where tracks begin and end."""

from __future__ import annotations

from app.ui.actions import ActionSpec
from app.ui.playback import Playback
from app.ui.session import Session
from app.ui.timeline.timeline_widget import Timeline
from app.ui.timeline.track_events import neighbouring_event, track_events
from app.ui.timeline.transport import Transport
from app.ui.when import When

_ZOOM = 1.6


def actions(session: Session, *, playback: Playback, timeline: Timeline, transport: Transport) -> list[ActionSpec]:
    """The specs of playback and timeline."""

    def has_frames() -> bool:
        return session.n_frames > 1

    has_range = When(session).has_range

    def extend(step: int) -> None:
        anchor, other = session.frame_range or (session.frame, session.frame)
        if session.frame == anchor:
            anchor = other
        session.step(step)
        session.set_range(anchor, session.frame)

    def set_end(*, first: bool) -> None:
        chosen = session.frame_range or ((session.frame, session.n_frames - 1) if first else (0, session.frame))
        here = session.frame
        session.set_range(*((here, max(chosen[1], here)) if first else (min(chosen[0], here), here)))

    def go_to_event(*, forward: bool) -> None:
        document = session.document
        if document is None:
            return
        spans_of = {track_id: document.spans(track_id) for track_id in document.tracks()}
        events = track_events(spans_of, n_frames=document.n_frames)
        event = neighbouring_event(events, session.frame, forward=forward)
        if event is None:
            session.tell(f"No track begins, ends or has a gap {'after' if forward else 'before'} this frame.")
            return
        session.go_to(event.frame)
        session.select(event.track_id)
        name = document.tracks()[event.track_id].name
        what = event.kind if not event.n_missing else f"has a gap of {event.n_missing} frames"
        session.tell(f"{name} {what} here.")

    return [
        ActionSpec(
            name="playback.toggle",
            text="Play or Pause",
            handler=playback.toggle,
            shortcuts={"default": ["Space"], "sleap": ["Ctrl+Space"]},
            menu="Go",
            enabled_when=has_frames,
            icon="mdi6.play-pause",
        ),
        ActionSpec(
            name="playback.slower",
            text="Slower",
            handler=lambda: playback.change_speed(-1),
            shortcuts={"default": ["Ctrl+Shift+,"]},
            menu="Go",
            enabled_when=lambda: has_frames() and playback.speed > 0.25,
            icon="mdi6.speedometer-slow",
        ),
        ActionSpec(
            name="playback.faster",
            text="Faster",
            handler=lambda: playback.change_speed(1),
            shortcuts={"default": ["Ctrl+Shift+."]},
            menu="Go",
            enabled_when=lambda: has_frames() and playback.speed < 4,
            icon="mdi6.speedometer",
        ),
        ActionSpec(
            name="playback.loop",
            text="Loop",
            handler=lambda: playback.set_loop(not playback.loop),
            shortcuts={"default": ["Ctrl+Shift+O"]},
            menu="Go",
            enabled_when=has_frames,
            checked_when=lambda: playback.loop,
            tooltip="Play the selected range, or all, again and again",
            icon="mdi6.repeat",
        ),
        ActionSpec(
            name="frame.go_to",
            text="Go to Frame...",
            handler=transport.edit_frame,
            shortcuts={"default": ["Ctrl+G", "Ctrl+J"], "cvat": ["`", "Ctrl+G"]},
            menu="Go",
            enabled_when=has_frames,
            icon="mdi6.pound",
        ),
        ActionSpec(
            name="track.next_event",
            text="Next Begin, End or Gap of a Track",
            handler=lambda: go_to_event(forward=True),
            shortcuts={"default": ["T"], "sleap": ["Ctrl+E"]},
            menu="Go",
            enabled_when=has_frames,
            icon="mdi6.ray-start-arrow",
        ),
        ActionSpec(
            name="track.previous_event",
            text="Previous Begin, End or Gap of a Track",
            handler=lambda: go_to_event(forward=False),
            shortcuts={"default": ["Shift+T"], "sleap": ["Ctrl+Shift+E"]},
            menu="Go",
            enabled_when=has_frames,
            icon="mdi6.ray-end-arrow",
        ),
        ActionSpec(
            name="range.extend_forward",
            text="Extend Selected Range Forwards",
            handler=lambda: extend(1),
            shortcuts={"default": ["Shift+Right"]},
            menu="Go/Range",
            enabled_when=has_frames,
            repeats=True,
        ),
        ActionSpec(
            name="range.extend_back",
            text="Extend Selected Range Backwards",
            handler=lambda: extend(-1),
            shortcuts={"default": ["Shift+Left"]},
            menu="Go/Range",
            enabled_when=has_frames,
            repeats=True,
        ),
        ActionSpec(
            name="range.start_here",
            text="Range Starts Here",
            handler=lambda: set_end(first=True),
            shortcuts={"default": ["["]},
            menu="Go/Range",
            enabled_when=has_frames,
        ),
        ActionSpec(
            name="range.end_here",
            text="Range Ends Here",
            handler=lambda: set_end(first=False),
            shortcuts={"default": ["]"]},
            menu="Go/Range",
            enabled_when=has_frames,
        ),
        ActionSpec(
            name="range.all",
            text="Select All Frames",
            handler=lambda: session.set_range(0, session.n_frames - 1),
            shortcuts={"default": ["Ctrl+Shift+A"]},
            menu="Go/Range",
            enabled_when=has_frames,
        ),
        ActionSpec(
            name="range.clear",
            text="Clear Selected Range",
            handler=lambda: session.set_range(None),
            shortcuts={"default": ["Ctrl+Shift+X"]},
            menu="Go/Range",
            enabled_when=has_range,
        ),
        ActionSpec(
            name="timeline.zoom_in",
            text="Zoom Timeline In",
            handler=lambda: timeline.zoom(_ZOOM),
            shortcuts={"default": ["Ctrl+Alt+="]},
            menu="View/Timeline",
            enabled_when=has_frames,
            repeats=True,
        ),
        ActionSpec(
            name="timeline.zoom_out",
            text="Zoom Timeline Out",
            handler=lambda: timeline.zoom(1 / _ZOOM),
            shortcuts={"default": ["Ctrl+Alt+-"]},
            menu="View/Timeline",
            enabled_when=has_frames,
            repeats=True,
        ),
        ActionSpec(
            name="timeline.show_all",
            text="Show Whole Video in Timeline",
            handler=timeline.show_all,
            shortcuts={"default": ["Ctrl+Alt+0"]},
            menu="View/Timeline",
            enabled_when=has_frames,
        ),
        ActionSpec(
            name="timeline.show_range",
            text="Zoom Timeline to Range",
            handler=timeline.zoom_to_range,
            shortcuts={"default": ["Ctrl+Alt+R"]},
            menu="View/Timeline",
            enabled_when=has_range,
        ),
    ]
