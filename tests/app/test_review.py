"""The review of a project without a window: what it reads, its order, its walk, and its thread."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from app.jobs.review import Arrived, Ended, Review, ReviewFilter, ReviewState
from app.jobs.review_order import Order
from app.jobs.review_thread import Event, ReviewFailed, ReviewThread
from app.project import edits
from app.project.document import Document
from dcpose_core.review.findings import ROW
from dcpose_core.review.walk import Place
from dcpose_core.types import Visibility
from tests.app.review_worlds import KNEE, WRIST, poses_of, project_of, right_place, whole_review, work_off

_PATIENCE_S = 30.0


def _places(state: ReviewState) -> list[Place]:
    return [state.order.place(row) for row in range(state.order.count(state.wanted.minimum))]


# what is read


def test_a_review_sees_the_annotation_where_there_is_one(tmp_path: Path) -> None:
    with project_of(tmp_path, {}) as document:
        document.apply(edits.move_joint(document, 5, 1, WRIST, np.array([7.0, 8.0])))
        document.apply(edits.delete_joint(document, 6, 0, [KNEE]))
        document.apply(edits.set_verified(document, [6], True))
        rows = poses_of(document).rows(5, 7)
        assert list(zip(rows.frames.tolist(), rows.track_ids.tolist(), strict=True)) == [(5, 0), (5, 1), (6, 0), (6, 1)]
        assert rows.keypoints[1, WRIST].tolist() == [7.0, 8.0]
        assert np.argwhere(rows.human).tolist() == [[1, WRIST], [2, KNEE]]
        assert not rows.located[2, KNEE]
        seen = document.persons(5)[0]
        assert rows.located[0].tolist() == (seen.visibility != Visibility.ABSENT).tolist()
        np.testing.assert_array_equal(rows.boxes_xyxy[0], seen.box_xyxy)
        assert np.isnan(rows.refinement_px).all()
        assert poses_of(document).verified(5, 8).tolist() == [False, True, False]


def test_a_review_reads_what_was_written_a_moment_ago_beside_the_writer(tmp_path: Path) -> None:
    with project_of(tmp_path, {}) as document:
        poses = poses_of(document)
        before = poses.rows(9, 10).keypoints[0, WRIST]
        document.apply(edits.move_joint(document, 9, 0, WRIST, before + 4))
        assert poses.rows(9, 10).keypoints[0, WRIST].tolist() == (before + 4).tolist()


# the order


def test_places_are_in_order_of_rank_then_frame_then_track() -> None:
    rows = np.zeros(4, ROW)
    rows["frame"], rows["track_id"] = [3, 3, 5, 9], [1, 2, 1, 1]
    order = Order().with_frames(0, 10, np.array([2.0, 2.0, 0.25, 16.5], np.float32), rows)
    assert [order.place(row) for row in range(4)] == [(9, 1), (3, 1), (3, 2), (5, 1)]
    assert [order.rank(row) for row in range(4)] == [16.5, 2.0, 2.0, 0.25]
    assert [order.count(least) for least in (0.0, 0.25, 0.3, 2.0, 17.0)] == [4, 4, 3, 3, 0]
    assert order.row_of(Place(3, 2)) == 2
    assert order.row_of(Place(4, 1)) is None


def test_frames_can_be_replaced_in_an_order() -> None:
    rows = np.zeros(3, ROW)
    rows["frame"], rows["track_id"] = [2, 4, 6], 7
    order = Order().with_frames(0, 10, np.array([1.0, 2.0, 3.0], np.float32), rows)
    order = order.with_frames(4, 7, np.array([0.5], np.float32), rows[1:2])
    assert [order.place(row) for row in range(len(order))] == [(2, 7), (4, 7)]


# the review


def test_what_is_wrong_stands_first_and_goes_when_it_is_corrected(tmp_path: Path) -> None:
    with project_of(tmp_path, {(30, 1, WRIST): (25.0, 0.0)}) as document:
        review = whole_review(document)
        state = review.state()
        assert _places(state)[0] == (30, 1)
        item = state.item_at(30, 1)
        assert item is not None
        assert "left wrist" in item.reason
        assert state.expected[30] > 1
        assert state.expected[:20].sum() == 0

        place = right_place(document, 1, WRIST)
        document.apply(edits.move_joint(document, 30, 1, WRIST, place))
        review.changed([30])
        assert _places(review.state()) == []
        document.undo()
        review.changed([30])
        assert _places(review.state()) == _places(state)


def test_a_verified_frame_waits_no_longer(tmp_path: Path) -> None:
    with project_of(tmp_path, {(30, 1, WRIST): (25.0, 0.0)}) as document:
        review = whole_review(document)
        document.apply(edits.set_verified(document, [30], True))
        review.changed([30])
        state = review.state()
        assert Place(30, 1) not in _places(state)
        assert (state.progress.verified, state.progress.total) == (1, 60)


def test_an_edit_of_many_frames_is_looked_at_in_slices(tmp_path: Path) -> None:
    with project_of(tmp_path, {}, n_frames=700) as document:
        review = whole_review(document)
        assert _places(review.state()) == []
        first = document.person(0, 0)
        assert first is not None
        for frame in (5, 690):
            document.apply(edits.move_joint(document, frame, 0, WRIST, first.keypoints[WRIST] + 25))
            document.apply(edits.swap_left_right(document, [frame], [1]))
        review.changed(range(700))
        n_slices = work_off(review)
        assert n_slices >= 3
        assert {place.frame for place in _places(review.state())} >= {5, 690}


def test_a_filter_leaves_what_it_asks_for(tmp_path: Path) -> None:
    wrong = {(20, 0, WRIST): (25.0, 0.0), (40, 1, KNEE): (0.0, 25.0)}
    with project_of(tmp_path, wrong) as document:
        review = whole_review(document)
        everything = review.state()
        review.show(ReviewFilter(track_id=1))
        assert {place.track_id for place in _places(review.state())} == {1}
        review.show(ReviewFilter(joint=WRIST))
        assert Place(20, 0) in _places(review.state())
        assert Place(40, 1) not in _places(review.state())
        review.show(ReviewFilter(check="jump"))
        assert {(20, 0), (40, 1)} <= set(_places(review.state()))
        review.show(ReviewFilter(minimum=everything.order.rank(0)))
        assert _places(review.state()) == [everything.order.place(0)]
        assert review.state().counts == everything.counts
        assert isinstance(review.next(), Arrived)
        assert review.next() == Ended(forward=True)


def test_hidden_persons_are_counted_but_neither_listed_nor_walked_to(tmp_path: Path) -> None:
    wrong = {(20, 0, WRIST): (25.0, 0.0), (40, 1, KNEE): (0.0, 25.0)}
    with project_of(tmp_path, wrong) as document:
        review = whole_review(document)
        everything = review.state()
        review.hide({1})
        state = review.state()
        assert {place.track_id for place in _places(state)} == {0}
        assert state.progress == everything.progress
        assert state.counts == everything.counts
        assert len(state.order) + len(state.hidden) == len(everything.order)
        assert state.hidden.row_of(Place(40, 1)) is not None
        walked = [review.next() for _ in _places(state)]
        assert {step.place.track_id for step in walked if isinstance(step, Arrived)} == {0}
        assert review.next() == Ended(forward=True)
        review.hide(())
        assert _places(review.state()) == _places(everything)
        assert len(review.state().hidden) == 0
        shown = review.next()
        assert isinstance(shown, Arrived)
        assert shown.place.track_id == 1


def test_an_edit_of_a_hidden_person_changes_what_is_hidden(tmp_path: Path) -> None:
    with project_of(tmp_path, {(40, 1, KNEE): (0.0, 25.0)}) as document:
        review = whole_review(document)
        review.hide({1})
        assert review.state().hidden.row_of(Place(40, 1)) is not None
        document.apply(edits.move_joint(document, 40, 1, KNEE, right_place(document, 1, KNEE)))
        review.changed([40])
        work_off(review)
        assert review.state().hidden.row_of(Place(40, 1)) is None


def test_the_way_back_leads_past_who_was_hidden_meanwhile(tmp_path: Path) -> None:
    wrong = {(20, 0, WRIST): (25.0, 0.0), (40, 1, KNEE): (0.0, 25.0)}
    with project_of(tmp_path, wrong) as document:
        review = whole_review(document)
        review.visit(Place(20, 0))
        review.visit(Place(40, 1))
        review.visit(Place(21, 0))
        review.hide({1})
        back = review.previous()
        assert isinstance(back, Arrived)
        assert back.place == (20, 0)


def test_a_walk_goes_from_the_worst_on_back_and_ends(tmp_path: Path) -> None:
    with project_of(tmp_path, {(20, 0, WRIST): (25.0, 0.0)}) as document:
        review = whole_review(document)
        n_items = len(_places(review.state()))
        steps = [review.next() for _ in range(n_items)]
        assert [step.place for step in steps if isinstance(step, Arrived)] == _places(review.state())
        assert isinstance(steps[0], Arrived)
        assert any("left wrist" in finding.reason for finding in steps[0].findings)
        assert review.next() == Ended(forward=True)
        back = [review.previous() for _ in range(n_items)]
        assert back[-1] == Ended(forward=False)
        review.start_over()
        again = review.next()
        assert isinstance(again, Arrived)
        assert again.place == steps[0].place


# the thread


class _Mailbox:
    """Events of a thread, and waiting for one."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._came = threading.Condition()

    def post(self, event: Event) -> None:
        with self._came:
            self._events.append(event)
            self._came.notify_all()

    def wait(self, kind: type[Event]) -> Event:
        """The last event of a kind, once there is one."""
        with self._came:
            assert self._came.wait_for(lambda: any(isinstance(one, kind) for one in self._events), _PATIENCE_S)
            return [one for one in self._events if isinstance(one, kind)][-1]

    def wait_until_complete(self) -> ReviewState:
        def complete() -> list[ReviewState]:
            return [one for one in self._events if isinstance(one, ReviewState) and one.is_complete]

        with self._came:
            assert self._came.wait_for(complete, _PATIENCE_S)
            return complete()[-1]


def test_a_thread_looks_at_everything_and_does_what_it_is_told(tmp_path: Path) -> None:
    with project_of(tmp_path, {(20, 0, WRIST): (25.0, 0.0)}) as document:
        box = _Mailbox()
        thread = ReviewThread(poses_of(document), box.post)
        assert _places(box.wait_until_complete())[0] == (20, 0)
        thread.do(Review.next)
        arrived = box.wait(Arrived)
        assert isinstance(arrived, Arrived)
        assert arrived.place == (20, 0)
        thread.close()


def test_a_thread_can_be_closed_while_it_works(tmp_path: Path) -> None:
    with project_of(tmp_path, {}, n_frames=600) as document:
        box = _Mailbox()
        thread = ReviewThread(poses_of(document), box.post)
        thread.close()
        assert not any(isinstance(event, ReviewFailed) for event in box._events)


def test_a_project_that_cannot_be_read_is_one_clear_error(tmp_path: Path) -> None:
    document: Document = project_of(tmp_path, {})
    poses = poses_of(document)
    document.close()
    document.path.unlink()
    box = _Mailbox()
    thread = ReviewThread(poses, box.post)
    failed = box.wait(ReviewFailed)
    thread.close()
    assert isinstance(failed, ReviewFailed)
    assert "still.dcpose" in failed.error


@pytest.mark.parametrize("frames", [[], range(0)])
def test_nothing_changed_is_no_work(tmp_path: Path, frames: list[int]) -> None:
    with project_of(tmp_path, {}) as document:
        review = whole_review(document)
        review.changed(frames)
        assert not review.has_work
