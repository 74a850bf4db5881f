"""Who is on a frame: read from the store when somebody asks, and kept for the frames asked for last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence, Set
from types import MappingProxyType
from typing import NamedTuple

from app.project.overview import Overview
from app.project.packing import split, unpack
from app.project.records import Layer, Person
from app.project.store import Store

#: Frames whose persons are kept unpacked; 5 persons take about 12 kB.
_KEPT_FRAMES = 2048


class _Persons(NamedTuple):
    layers: Mapping[Layer, Mapping[int, Person]]
    view: Mapping[int, Person]


class FramePersons:
    """Read-only mappings, track id -> person, of single frames. An `IndexError` tells of a frame that there is not."""

    def __init__(self, store: Store, overview: Overview) -> None:
        self._store = store
        self._overview = overview
        self._kept: OrderedDict[int, _Persons] = OrderedDict()

    def view(self, frame: int) -> Mapping[int, Person]:
        """The annotation of everybody who has one, else the prediction, in the order of track ids."""
        return self._of(frame).view

    def layer(self, frame: int, layer: Layer) -> Mapping[int, Person]:
        """Everybody in one layer."""
        return self._of(frame).layers[layer]

    def of_track(self, track_id: int, frames: Sequence[int], layer: Layer) -> dict[int, Person]:
        """Frame -> a track's person in one layer, where it is; all frames are read in one go, and not kept."""
        rows = self._store.persons_on(layer, frames)
        records = ((frame, split(data).get(track_id)) for frame, data in rows)
        return {frame: unpack(record)[track_id] for frame, record in records if record is not None}

    def forget(self, frames: Set[int]) -> None:
        """These frames changed."""
        for frame in self._kept.keys() & frames:
            del self._kept[frame]

    def _of(self, frame: int) -> _Persons:
        if not 0 <= frame < self._overview.n_frames:
            raise IndexError(f"there is no frame {frame}, only 0 to {self._overview.n_frames - 1}")
        known = self._kept.get(frame)
        if known is not None:
            self._kept.move_to_end(frame)
            return known
        layers = {layer: unpack(self._packed(layer, frame)) for layer in Layer}
        view = {**layers[Layer.PREDICTION], **layers[Layer.ANNOTATION]}
        read_only = {layer: MappingProxyType(persons) for layer, persons in layers.items()}
        known = self._kept[frame] = _Persons(read_only, MappingProxyType(dict(sorted(view.items()))))
        if len(self._kept) > _KEPT_FRAMES:
            self._kept.popitem(last=False)
        return known

    def _packed(self, layer: Layer, frame: int) -> bytes:
        return self._store.persons(layer, frame) if self._overview.has_persons(layer, frame) else b""
