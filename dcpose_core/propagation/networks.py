"""The trained networks that carry labels from frame to frame, and what they notice on the way.

What belongs to them lies in `resources/propagation`: `<name>.json`, a `NetworkDescription`, and, for a network that is
no model of the catalogue, `<name>.safetensors`, float16 weights with the SHA-256 that the description states.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from importlib import resources
from typing import Any, Literal, NamedTuple, cast

import msgspec
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from dcpose_core.errors import UsageError, WeightsError
from dcpose_core.estimation import Evidence
from dcpose_core.heatmaps import decode
from dcpose_core.models.catalogue import load_model
from dcpose_core.models.description import DecodeRule
from dcpose_core.models.joint_batches import join_frames
from dcpose_core.models.slim_dcpose import SlimDCPose
from dcpose_core.propagation.label_warp import LabelWarp, LabelWarpSettings
from dcpose_core.types import FloatArray

#: The farthest frames that these networks have learned to look at together.
FARTHEST_FRAMES = 4

#: What is noticed about a walk: `read_step` of its last step, the least of some of it on the way, and how it stands.
READINGS = (
    "peak",
    "log peak",
    "log backbone there",
    "log backbone peak",
    "log cells from backbone",
    "log cells from label",
    "least peak",
    "least log backbone there",
    "log steps",
    "labels on both sides",
)

_FAINTEST = 0.003
#: A map's value "there" is the highest this many cells around.
_NEAR_CELLS = 2


class JointStep(NamedTuple):
    """K joints, each on its way from a frame where it is labelled to the target frame; maps `[K, h, w]`.

    label: of that frame. current: the backbone's maps of the target frame; opposite: there of the same joint of the
    other side, or zero. beside: the backbone's maps of a third frame, by `NetworkDescription.beside`, or labels there.
    margin: int `[K, 2]`, frames from the target to the label and to what is beside. prior: where the joint may be at
    all, a factor on what the network finds. All lie in the target's crop.
    """

    label: Tensor
    current: Tensor
    opposite: Tensor
    beside: Tensor
    margin: Tensor
    prior: Tensor | None = None


class NetworkDescription(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One network. kind: key in `NETWORKS`; settings: of its kind. backbone: the model whose heatmaps it knows.

    model: the model of the catalogue whose temporal modules it is; None for one with weights of its own, of `sha256`.
    beside: the third frame that it looks at, the one `beyond` the target, or the `labelled` one once more.
    rule: how that backbone's refined heatmaps are decoded. label_sigma_cells: of the labels. prior_sigma_cells: how far
    a joint moves from one frame to the next, a Gaussian around the label; None for no such limit.
    """

    name: str
    title: str
    kind: Literal["slim_dcpose", "label_warp"]
    settings: dict[str, Any] = {}
    backbone: str
    model: str | None = None
    beside: Literal["beyond", "labelled"]
    rule: DecodeRule
    label_sigma_cells: float
    prior_sigma_cells: float | None
    licence: str
    origin: str
    sha256: str = ""


class LabelNetwork(NamedTuple):
    """A network at work: `JointStep` -> refined maps `[K, h, w]` of the target frame."""

    description: NetworkDescription
    refine: Callable[[JointStep], Tensor]

    def check_evidence(self, evidence: Evidence) -> None:
        """Raises `UsageError` if the heatmaps are those of a backbone that the network has never seen."""
        known, given = self.description.backbone, evidence.backbone
        if given not in (None, known):
            raise UsageError(
                f"propagation with {self.description.name!r} knows the heatmaps of {known} only, not those of {given}: "
                f"take a model with that backbone, or the method flow or blend"
            )


def refine_by_window(module: nn.Module, step: JointStep) -> Tensor:
    """The slim DCPose, the label being the previous frame: time runs from the label to the target, either way."""
    current, label, beside, opposite = (
        maps[:, None] for maps in (step.current, step.label, step.beside, step.opposite)
    )
    refined: Tensor = cast(SlimDCPose, module).correct(join_frames(current, label, beside, opposite, step.margin))
    return refined[:, 0].float()


def refine_by_warping(module: nn.Module, step: JointStep) -> Tensor:
    """The label, moved by what the backbone says of both frames."""
    maps: Tensor = module(step.current[:, None], step.label[:, None], step.beside[:, None], step.margin)
    return maps[:, 0].float()


#: Kinds of networks: how they look at a step.
NETWORKS: dict[str, Callable[[nn.Module, JointStep], Tensor]] = {
    "slim_dcpose": refine_by_window,
    "label_warp": refine_by_warping,
}


@cache
def load_network(name: str) -> LabelNetwork:
    """One of the networks that come with the program. Raises `WeightsError` if its files are damaged."""
    folder = resources.files("dcpose_resources") / "propagation"
    try:
        description = msgspec.json.decode((folder / f"{name}.json").read_bytes(), type=NetworkDescription)
        weights = b"" if description.model is not None else (folder / f"{name}.safetensors").read_bytes()
    except (OSError, msgspec.MsgspecError) as error:
        raise WeightsError(f"{folder / name}: cannot be used ({error}); install dcpose-annotator again") from error
    return open_network(description, weights)


def open_network(description: NetworkDescription, weights: bytes = b"") -> LabelNetwork:
    """The network of a description. weights: the content of its safetensors file, if it is no model of the catalogue.

    Raises `WeightsError` if they are not what the description says.
    """
    if description.model is not None:
        module = load_model(description.model).temporal
        if not isinstance(module, SlimDCPose):
            raise WeightsError(f"model {description.model} has no slim DCPose, which {description.name} needs")
    else:
        module = _label_warp(description, weights)
    ask = partial(_run, NETWORKS[description.kind], module.eval())
    return LabelNetwork(description, partial(_recalled, description.name, ask))


def _label_warp(description: NetworkDescription, weights: bytes) -> LabelWarp:
    if hashlib.sha256(weights).hexdigest() != description.sha256:
        raise WeightsError(f"network {description.name}: not the weights of its description; install it again")
    try:
        module = LabelWarp(msgspec.convert(description.settings, LabelWarpSettings))
        module.load_state_dict(safetensors.torch.load(weights))
    except (SafetensorError, msgspec.ValidationError, RuntimeError) as error:
        raise WeightsError(f"network {description.name}: damaged ({error}); install it again") from error
    return module.float()


#: Digest of one joint's step -> its refined map, float32 `[h, w]`.
Remembered = dict[bytes, Tensor]
_remembered: list[Remembered] = []


@contextmanager
def remembering(steps: Remembered) -> Iterator[None]:
    """Within, what networks find is kept in `steps`, and no network looks at the same step twice.

    A joint takes 30 kB: for benchmarks, which do the same work over and over in different ways.
    """
    _remembered.append(steps)
    try:
        yield
    finally:
        _remembered.pop()


def _recalled(name: str, ask: Callable[[JointStep], Tensor], step: JointStep) -> Tensor:
    """What the network `name` says of a step, from memory as far as it is there."""
    if not _remembered:
        return ask(step)
    known = _remembered[-1]
    keys = [_digest(name, step, row) for row in range(len(step.label))]
    new = [row for row, key in enumerate(keys) if key not in known]
    if new:
        asked = ask(step._replace(**{name: part[new] for name, part in step._asdict().items() if part is not None}))
        known.update({keys[row]: found for row, found in zip(new, asked, strict=True)})
    return torch.stack([known[key] for key in keys])


def _digest(name: str, step: JointStep, row: int) -> bytes:
    digest = hashlib.blake2b(name.encode(), digest_size=16)
    for part in step:
        digest.update(b"-" if part is None else part[row].contiguous().cpu().numpy().tobytes())
    return digest.digest()


def _run(refine: Callable[[nn.Module, JointStep], Tensor], module: nn.Module, step: JointStep) -> Tensor:
    module.to(step.current.device)
    with torch.inference_mode():
        refined = refine(module, step)
        return refined if step.prior is None else refined * step.prior


def read_step(refined: Tensor, step: JointStep) -> dict[str, FloatArray]:
    """What there is to notice about one step, float64 `[K]` each; heights as logarithms, from 0.003 on."""
    at = _peak_cells(refined)
    own, label = _peak_cells(step.current), _peak_cells(step.label)
    readings = {
        "peak": refined.amax(dim=(1, 2)),
        "log peak": _log(refined.amax(dim=(1, 2))),
        "log backbone there": _log(_highest_near(step.current, at)),
        "log backbone peak": _log(step.current.amax(dim=(1, 2))),
        "log cells from backbone": (at - own).norm(dim=1).log1p(),
        "log cells from label": (at - label).norm(dim=1).log1p(),
    }
    return {name: values.double().cpu().numpy() for name, values in readings.items()}


def weakest(readings: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Those of the readings whose least value along the way counts too: a chain is as strong as its weakest step."""
    return {f"least {name}": readings[name] for name in ("peak", "log backbone there")}


def decode_cells(refined: Tensor, rule: DecodeRule) -> tuple[Tensor, Tensor]:
    """Positions `[K, 2]` in cells and heights `[K]` of the peaks of refined maps `[K, h, w]`."""
    positions, heights = decode(refined[None], rule=rule)
    return positions[0], heights[0]


def _peak_cells(maps: Tensor) -> Tensor:
    """(x, y) `[K, 2]` of the highest cell, float."""
    cell = maps.flatten(1).argmax(dim=1)
    width = maps.shape[-1]
    return torch.stack([cell % width, cell.div(width, rounding_mode="floor")], dim=1).float()


def _highest_near(maps: Tensor, place: Tensor) -> Tensor:
    """The highest value `[K]` of maps `[K, h, w]` in the square of 5 x 5 cells around places `[K, 2]` (x, y)."""
    height, width = maps.shape[-2:]
    steps = torch.arange(-_NEAR_CELLS, _NEAR_CELLS + 1, device=maps.device)
    x = (place[:, 0, None].long() + steps).clamp(0, width - 1)
    y = (place[:, 1, None].long() + steps).clamp(0, height - 1)
    cells = y[:, :, None] * width + x[:, None, :]
    return maps.flatten(1).gather(1, cells.flatten(1)).amax(dim=1)


def _log(heights: Tensor) -> Tensor:
    return heights.clamp_min(_FAINTEST).log()
