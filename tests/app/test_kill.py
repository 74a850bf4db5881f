"""A process that is killed while it edits: every edit that it acknowledged is there."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe, get_all_start_methods, get_context, set_forkserver_preload
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from app.project import disk_thread
from app.project.document import Document
from app.project.edits import verifying
from app.project.records import (
    Change,
    Edit,
    JointSource,
    Layer,
    Person,
    PersonChange,
    TrackChange,
    VerifiedChange,
)
from app.project.store import Store
from tests.app.projects import content, new_document, person, track

_N_FRAMES, _N_TRACKS = 40, 3
_KILLS = 24
_WIDE_FRAMES = 2000


def work(path: Path, seed: int, number: int, acknowledge: Connection) -> None:
    """Endless random steps from `number` on; tells of each one when the document has taken it."""
    disk_thread._MOVE_BYTES = 200_000  # so that some children die while the log is being moved
    document = Document.open(path)
    while True:
        do_step(document, seed, number)
        acknowledge.send(number)
        number += 1


def do_step(document: Document, seed: int, number: int) -> None:
    """Step `number` of the random history `seed`: an edit, a run, undo or redo."""
    dice = random.Random(f"{seed} {number}")
    kind = dice.random()
    if kind < 0.15:
        document.undo()
    elif kind < 0.25:
        document.redo()
    elif kind < 0.35:
        group = document.group(f"Run {number}")
        for _ in range(2):
            group.apply(_changes(document, dice, number))
        group.close()
    else:
        document.apply(Edit(f"Edit {number}", tuple(_changes(document, dice, number))))


def _changes(document: Document, dice: random.Random, number: int) -> list[Change]:
    changes: list[Change] = []
    for frame in dice.sample(range(_N_FRAMES), dice.choice([1, 1, 3, 20])):
        layer, track_id = Layer(dice.randrange(2)), dice.randrange(_N_TRACKS)
        before = document.person(frame, track_id, layer)
        after = None if before is not None and dice.random() < 0.3 else _person(number)
        changes.append(PersonChange(layer, frame, track_id, before, after))
        verified = document.is_verified(frame)
        changes.append(VerifiedChange(frame, verified, not verified))
    old = document.tracks()[0]
    changes.append(TrackChange(old, track(0) if old.name == str(number) else type(old)(0, str(number), "#000000")))
    return changes


def _person(number: int) -> Person:
    return person(1, JointSource.HUMAN, keypoints=np.full((17, 2), float(number)))


@pytest.fixture(autouse=True)
def _quick_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every child starts as a fork of a process that has imported everything; Python 3.11 does not tell it our path."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    set_forkserver_preload([__name__])


def test_every_acknowledged_edit_survives_kill_9(tmp_path: Path) -> None:
    path, twin_path = tmp_path / "clip.dcpose", tmp_path / "twin.dcpose"
    with new_document(tmp_path, n_frames=_N_FRAMES, n_tracks=_N_TRACKS) as document:
        document.save_copy(twin_path)
    seed, number, n_acknowledged = 1, 0, 0
    dice = random.Random(seed)
    for _ in range(_KILLS):
        acknowledged, sender = Pipe(duplex=False)
        child = _start(work, path, seed, number, sender)
        sender.close()
        last = acknowledged.recv()  # it is at work
        time.sleep(dice.uniform(0.0, 0.1))
        child.kill()
        child.join()
        with suppress(EOFError):
            while True:
                last = acknowledged.recv()
        acknowledged.close()
        child.close()
        n_acknowledged += last + 1 - number
        # The twin does what was acknowledged, and nobody kills it.
        with Document.open(twin_path) as twin, Document.open(path) as document:
            while number <= last:
                do_step(twin, seed, number)
                number += 1
            assert _is_expected(document, twin, seed, number)
            assert document._store._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        with Document.open(path) as document:
            document.save_copy(twin_path)
        number += 1
    assert n_acknowledged >= _KILLS


def _start(target: Callable[..., None], *arguments: object) -> BaseProcess:
    child: BaseProcess
    if "forkserver" in get_all_start_methods():
        child = get_context("forkserver").Process(target=target, args=arguments)
    else:
        child = get_context("spawn").Process(target=target, args=arguments)
    child.start()
    return child


def _is_expected(document: Document, twin: Document, seed: int, number: int) -> bool:
    """Whether `document` is what `twin` is, be it that step `number` was begun, or done and not told any more."""
    if document.undo_label == f"Run {number}":
        document.undo()  # as far as it came
        same = content(document) == content(twin)
        document.redo()
        return same
    if content(document) == content(twin) and _done(document) == _done(twin):
        return True
    do_step(twin, seed, number)
    return content(document) == content(twin) and _done(document) == _done(twin)


def _done(document: Document) -> list[str]:
    return [entry.label for entry in document.history() if not entry.undone]


def go_slowly(path: Path, undoes: bool, tell: Connection) -> None:
    """Verify all frames piece by piece, or undo that; tells of every piece, and before the commit."""
    commit = Store.commit

    def told_before(store: Store) -> None:
        tell.send("commit")
        commit(store)

    document = Document.open(path)
    work = document.applying("Verify", verifying(document, range(_WIDE_FRAMES), True).changes)
    if undoes:
        list(work)
        work = document.travelling(document.steps.n_done - 1)
    patch.object(Store, "commit", told_before).start()
    for _ in work:
        tell.send("piece")
    time.sleep(60)


@pytest.mark.parametrize("moment", ["piece", "commit"])
@pytest.mark.parametrize("undoes", [False, True])
def test_a_wide_edit_that_is_killed_is_there_as_a_whole_or_not_at_all(
    tmp_path: Path, moment: str, undoes: bool
) -> None:
    path = tmp_path / "clip.dcpose"
    with new_document(tmp_path, n_frames=_WIDE_FRAMES, n_tracks=1):
        pass
    told, sender = Pipe(duplex=False)
    child = _start(go_slowly, path, undoes, sender)
    while told.recv() != moment:
        pass
    child.kill()
    child.join()
    with Document.open(path) as document:
        is_made = document.undo_label == "Verify"
        if moment == "piece":
            assert is_made == undoes
        assert [document.is_verified(frame) for frame in range(_WIDE_FRAMES)] == [is_made] * _WIDE_FRAMES
        if is_made or undoes:
            document.undo() if is_made else document.redo()
            assert [document.is_verified(frame) for frame in range(_WIDE_FRAMES)] == [not is_made] * _WIDE_FRAMES
        assert document._store._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
