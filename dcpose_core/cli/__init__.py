"""The `dcpose` command: a door to the functions of `dcpose_core`, and nothing of its own.

Exit status: 0 done, 1 a known failure (no such device, out of memory), 2 bad input or bad options, 70 a bug,
130 interrupted.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from dcpose_core.cli import annotate, bench, check, convert, doctor, evaluate, models, propagate, train
from dcpose_core.cli.console import report_error
from dcpose_core.errors import DCPoseError

_COMMANDS = (annotate, evaluate, check, convert, propagate, train, models, doctor, bench)
#: What to do about an error of the system, by its number.
_ADVICE = {
    errno.ENOSPC: "; make room and run it again",
    errno.EDQUOT: "; make room and run it again",
    errno.EACCES: "; choose a place that you may write to",
    errno.EROFS: "; choose a place that you may write to",
    errno.ENOENT: "; choose another place, where files can be made",
    errno.ENOTDIR: "; choose another place, where files can be made",
    errno.EEXIST: "; choose another place, where files can be made",
}
_EXIT_BUG = 70
_EXIT_INTERRUPTED = 130


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dcpose",
        description="Tracked, temporally refined human poses from video, as PoseTrack JSON.",
    )
    parser.add_argument("--version", action="version", version=f"dcpose {version('dcpose-annotator')}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    options = build_parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except DCPoseError as error:
        report_error(str(error))
        return error.exit_status
    except KeyboardInterrupt:
        report_error("interrupted")
        return _EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output is gone (`dcpose ... | head`); nothing is left to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # A write that fails does not say where; that is mostly the file that the command makes.
        place = error.filename or getattr(options, "output", None) or "file system"
        report_error(f"{place}: {error.strerror or error}{_ADVICE.get(error.errno or 0, '')}")
        return 1
    except Exception as error:
        if os.environ.get("DCPOSE_DEBUG") == "1":
            raise
        report_error(
            f"this is a bug in dcpose: {type(error).__name__}: {error}; "
            "run again with DCPOSE_DEBUG=1 and report what it prints"
        )
        return _EXIT_BUG
    return status
