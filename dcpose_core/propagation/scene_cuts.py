"""Where one shot ends and another begins, found on the images: nothing can be followed across.

Neighbouring frames are compared as thumbnails by their correlation, which brightness and contrast leave alone. Within
twelve clips 1 - correlation stayed below 0.01, and below 0.1 where the camera was carried; between shots from other
places it was above 0.45, between two takes with the same fixed camera 0.07 to 0.16. A cut stands out from the frames
around it, and the picture does not come back within two frames as after a flash. Black (or any flat) picture after
another counts as a cut, so a fade through black ends where nothing is seen any more; a slow dissolve has no frame to be
called its cut.
"""

from __future__ import annotations

from collections import OrderedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from dcpose_core.errors import VideoError
from dcpose_core.propagation.proposals import Footage, PersonTrack

_THUMBNAIL_PX = (48, 27)
#: 1 - correlation that is a cut at least, and over that of the frames around it (to which a little is added).
_LEAST_CHANGE = 0.03
_TIMES_USUAL = 12.0
_USUAL_FLOOR = 0.001
_AROUND_FRAMES = 3
#: A flash is over after so many frames.
_FLASH_FRAMES = 2
#: Standard deviation of the grey levels below which a picture is flat.
_FLAT = 3.0
_KEPT_THUMBNAILS = 4096

_Thumbnail = NDArray[np.float32]


class SceneCuts:
    """Finds cuts in footage, looking only at frames near those it is asked about. Damaged frames are passed over."""

    def __init__(self, footage: Footage) -> None:
        self._footage = footage
        self._thumbnails: OrderedDict[int, _Thumbnail | None] = OrderedDict()

    def is_cut(self, frame: int) -> bool:
        """Whether a new scene begins on `frame`. Looks at three frames before it and behind."""
        if not 0 < frame < self._footage.n_frames:
            return False
        change = self._change(frame - 1, frame)
        if change < _LEAST_CHANGE:
            return False
        near = range(frame - _AROUND_FRAMES, frame + _AROUND_FRAMES + 1)
        usual = [self._change(other - 1, other) for other in near if other != frame and self._exists(other - 1, other)]
        if usual and change < _TIMES_USUAL * (float(np.median(usual)) + _USUAL_FLOOR):
            return False
        across = [
            self._change(before, after)
            for before in range(frame - _FLASH_FRAMES, frame)
            for after in range(frame, frame + _FLASH_FRAMES + 1)
            if self._exists(before, after)
        ]
        return min(across) >= change / 2

    def scene(self, frame: int, *, first: int, last: int) -> range:
        """The frames from `first` to `last` that are in one scene with `frame`."""
        start = next((cut for cut in range(frame, first, -1) if self.is_cut(cut)), first)
        stop = next((cut for cut in range(frame + 1, last + 1) if self.is_cut(cut)), last + 1)
        return range(start, stop)

    def _exists(self, *frames: int) -> bool:
        return all(0 <= frame < self._footage.n_frames for frame in frames)

    def _change(self, first: int, second: int) -> float:
        """1 - correlation of two frames: 0 if alike or if one is damaged, 1 from or to a flat picture."""
        a, b = self._thumbnail(first), self._thumbnail(second)
        if a is None or b is None:
            return 0.0
        deviations = float(a.std()), float(b.std())
        if min(deviations) < _FLAT:
            return float(max(deviations) >= _FLAT)
        return 1.0 - float((a * b).mean()) / (deviations[0] * deviations[1])

    def _thumbnail(self, frame: int) -> _Thumbnail | None:
        if frame not in self._thumbnails:
            try:
                image = self._footage.image(frame)
            except VideoError:
                self._thumbnails[frame] = None
            else:
                small = cv2.resize(image, _THUMBNAIL_PX, interpolation=cv2.INTER_AREA).astype(np.float32)
                small = np.asarray(cv2.GaussianBlur(small, (3, 3), 0), np.float32)
                self._thumbnails[frame] = small - small.mean(axis=(0, 1))
            if len(self._thumbnails) > _KEPT_THUMBNAILS:
                self._thumbnails.popitem(last=False)
        return self._thumbnails[frame]


def within(track: PersonTrack, scene: range) -> PersonTrack:
    """A track without its human frames outside `scene`: what was set beyond a cut says nothing about this side."""
    kept = {frame: pose for frame, pose in track.poses.items() if frame in scene or not pose.human.any()}
    return PersonTrack(track.track_id, kept)
