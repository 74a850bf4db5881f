"""`dcpose annotate VIDEO -o OUT.json`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from dcpose_core.cli.console import announce, messages, out, print_json, progress_bar
from dcpose_core.errors import UsageError
from dcpose_core.formats import FORMATS

if TYPE_CHECKING:
    from dcpose_core.annotation import AnnotationRequest, AnnotationResult

_EXIT_INTERRUPTED = 130


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "annotate",
        help="annotate the persons of a video",
        description="Detect, track and locate the joints of every person in a video or image folder, and write them as "
        "PoseTrack or COCO JSON. Ctrl-C keeps what is finished; the same command with --resume goes on.",
    )
    parser.add_argument("video", type=Path, metavar="VIDEO_OR_FOLDER")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.json")
    parser.add_argument("--format", choices=sorted(FORMATS), default="posetrack18")
    parser.add_argument("--start", type=int, default=0, metavar="N", help="first frame, 0-based")
    parser.add_argument("--stop", type=int, metavar="N", help="the frame after the last one (default: to the end)")
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda[:i]")
    parser.add_argument("--model", metavar="NAME", help="see `dcpose models list` (default: the embedded one)")
    parser.add_argument(
        "--temporal", choices=("on", "off"), default="on", help="refine each frame with its neighbours (default: on)"
    )
    parser.add_argument(
        "--backbone-mode",
        choices=("exact", "shared"),
        default="shared",
        help="exact: three backbone passes a person, as the reference; shared: one (default)",
    )
    parser.add_argument(
        "--interval", type=int, choices=range(1, 5), default=1, metavar="T", help="frames to the neighbours, 1 to 4"
    )
    parser.add_argument(
        "--tiles",
        type=int,
        choices=range(1, 5),
        default=1,
        metavar="N",
        help="look for distant people in N x N tiles too: finds more, takes longer (default: 1)",
    )
    parser.add_argument("--boxes", type=Path, metavar="FILE", help="take boxes and track ids from an annotation file")
    parser.add_argument("--persons", metavar="ID,ID", help="annotate only these track ids")
    parser.add_argument("--batch-size", type=int, default=8, metavar="N", help="crops a pass (default: 8)")
    parser.add_argument(
        "--views",
        type=int,
        default=1,
        metavar="1|2|4",
        help="looks at every person: sizes and mirror images (default: 1)",
    )
    parser.add_argument("--overlay", type=Path, metavar="OUT.mp4", help="also draw the poses on the video")
    parser.add_argument(
        "--sequence-name", metavar="NAME", help="name of the sequence in the file (default: 000001_mpii_test)"
    )
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    parser.add_argument("--json", action="store_true", help="print a summary of the run as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    # The engine takes seconds to import: not for `--help`, nor for a mistyped option.
    from dcpose_core.annotation import DEFAULT_MODEL, AnnotationRequest, journal_path
    from dcpose_core.pipeline import AnalysisSettings, BackboneMode

    request = AnnotationRequest(
        video=options.video,
        output=options.output,
        format=options.format,
        device=options.device,
        model=options.model or DEFAULT_MODEL,
        tiles=options.tiles,
        boxes=options.boxes,
        overlay=options.overlay,
        sequence_name=options.sequence_name,
        resume=options.resume,
        settings=AnalysisSettings(
            start=options.start,
            stop=options.stop,
            temporal=options.temporal == "on",
            backbone_mode=BackboneMode(options.backbone_mode),
            interval=options.interval,
            batch_size=options.batch_size,
            persons=_track_ids(options.persons),
            views=options.views,
        ),
    )
    try:
        result = _run_with_progress(request)
    except KeyboardInterrupt:
        kept = journal_path(request.output)
        if kept.exists():
            messages.print(f"interrupted: the finished frames are kept in {kept}; add --resume to go on")
        return _EXIT_INTERRUPTED
    if options.json:
        print_json(result)
    else:
        _print_summary(result)
    return 0


def _track_ids(text: str | None) -> frozenset[int] | None:
    if text is None:
        return None
    try:
        return frozenset(int(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"--persons {text}: give track ids, such as 0,3") from error


def _run_with_progress(request: AnnotationRequest) -> AnnotationResult:
    from dcpose_core.annotation import annotate

    steps = annotate(request, announce)
    with progress_bar() as bar:
        tasks = {}
        while True:
            try:
                stage, done, total = next(steps)
            except StopIteration as finished:
                result: AnnotationResult = finished.value
                return result
            if stage not in tasks:
                # Frames that a resumed run finds finished count as done, but not towards the rate.
                tasks[stage] = bar.add_task(stage, total=total, completed=done)
            bar.update(tasks[stage], completed=done)


def _print_summary(result: AnnotationResult) -> None:
    persons = "person" if result.n_tracks == 1 else "persons"
    out.print(
        f"{result.n_analysed} frames analysed on {result.device}: {result.n_tracks} {persons}, {result.n_poses} poses"
    )
    for stretch in result.damaged:
        announce(f"damaged, left out: {stretch}")
    for path in result.files:
        out.print(f"annotations: {path}")
    if result.overlay is not None:
        out.print(f"overlay:     {result.overlay}")
