"""`VideoFootage`: a video's exact frames and the model's view of them, each looked at once as long as memory allows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Generic, Self, TypeVar

from dcpose_core.errors import VideoError
from dcpose_core.estimation import CropRequest, Estimates, Evidence, PoseEstimator, WindowEvidence
from dcpose_core.types import FloatArray, ImageArray
from dcpose_core.video import FrameSource

_IMAGE_BYTES = 512 << 20
_EVIDENCE_BYTES = 256 << 20
#: Going backwards every miss is decoded from a random-access frame on; so many of those that pass by are kept.
_READ_BEFORE = 15


class VideoFootage:
    """A `Footage` of one video. For one thread; `close` lets go of the model, not of `source`.

    estimator: makes the estimator when the model is first asked, for it takes seconds to load and flow needs none.
    image_bytes, evidence_bytes: what is kept at most; the latest images and evidence stay in any case.
    """

    def __init__(
        self,
        source: FrameSource,
        estimator: Callable[[], PoseEstimator],
        *,
        image_bytes: int = _IMAGE_BYTES,
        evidence_bytes: int = _EVIDENCE_BYTES,
    ) -> None:
        self._source = source
        self._make_estimator = estimator
        self._estimator: PoseEstimator | None = None
        self._images: _LatestUsed[int, ImageArray] = _LatestUsed(image_bytes)
        self._evidence: _LatestUsed[tuple[int, bytes], Evidence] = _LatestUsed(evidence_bytes)

    @property
    def n_frames(self) -> int:
        return len(self._source)

    def image(self, frame: int) -> ImageArray:
        """uint8 `[H, W, 3]`, RGB. Raises `VideoError` if the frame is damaged, `IndexError` if there is none."""
        image = self._images.get(frame)
        if image is None:
            if self._images.get(frame + 1) is not None:
                self._read_before(frame)
            image = self._source.read(frame).image
            self._images.put(frame, image, image.nbytes)
        return image

    def evidence(self, frame: int, box_xyxy: FloatArray) -> Evidence:
        """What the backbone says about the crop of a box. Raises as `image` and as loading the model does."""
        key = (frame, box_xyxy.tobytes())
        evidence = self._evidence.get(key)
        if evidence is None:
            estimator = self.estimator
            (evidence,) = estimator.evidence([CropRequest(self.image(frame), estimator.crop_matrix(box_xyxy))])
            n_bytes = evidence.heatmaps.nbytes + (0 if evidence.offsets is None else evidence.offsets.nbytes)
            self._evidence.put(key, evidence, n_bytes)
        return evidence

    def estimate(self, windows: Sequence[WindowEvidence]) -> Estimates:
        """Refined poses of the current frames of `windows`."""
        return self.estimator.estimate(windows)

    @property
    def estimator(self) -> PoseEstimator:
        """The model at work; loaded when it is first asked for."""
        if self._estimator is None:
            self._estimator = self._make_estimator()
        return self._estimator

    def close(self) -> None:
        self._images.clear()
        self._evidence.clear()
        if self._estimator is not None:
            self._estimator.close()
            self._estimator = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_before(self, frame: int) -> None:
        """Keep the frames that lie before `frame` too: somebody is walking backwards."""
        for index in range(max(0, frame - _READ_BEFORE), frame):
            if self._images.get(index) is not None:
                continue
            try:
                image = self._source.read(index).image
            except VideoError:
                continue  # damaged: whoever asks for it is told
            self._images.put(index, image, image.nbytes)


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class _LatestUsed(Generic[_Key, _Value]):
    """What was used last, up to a number of bytes; the newest entry stays however large it is."""

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity = capacity_bytes
        self._entries: OrderedDict[_Key, tuple[_Value, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: _Key) -> _Value | None:
        if key not in self._entries:
            return None
        self._entries.move_to_end(key)
        return self._entries[key][0]

    def put(self, key: _Key, value: _Value, n_bytes: int) -> None:
        self._entries[key] = (value, n_bytes)
        self._bytes += n_bytes
        while self._bytes > self._capacity and len(self._entries) > 1:
            _, (_, freed) = self._entries.popitem(last=False)
            self._bytes -= freed

    def clear(self) -> None:
        self._entries.clear()
        self._bytes = 0
