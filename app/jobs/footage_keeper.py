"""Keeps the video that propagation looks at, and the model that looks, open from one job to the next."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dcpose_core.devices import choose_device
from dcpose_core.errors import VideoError
from dcpose_core.estimation import PoseEstimator
from dcpose_core.models.catalogue import load_model
from dcpose_core.propagation import VideoFootage
from dcpose_core.propagation.scene_cuts import SceneCuts
from dcpose_core.video import FrameSource, open_frames

#: Crops that go through the network at once.
_BATCH = 4


@dataclass(frozen=True, slots=True)
class FootageChoice:
    """What to look at, and with what. fingerprint: of the document's video; another one is refused."""

    video: Path
    fingerprint: str
    model: str
    device: str


class OpenFootage:
    """A video being looked at. frames: with what the model says of them; the model is loaded when it is first wanted,
    by whom `loader` is. cuts: where scenes end."""

    def __init__(
        self, choice: FootageChoice, source: FrameSource, loader: ThreadPoolExecutor, *, image_bytes: int
    ) -> None:
        self.choice = choice
        self.frames = VideoFootage(source, lambda: self.want_model().result(), image_bytes=image_bytes)
        self.cuts = SceneCuts(self.frames)
        self._source = source
        self._loader = loader
        self._estimator: Future[PoseEstimator] | None = None

    def want_model(self) -> Future[PoseEstimator]:
        """Begin to load the model, if nobody has yet."""
        if self._estimator is None:
            self._estimator = self._loader.submit(_load, self.choice)
        return self._estimator

    @property
    def model_is_ready(self) -> bool:
        """Whether asking the model answers at once."""
        return self._estimator is not None and self._estimator.done()

    def close(self) -> None:
        """Let go of video and model, waiting for one that is being loaded."""
        self.frames.close()
        if self._estimator is not None and self._estimator.exception() is None:
            self._estimator.result().close()
        self._source.close()


class FootageKeeper:
    """One video at a time. For one thread; the model is loaded on another one meanwhile.

    image_bytes: of decoded frames that are kept.
    """

    def __init__(self, image_bytes: int = 512 << 20) -> None:
        self._image_bytes = image_bytes
        self._open: OpenFootage | None = None
        self._loader = ThreadPoolExecutor(1, "propagation model")

    def open(self, choice: FootageChoice) -> OpenFootage:
        """The footage as chosen, in place of another one. Raises `VideoError`; asking it, as loading the model."""
        if self._open is None or self._open.choice != choice:
            self.let_go()
            source = open_frames(choice.video)
            if source.fingerprint != choice.fingerprint:
                source.close()
                raise VideoError(f"{choice.video}: not the video of this project any more; choose the right one")
            self._open = OpenFootage(choice, source, self._loader, image_bytes=self._image_bytes)
        return self._open

    def let_go(self) -> None:
        """Close what is open."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def close(self) -> None:
        """For good."""
        self.let_go()
        self._loader.shutdown()


def _load(choice: FootageChoice) -> PoseEstimator:
    model = load_model(choice.model)
    # Silent: the status bar tells the device of an analysis; here nothing but patience depends on it.
    device = choose_device(choice.device, lambda _: None)
    return PoseEstimator(
        model, device=device, batch_size=_BATCH, temporal=model.temporal is not None, announce=lambda _: None
    )
