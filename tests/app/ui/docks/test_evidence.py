"""The evidence strip: crops and heatmaps of three frames, with temporal modules also what they make of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from torch import Tensor, nn

from app.jobs.evidence import EvidenceFinder, EvidenceRequest, PersonEvidence
from app.project import edits
from app.project.document import Document
from app.project.prediction_run import replace_predictions
from app.project.video_facts import VideoFacts
from app.ui.panels.evidence import EvidencePanel, ModelChoice, over_crop
from app.ui.session import Session
from dcpose_core.errors import UsageError, VideoError
from dcpose_core.models import catalogue
from dcpose_core.models.pose_model import PoseModel
from dcpose_core.types import FloatArray, FramePoses
from dcpose_core.video import VideoWriter, open_frames
from tests.app.ui.docks.small_project import standing
from tests.unit.tiny_backbone import TinyBackbone

_MODEL = "single"
_LEFT_WRIST = 9
_N_FRAMES = 5
_BOX = np.array([80.0, 20.0, 180.0, 180.0])


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("evidence") / "noise.mp4"
    rng = np.random.default_rng(0)
    with VideoWriter(path, 256, 192, 25.0) as writer:
        for _ in range(_N_FRAMES):
            writer.write(np.repeat(np.repeat(rng.integers(0, 255, (24, 32, 3), np.uint8), 8, 0), 8, 1))
    return path


@pytest.fixture
def finder(video: Path) -> Iterator[EvidenceFinder]:
    made = EvidenceFinder(video)
    yield made
    made.close()


class _SmallTemporal(nn.Module):
    """Temporal modules in little: merges the three maps, then corrects what it merged."""

    def __init__(self) -> None:
        super().__init__()
        self.ptm = nn.Conv2d(51, 17, 1)
        self.correction = nn.Conv2d(17, 17, 3, padding=1)

    def forward(self, current: Tensor, previous: Tensor, next_: Tensor, margin: Tensor) -> Tensor:
        merged: Tensor = self.ptm(torch.cat([current, previous, next_], dim=1))
        corrected: Tensor = self.correction(merged) * margin.sum()
        return corrected


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> dict[str, PoseModel]:
    """Small networks in place of the embedded one, which needs a second for each crop on a busy machine."""
    torch.manual_seed(0)
    description = replace(catalogue.describe("movenet_thunder"), crop=catalogue.REFERENCE_CROP)
    made = {
        name: PoseModel(replace(description, name=name, temporal=temporal is not None), TinyBackbone(), temporal).eval()
        for name, temporal in ((_MODEL, None), ("temporal", _SmallTemporal()))
    }
    real = catalogue.load_model
    monkeypatch.setattr(catalogue, "load_model", lambda name: made[name] if name in made else real(name))
    return made


def _request(frame: int, *, box: FloatArray = _BOX, model: str = _MODEL) -> EvidenceRequest:
    return EvidenceRequest(frame, box, model, "cpu")


def test_evidence_is_three_crops_of_one_box_with_their_heatmaps(finder: EvidenceFinder) -> None:
    evidence = finder.find(_request(2))
    assert evidence.previous is not None
    assert evidence.next is not None
    assert [evidence.previous.frame, evidence.key.frame, evidence.next.frame] == [1, 2, 3]
    height, width = evidence.key.image.shape[:2]
    assert evidence.key.heatmaps.shape == (17, height // evidence.cell_px, width // evidence.cell_px)
    assert not np.array_equal(evidence.previous.image, evidence.key.image)
    assert evidence.final is None
    corner = evidence.matrix @ np.array([(_BOX[0] + _BOX[2]) / 2, (_BOX[1] + _BOX[3]) / 2, 1.0])
    assert corner == pytest.approx([width / 2, height / 2])


def test_at_the_ends_of_the_video_a_neighbour_is_missing(finder: EvidenceFinder) -> None:
    assert finder.find(_request(0)).previous is None
    assert finder.find(_request(_N_FRAMES - 1)).next is None


def test_temporal_modules_add_what_they_merge_and_what_they_decide(
    finder: EvidenceFinder, models: dict[str, PoseModel]
) -> None:
    evidence = finder.find(_request(2, model="temporal"))
    assert evidence.previous is not None
    assert evidence.next is not None
    crops = [evidence.key, evidence.previous, evidence.next]
    key, previous, following = (torch.from_numpy(crop.heatmaps)[None] for crop in crops)
    temporal = models["temporal"].temporal
    assert isinstance(temporal, _SmallTemporal)
    with torch.inference_mode():
        merged = temporal.ptm(torch.cat([key, previous, following], dim=1))[0].numpy()
        final = temporal(key, previous, following, torch.tensor([[1, 1]]))[0].numpy()
    assert evidence.merged is not None
    assert evidence.final is not None
    np.testing.assert_allclose(evidence.merged, merged, atol=1e-5)
    np.testing.assert_allclose(evidence.final, final, atol=1e-5)


def test_what_cannot_be_computed_is_a_known_error(finder: EvidenceFinder, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no model called 'nothing'"):
        finder.find(_request(2, model="nothing"))
    gone = EvidenceFinder(tmp_path / "gone.mp4")
    with pytest.raises(VideoError):
        gone.find(_request(2))


def test_a_peak_is_drawn_where_it_is() -> None:
    heatmap = np.zeros((8, 6))
    heatmap[5, 2] = 1.0
    picture = over_crop(np.zeros((32, 24, 3), np.uint8), heatmap, cell_px=4)
    brightness = np.array([[picture.pixelColor(x, y).red() for x in range(24)] for y in range(32)])
    rows, columns = np.nonzero(brightness)
    weights = brightness[rows, columns]
    assert np.average(columns, weights=weights) == pytest.approx(2 * 4, abs=0.1)
    assert np.average(rows, weights=weights) == pytest.approx(5 * 4, abs=0.1)


@pytest.fixture
def filmed(tmp_path: Path, video: Path) -> Iterator[Document]:
    with open_frames(video) as source:
        facts = VideoFacts.of(source)
    with Document.create(tmp_path / "noise.dcpose", facts) as document:
        poses = [FramePoses(i, (standing((128.0, 96.0), height_px=120.0, track_id=0),)) for i in range(_N_FRAMES)]
        document.apply(replace_predictions(document, poses, label="Annotate"))
        yield document


@pytest.fixture
def panel(filmed: Document, show: Callable[[QWidget, int, int], None], qtbot: QtBot) -> Iterator[EvidencePanel]:
    session = Session()
    session.set_document(filmed)
    made = EvidencePanel(session, lambda: ModelChoice(_MODEL, "cpu"))
    show(made, 340, 260)
    yield made
    made.close_video()
    session.set_document(None)


def _wait(panel: EvidencePanel, qtbot: QtBot, frame: int) -> None:
    qtbot.waitUntil(lambda: panel.evidence is not None and panel.evidence.key.frame == frame, timeout=60_000)


def test_selecting_a_person_shows_it_and_clicking_a_crop_goes_there(panel: EvidencePanel, qtbot: QtBot) -> None:
    session = panel._session
    assert panel._note.text().startswith("Select a person")
    session.go_to(2)
    session.select(0, [_LEFT_WRIST])
    _wait(panel, qtbot, 2)
    assert panel._note.text() == "Heatmaps of the left wrist"
    assert [view.frame for view in (panel._previous, panel._key, panel._next)] == [1, 2, 3]
    assert "left wrist: frame 1" in panel._previous.toolTip()
    QTest.mouseClick(panel._next, Qt.MouseButton.LeftButton)
    assert session.frame == 3
    assert panel._key.is_stale
    _wait(panel, qtbot, 3)
    assert not panel._key.is_stale


def test_another_joint_of_the_same_person_needs_no_new_computation(panel: EvidencePanel, qtbot: QtBot) -> None:
    session = panel._session
    session.select(0, [_LEFT_WRIST])
    _wait(panel, qtbot, 0)
    evidence, caption = panel.evidence, panel._key._caption
    session.select(0, [0])
    assert panel.evidence is evidence
    assert panel._note.text() == "Heatmaps of the nose"
    assert panel._key._caption != caption


def test_stepping_through_frames_computes_only_where_one_rests(
    panel: EvidencePanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = EvidenceFinder.find

    def find(self: EvidenceFinder, request: EvidenceRequest) -> PersonEvidence:
        asked.append(request.frame)
        return real(self, request)

    monkeypatch.setattr(EvidenceFinder, "find", find)
    session = panel._session
    session.select(0)
    for frame in range(1, _N_FRAMES):
        session.go_to(frame)
    _wait(panel, qtbot, _N_FRAMES - 1)
    assert asked == [_N_FRAMES - 1]


def test_the_heatmap_lies_on_the_picture_if_wanted(panel: EvidencePanel, qtbot: QtBot) -> None:
    session = panel._session
    session.go_to(2)
    session.select(0, [_LEFT_WRIST])
    _wait(panel, qtbot, 2)
    panel._overlay.setChecked(True)
    overlay = session.heatmap
    assert overlay is not None
    assert overlay.frame == 2
    assert panel.evidence is not None
    at = overlay.cell_to_image @ np.array([10.0, 20.0, 1.0])
    crop = panel.evidence.matrix @ np.append(at, 1.0)
    assert crop == pytest.approx([40.0, 80.0])
    panel._overlay.setChecked(False)
    assert session.heatmap is None


def test_a_video_that_is_gone_is_one_sentence(
    filmed: Document, panel: EvidencePanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: EvidenceFinder, _request: EvidenceRequest) -> None:
        raise VideoError("noise.mp4: no such file")

    monkeypatch.setattr(EvidenceFinder, "find", fail)
    panel._session.select(0)
    qtbot.waitUntil(lambda: panel._note.text() == "noise.mp4: no such file", timeout=10_000)


def test_closing_waits_for_the_thread_and_forgets_what_was_asked(panel: EvidencePanel, filmed: Document) -> None:
    panel._session.select(0)
    time.sleep(0.01)
    filmed.apply(edits.delete_person(filmed, 0, 0))
    panel.close_video()
    assert panel._worker is None
