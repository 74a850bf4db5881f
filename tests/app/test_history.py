"""Undo and redo of everything, without limit, also after reopening; runs that grow while others edit."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.project import edits, sqlite_file
from app.project.document import Document, DocumentChange
from app.project.edit_group import EditGroup
from app.project.edits import deleting, verifying
from app.project.errors import EditConflictError
from app.project.frame_notes import regions_change
from app.project.history import StepKind
from app.project.records import (
    AnalysedChange,
    Change,
    Edit,
    Layer,
    Person,
    PersonChange,
    Track,
    TrackChange,
    VerifiedChange,
)
from app.project.store import Store
from dcpose_core.errors import ProjectError
from tests.app.projects import annotate, content, new_document, person, predict, summary, track, video_facts


def test_what_joins_a_step_is_undone_and_done_again_with_it_also_after_reopening(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, [3])
        began = content(document)
        document.apply(edits.move_joint(document, 3, 0, 5, np.array([7.0, 8.0])))
        document.join(edits.add_person(document, 9, person(9)))
        both = content(document)
        assert (document.undo_label, len(document.history())) == ("Move left shoulder", 3)
    with Document.open(tmp_path / "clip.dcpose") as document:
        document.undo()
        assert content(document) == began
        document.redo()
        assert content(document) == both


def test_nothing_joins_a_name_a_growing_step_or_one_that_was_undone(tmp_path: Path) -> None:
    with new_document(tmp_path) as document:
        document.join(edits.add_person(document, 0, person(0)))  # nothing is there yet
        document.checkpoint("Good")
        document.join(edits.add_person(document, 1, person(1)))
        group = document.group("Annotate")
        group.apply([PersonChange(Layer.PREDICTION, 2, 0, None, person(2))])
        document.join(edits.add_person(document, 3, person(3)))
        group.apply([PersonChange(Layer.PREDICTION, 4, 0, None, person(4))])
        group.close()
        labels = [entry.label for entry in document.history()]
        assert labels == ["Add person", "Good", "Add person", "Annotate", "Add person"]
        document.undo()
        document.join(edits.add_person(document, 5, person(5)))
        assert [entry.label for entry in document.history()] == labels


def test_every_step_can_be_undone_and_done_again_also_after_reopening(tmp_path: Path) -> None:
    with new_document(tmp_path) as document:
        states = [content(document)]
        for i in range(12):
            changes: list[Change] = [TrackChange(None, track(i)), VerifiedChange(i, False, True)]
            changes += [PersonChange(Layer(i % 2), f, i, None, person(f)) for f in range(i, i + 3)]
            document.apply(Edit(f"Step {i}", tuple(changes)))
            states.append(content(document))
        for i in reversed(range(6, 12)):
            entry = document.undo()
            assert entry is not None
            assert entry.label == f"Step {i}"
            assert content(document) == states[i]
    with Document.open(tmp_path / "clip.dcpose") as document:
        assert (document.undo_label, document.redo_label) == ("Step 5", "Step 6")
        for i in reversed(range(6)):
            document.undo()
            assert content(document) == states[i]
        assert document.undo() is None
        assert document.undo_label is None
    with Document.open(tmp_path / "clip.dcpose") as document:
        for i in range(12):
            document.redo()
            assert content(document) == states[i + 1]
        assert document.redo() is None
        assert document.redo_label is None


def test_a_new_edit_after_undo_drops_what_was_undone(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, [1], "One")
        predict(document, 0, [2], "Two")
        document.undo()
        predict(document, 0, [3], "Three")
        assert document.redo() is None
        assert [entry.label for entry in document.history()] == ["Tracks", "One", "Three"]
    with Document.open(tmp_path / "clip.dcpose") as document:
        assert [entry.label for entry in document.history()] == ["Tracks", "One", "Three"]


def test_the_history_can_be_walked_to_any_step(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        for i in range(5):
            predict(document, 0, [i])
        numbers = [entry.number for entry in document.history()]
        document.go_to(numbers[2])
        assert document.spans(0) == [(0, 1)]
        assert [entry.undone for entry in document.history()] == [False, False, False, True, True, True]
        document.go_to(numbers[-1])
        assert document.spans(0) == [(0, 4)]
        document.go_to(0)
        assert not document.tracks()


def test_a_checkpoint_names_a_moment_to_go_back_to_and_is_no_step_of_its_own(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, [1])
        number = document.checkpoint("Before the hard part").number
        predict(document, 0, [2], "Hard")
        document.undo()
        assert document.redo_label == "Hard"
        document.undo()
        assert document.spans(0) == []
        document.go_to(number)
        assert document.spans(0) == [(1, 1)]
        assert [e.label for e in document.history() if e.kind is StepKind.CHECKPOINT] == ["Before the hard part"]


def test_a_run_is_one_step_however_often_it_grew(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, [0])
        before = content(document)
        group = document.group("Run")
        for start in (0, 4, 8):
            group.apply(_predicted(document, range(start, start + 4)))
        group.close()
        after = content(document)
        assert document.history()[-1].n_changes == 12
        document.undo()
        assert content(document) == before
        document.redo()
        assert content(document) == after
    with Document.open(tmp_path / "clip.dcpose") as document:
        document.undo()
        assert content(document) == before


def test_a_run_leaves_frames_alone_that_were_edited_meanwhile(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        group = document.group("Run")
        group.apply(_predicted(document, range(4)))
        annotate(document, 0, [2, 5])
        by_hand = document.person(5, 0)
        assert group.apply(_predicted(document, range(4, 8))) == {5}
        group.close()
        assert document.person(5, 0, Layer.PREDICTION) is None
        assert document.person(5, 0) == by_hand
        document.undo()
        assert document.spans(0) == [(0, 4), (6, 7)]
        document.undo()
        assert document.spans(0) == []
        document.redo()
        document.redo()
        assert document.person(5, 0) == by_hand
        assert document.spans(0) == [(0, 7)]


def test_a_run_does_not_bring_back_a_track_that_was_deleted_meanwhile(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=2) as document:
        group = document.group("Run")
        document.apply(Edit("Delete track", (TrackChange(track(1), None),)))
        persons = [PersonChange(Layer.PREDICTION, 3, t, None, person(t)) for t in (0, 1)]
        group.apply([TrackChange(None, track(1)), *persons])
        group.close()
        assert document.persons(3).keys() == {0}
        for _ in range(3):
            document.undo()
        assert not document.tracks()


def test_a_run_leaves_a_track_alone_that_was_renamed_meanwhile(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        group = document.group("Run")
        group.apply(_predicted(document, range(2)))
        renamed = Track(0, "Ana", "#000000")
        document.apply(Edit("Rename", (TrackChange(track(0), renamed),)))
        group.apply([TrackChange(renamed, track(0)), *_predicted(document, range(2, 4))])
        assert document.tracks()[0] == renamed
        assert document.spans(0) == [(0, 3)]
        document.undo()
        assert document.tracks()[0] == track(0)


def test_undoing_an_open_run_cancels_it(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        group = document.group("Run")
        group.apply(_predicted(document, range(4)))
        document.undo()
        assert group.cancelled
        group.apply(_predicted(document, range(4, 8)))
        group.close()
        assert document.spans(0) == []
        assert document.redo_label == "Run"


def test_undoing_an_edit_beside_an_open_run_keeps_the_run_going(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        group = document.group("Run")
        annotate(document, 0, [1])
        document.undo()
        assert not group.cancelled
        group.apply(_predicted(document, range(3)))
        assert document.redo_label == "Annotate"
        document.redo()
        assert document.annotated_spans(0) == [(1, 1)]
        group.close()
        assert document.spans(0) == [(0, 2)]


def test_a_run_without_results_leaves_no_step(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        group = document.group("Run")
        annotate(document, 0, [1])
        group.close()
        assert [entry.label for entry in document.history()] == ["Tracks", "Annotate"]
        document.undo()
        assert document.undo_label == "Tracks"


def test_a_run_that_a_crash_cut_off_is_a_step_like_any_other(tmp_path: Path) -> None:
    document = new_document(tmp_path, n_tracks=1)
    document.group("Empty")
    document.group("Run").apply(_predicted(document, range(4)))
    document._store.close()  # as a crash leaves it: nothing is closed properly
    assert document._lock is not None
    document._lock.release()
    with Document.open(tmp_path / "clip.dcpose") as again:
        assert [entry.label for entry in again.history()] == ["Tracks", "Run"]
        again.undo()
        assert again.spans(0) == []


def test_long_edits_go_on_piece_by_piece_and_are_one_step(tmp_path: Path) -> None:
    with new_document(tmp_path, n_frames=700, n_tracks=1) as document:
        told: list[DocumentChange] = []
        document.subscribe(told.append)
        work = document.applying("Verify all", verifying(document, range(10, 691), True).changes)
        written = [next(work)]
        assert document.is_busy
        assert not document.is_verified(10)
        with pytest.raises(ProjectError, match="a long edit is being made"):
            document.apply(edits.set_verified(document, [5], True))
        with pytest.raises(ProjectError, match="a long edit is being made"):
            document.save_copy(tmp_path / "copy.dcpose")
        written += list(work)
        assert written == sorted(written)
        assert written[-1] == 681
        assert [change.frames for change in told] == [range(10, 691)]
        assert sum(document.is_verified(frame) for frame in range(700)) == 681
        assert [entry.n_changes for entry in document.history()] == [1, 681]
        going_back = document.travelling(1)
        next(going_back)
        assert document.is_verified(10)
        list(going_back)
        assert document.undo_label == "Tracks"
        assert not any(document.is_verified(frame) for frame in range(700))


def test_a_long_edit_that_is_on_disk_is_made_even_if_it_is_given_up(tmp_path: Path) -> None:
    with new_document(tmp_path, n_frames=700, n_tracks=1) as document:
        predict(document, 0, range(700))
        told: list[DocumentChange] = []
        document.subscribe(told.append)
        work = document.applying("Delete", deleting(document, 0, 0, 699).changes)
        while document.undo_label != "Delete":
            next(work)
        work.close()
        assert [change.frames for change in told] == [range(700)]
        assert not document.tracks()
        document.undo()
        assert document.spans(0) == [(0, 699)]


def test_a_long_edit_that_is_given_up_has_changed_nothing(tmp_path: Path) -> None:
    with new_document(tmp_path, n_frames=700, n_tracks=1) as document:
        predict(document, 0, range(700))
        before = content(document), summary(document)
        work = document.applying("Delete", deleting(document, 0, 0, 699).changes)
        next(work)
        work.close()
        assert not document.is_busy
        assert (content(document), summary(document)) == before
        document.undo()
        going_forward = document.travelling(2)
        next(going_forward)
        going_forward.close()
        assert document.redo_label == "Predict"
        document.redo()
        assert (content(document), summary(document)) == before


@pytest.mark.parametrize("on_network", [False, True])
def test_who_looks_during_a_long_edit_sees_what_was_there_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_network: bool
) -> None:
    with new_document(tmp_path, n_frames=700, n_tracks=1) as document:
        predict(document, 0, range(700))
    if on_network:
        monkeypatch.setattr(sqlite_file, "is_on_network", lambda path: True)
    with Document.open(tmp_path / "clip.dcpose") as document:
        before = content(document)
        work = document.applying("Delete", deleting(document, 0, 0, 699).changes)
        next(work)
        document._frames.forget(set(range(700)))
        if not on_network:  # without a log there is no second look at the file
            assert document.person(0, 0) is not None
            assert document.trails(20, 10)
            assert len(document.trajectory(0, 5, 0, 699).frames) == 700
        content(document)
        work.close()
        assert content(document) == before


def test_a_long_edit_that_is_being_committed_is_made_even_if_it_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_commit = threading.Event()
    commit = Store.commit

    def wait_and_commit(store: Store) -> None:
        may_commit.wait()
        commit(store)

    with new_document(tmp_path, n_frames=700, n_tracks=1) as document:
        monkeypatch.setattr(Store, "commit", wait_and_commit)
        told: list[DocumentChange] = []
        document.subscribe(told.append)
        work = document.applying("Verify", verifying(document, range(700), True).changes)
        while next(work) < 700:
            pass
        assert [next(work), next(work)] == [700, 700]  # it waits for the disk, and goes on meanwhile
        assert document.is_busy
        assert document.undo_label == "Tracks"
        assert not document.is_verified(0)
        threading.Timer(0.05, may_commit.set).start()
        work.close()
        assert [change.frames for change in told] == [range(700)]
        assert document.undo_label == "Verify"
        assert all(document.is_verified(frame) for frame in range(700))
        document.undo()
        assert not document.is_verified(0)


def test_a_long_edit_whose_commit_fails_has_changed_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(store: Store) -> None:
        time.sleep(0.05)
        raise ProjectError(f"{store.path}: the disk is full")

    with new_document(tmp_path, n_frames=700, n_tracks=1) as document:
        monkeypatch.setattr(Store, "commit", fail)
        with pytest.raises(ProjectError, match="the disk is full"):
            list(document.applying("Verify", verifying(document, range(700), True).changes))
        given_up = document.applying("Verify", verifying(document, range(700), True).changes)
        while next(given_up) < 700:
            pass
        next(given_up)
        given_up.close()
        monkeypatch.undo()
        assert document.undo_label == "Tracks"
        assert not document.is_verified(0)
        document.apply(edits.set_verified(document, [0], True))
    with Document.open(tmp_path / "clip.dcpose") as document:
        assert [document.is_verified(frame) for frame in (0, 1)] == [True, False]


def test_a_long_edit_that_cannot_be_made_has_changed_nothing(tmp_path: Path) -> None:
    with new_document(tmp_path, n_frames=700, n_tracks=1) as document:
        wrong = (VerifiedChange(frame, frame == 650, True) for frame in range(700))
        with pytest.raises(EditConflictError):
            list(document.applying("Verify", wrong))
        assert not document.is_busy
        assert document.undo_label == "Tracks"
        assert list(document.applying("Nothing", ())) == []
        assert document.undo_label == "Tracks"


def _predicted(document: Document, frames: range) -> list[Change]:
    return [
        PersonChange(Layer.PREDICTION, f, 0, document.person(f, 0, Layer.PREDICTION), person(90_000 + f))
        for f in frames
    ]


_FRAMES, _TRACKS = 6, 3
_frames = st.integers(0, _FRAMES - 1)
_persons = st.none() | st.integers(0, 5).map(person)
_tracks = st.integers(0, _TRACKS - 1)


class ModelOfADocument:
    """What a document should be, in plain dicts; the slow and obvious way."""

    def __init__(self) -> None:
        self.persons: dict[tuple[Layer, int, int], Person] = {}
        self.tracks: dict[int, Track] = {}
        self.marks: dict[tuple[type, int], bool] = {}
        self.regions: dict[int, list[list[list[float]]]] = {}

    def copy(self) -> ModelOfADocument:
        other = ModelOfADocument()
        other.persons, other.tracks, other.marks = dict(self.persons), dict(self.tracks), dict(self.marks)
        other.regions = dict(self.regions)
        return other

    def change(self, key: tuple[Any, ...], value: Any) -> Change:
        """Set one thing; returns the change that does the same."""
        match key:
            case "person", layer, frame, track_id:
                before = self.persons.pop((layer, frame, track_id), None)
                if value is not None:
                    self.persons[layer, frame, track_id] = value
                return PersonChange(layer, frame, track_id, before, value)
            case "track", track_id:
                was = self.tracks.pop(track_id, None)
                if value is not None:
                    self.tracks[track_id] = value
                return TrackChange(was, value)
            case "regions", frame:
                known = self.regions.get(frame, [])
                self.regions[frame] = value
                return regions_change(frame, *([np.array(one) for one in regions] for regions in (known, value)))
            case kind, frame:
                marked = self.marks.get((kind, frame), False)
                self.marks[kind, frame] = value
                change: Change = kind(frame, marked, value)
                return change
        raise AssertionError(key)

    @property
    def is_sound(self) -> bool:
        return {track_id for _, _, track_id in self.persons} <= self.tracks.keys()

    def content(self) -> dict[str, object]:
        kinds = (VerifiedChange, AnalysedChange)
        marks = [tuple(self.marks.get((kind, frame), False) for kind in kinds) for frame in range(_FRAMES)]
        notes = {frame: ((), self.regions.get(frame, [])) for frame in range(_FRAMES)}
        return {"persons": self.persons, "tracks": self.tracks, "notes": notes, "marks": marks}


_one_change = st.one_of(
    st.tuples(st.tuples(st.just("person"), st.sampled_from(Layer), _frames, _tracks), _persons),
    st.tuples(
        st.tuples(st.just("track"), _tracks),
        st.none() | st.builds(Track, st.just(0), st.sampled_from("abc"), st.just("#000000")),
    ),
    st.tuples(
        st.tuples(st.just("regions"), _frames),
        st.lists(st.sampled_from([[[0.0, 0.0], [9.0, 0.5], [9.0, 9.0]], [[1.0, 2.0], [3.0, 4.0]]]), max_size=2),
    ),
    st.tuples(st.tuples(st.sampled_from([VerifiedChange, AnalysedChange]), _frames), st.booleans()),
)


class DocumentMachine(RuleBasedStateMachine):
    """Any interleaving of edits, runs, undo, redo, jumps and reopening against the model."""

    folder: Path
    count = 0

    @initialize()
    def begin(self) -> None:
        DocumentMachine.count += 1
        self.path = self.folder / f"{DocumentMachine.count}.dcpose"
        self.document = Document.create(self.path, video_facts(self.folder, _FRAMES))
        self.states = [ModelOfADocument()]  # after every step
        self.at = 0

    @rule(wanted=st.lists(_one_change, min_size=1, max_size=6))
    def edit(self, wanted: list[tuple[tuple[Any, ...], Any]]) -> None:
        model = self.states[self.at].copy()
        changes = tuple(model.change(key, _with_id(key, value)) for key, value in wanted)
        if not model.is_sound:
            before = content(self.document)
            with pytest.raises(EditConflictError, match="nothing was changed"):
                self.document.apply(Edit("Unsound", changes))
            assert content(self.document) == before
            return
        self.document.apply(Edit("Edit", changes))
        self.states = [*self.states[: self.at + 1], model]
        self.at += 1

    @rule(chunks=st.lists(st.lists(_one_change, max_size=4), min_size=1, max_size=3))
    def run(self, chunks: list[list[tuple[tuple[Any, ...], Any]]]) -> None:
        model = self.states[self.at].copy()
        group: EditGroup = self.document.group("Run")
        self.states = self.states[: self.at + 1]
        grew = False
        for chunk in chunks:
            attempt = model.copy()
            changes = [attempt.change(key, _with_id(key, value)) for key, value in chunk]
            if attempt.is_sound and changes:
                # A change of a track from nothing to nothing says nothing and is not kept.
                grew |= any(not isinstance(c, TrackChange) or c.before or c.after for c in changes)
                group.apply(changes)
                model = attempt
        group.close()
        if grew:
            self.states.append(model)
            self.at += 1

    @precondition(lambda self: self.at > 0)
    @rule()
    def undo(self) -> None:
        self.document.undo()
        self.at -= 1

    @precondition(lambda self: self.at + 1 < len(self.states))
    @rule()
    def redo(self) -> None:
        self.document.redo()
        self.at += 1

    @rule(data=st.data())
    def jump(self, data: st.DataObject) -> None:
        self.at = data.draw(st.integers(0, len(self.states) - 1))
        entries = self.document.history()
        self.document.go_to(entries[self.at - 1].number if self.at else 0)

    @rule()
    def reopen(self) -> None:
        before = summary(self.document)
        self.document.close()
        self.document = Document.open(self.path)
        assert summary(self.document) == before

    @invariant()
    def is_what_the_model_says(self) -> None:
        assert content(self.document) == self.states[self.at].content()
        assert len(self.document.history()) == len(self.states) - 1

    def teardown(self) -> None:
        if hasattr(self, "document"):
            self.document.close()


def _with_id(key: tuple[Any, ...], value: Any) -> Any:
    return Track(key[1], value.name, value.colour) if isinstance(value, Track) else value


def test_any_interleaving_of_edits_undo_redo_and_reopening_equals_a_plain_model(tmp_path: Path) -> None:
    DocumentMachine.folder = tmp_path
    run_state_machine_as_test(
        DocumentMachine,
        settings=settings(
            max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_the_inverse_of_an_edit_takes_it_back(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    with new_document(tmp_path, n_tracks=2) as document:
        for seed in range(20):
            model = ModelOfADocument()
            model.persons = dict(content(document)["persons"])  # type: ignore[call-overload]  # plain data of a test
            model.marks = {(VerifiedChange, f): document.is_verified(f) for f in range(30)}
            frames = random.integers(0, 30, 5).tolist()
            keys = [("person", Layer(seed % 2), f, int(random.integers(2))) for f in frames]
            changes = [model.change(key, None if random.random() < 0.3 else person(seed)) for key in keys]
            changes.append(model.change((VerifiedChange, frames[0]), bool(random.integers(2))))
            edit, before = Edit("Random", tuple(changes)), content(document)
            document.apply(edit)
            after = content(document)
            document.apply(edit.inverse())
            assert content(document) == before
            document.apply(edit)
            assert content(document) == after
