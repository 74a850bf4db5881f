"""Published weights in our networks: key names of the reference, which network a checkpoint is of, strict loading."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from dcpose_core.checkpoint_file import read_state_dict
from dcpose_core.errors import UsageError, WeightsError
from dcpose_core.models.backbones import BACKBONES
from dcpose_core.models.backbones.base import Backbone
from dcpose_core.models.dcpose import DCPose, TemporalHead
from dcpose_core.models.settings import REFERENCE

_BACKBONE_PREFIX = "rough_pose_estimation_net."
# Names of the temporal modules: ours -> published.
_REFERENCE_NAMES = (
    (r"^temporal\.prf\.chain\.", "diff_temporal_fuse.layers."),
    (r"^temporal\.ptm\.chain\.", "support_temporal_fuse.layers."),
    (r"^temporal\.pcn\.combine\.", "offset_mask_combine_conv.layers."),
    (r"^temporal\.pcn\.offsets\.(\d+)\.", r"offsets_list.\1.0."),
    (r"^temporal\.pcn\.masks\.(\d+)\.", r"masks_list.\1.0."),
    (r"^temporal\.pcn\.deformable\.(\d+)\.", r"modulated_deform_conv_list.\1.deform_conv."),
    (r"\.split\.", ".conv_bn_relu1."),
    (r"\.merge\.", ".conv_bn_relu3."),
    (r"\.shortcut\.", ".downsample."),
)
#: Ending of the batch counters of batch normalisations.
COUNTER = "num_batches_tracked"
_SHOWN_KEYS = 3


def load_reference_checkpoint(path: str | Path) -> DCPose:
    """The network of a published DCPose checkpoint, on the CPU, in eval mode.

    The published backbone is HRNet-W48; any other of `BACKBONES` is recognised by its keys and shapes. What files are
    read: see `dcpose_core.checkpoint_file`.

    Raises:
        WeightsError: the file cannot be read, holds anything but tensors and plain containers, or its keys and shapes
            are not exactly those of the network.
    """
    path = Path(path)
    state = read_state_dict(path)
    if not is_reference_state(state):
        raise WeightsError(f"{path}: not a DCPose checkpoint, no key starts with {_BACKBONE_PREFIX!r}")
    network = DCPose(BACKBONES[recognise_backbone(state, path)](), TemporalHead(REFERENCE))
    load_strictly(network, state, source=path, name_in_file=reference_key)
    return network.eval()


def load_backbone(name: str, path: str | Path) -> Backbone:
    """Backbone `name` of `BACKBONES` with the weights of a checkpoint, on the CPU, in eval mode.

    The file is a public HRNet or SimpleBaseline checkpoint with 17 joints (PoseTrack's; of COCO's, channels 1 and 2
    are the eyes), or a DCPose checkpoint, of which only the backbone is taken. The counters `num_batches_tracked` may
    be missing: older public files have none, and no network here uses them.

    Raises:
        UsageError: no backbone has that name.
        WeightsError: as `load_reference_checkpoint`.
    """
    if name not in BACKBONES:
        raise UsageError(f"no backbone is called {name!r}; there are {', '.join(BACKBONES)}")
    path = Path(path)
    backbone = BACKBONES[name]()
    load_strictly(backbone, _backbone_part(read_state_dict(path)), source=path, may_miss=COUNTER)
    return backbone.eval()


def reference_state_dict(network: DCPose) -> dict[str, Tensor]:
    """State dict of `network` under the published key names.

    Raises `UsageError` if its settings are not the reference's: the published implementation could not load it.
    """
    if network.temporal.settings != REFERENCE:
        raise UsageError("only a network with the reference's settings has the published key names")
    return {reference_key(key): tensor for key, tensor in network.state_dict().items()}


def reference_key(key: str) -> str:
    """The published name of the entry `key` of `DCPose.state_dict()`."""
    if key.startswith("backbone."):
        return _BACKBONE_PREFIX + key.removeprefix("backbone.")
    for pattern, replacement in _REFERENCE_NAMES:
        key = re.sub(pattern, replacement, key)
    # The published names count branches and steps from 1.
    return re.sub(r"\.branches\.(\d)\.(\d)\.", lambda m: f".conv_bn_relu2_{int(m[1]) + 1}_{int(m[2]) + 1}.", key)


def is_reference_state(state: Mapping[str, Tensor]) -> bool:
    """Whether a state dict is of the published DCPose network, not of a backbone alone."""
    return any(key.startswith(_BACKBONE_PREFIX) for key in state)


def recognise_backbone(state: Mapping[str, Tensor], source: Path) -> str:
    """The entry of `BACKBONES` whose keys and shapes differ least from a state dict of a backbone or of DCPose.

    Raises `WeightsError` if none has anything in common with it.
    """
    entries = {(key, tensor.shape) for key, tensor in _backbone_part(state).items()}
    differences: dict[str, int] = {}
    for name, constructor in BACKBONES.items():
        with torch.device("meta"):  # shapes without memory
            own = {(key, tensor.shape) for key, tensor in constructor().state_dict().items()}
        if entries & own:
            differences[name] = len(entries ^ own)
    if not differences:
        raise WeightsError(f"{source}: no known backbone has keys like these; known are {', '.join(BACKBONES)}")
    return min(differences, key=lambda name: differences[name])


def load_strictly(
    network: nn.Module,
    state: Mapping[str, Tensor],
    *,
    source: Path | str,
    name_in_file: Callable[[str], str] = str,
    may_miss: str | None = None,
) -> None:
    """Copy `state` into `network`; keys, shapes and kinds (float or integer) have to agree, and values be finite.

    name_in_file: the network's own key -> key in `state`. may_miss: keys with this ending may be missing.
    Raises `WeightsError` with the number of entries that do not fit and the first of them.
    """
    own = network.state_dict()
    expected = {name_in_file(key): tensor for key, tensor in own.items()}
    missing = [key for key in expected if key not in state and not (may_miss and key.endswith(may_miss))]
    unexpected = [key for key in state if key not in expected]
    both = [key for key in expected if key in state]
    shapes = [
        f"{key} {tuple(state[key].shape)} for {tuple(expected[key].shape)}"
        for key in both
        if state[key].shape != expected[key].shape
    ]
    kinds = [key for key in both if state[key].is_floating_point() != expected[key].is_floating_point()]
    not_finite = [key for key in both if not state[key].isfinite().all()]
    problems = [
        _listed(keys, what)
        for keys, what in (
            (missing, "missing"),
            (unexpected, "unexpected"),
            (shapes, "of another shape"),
            (kinds, "of another type"),
            (not_finite, "with values that are not finite"),
        )
        if keys
    ]
    if problems:
        raise WeightsError(f"{source}: does not fit the network: {'; '.join(problems)}")
    network.load_state_dict({key: state.get(name_in_file(key), tensor) for key, tensor in own.items()})


def _listed(keys: Sequence[str], what: str) -> str:
    more = ", ..." if len(keys) > _SHOWN_KEYS else ""
    return f"{len(keys)} {what} ({', '.join(keys[:_SHOWN_KEYS])}{more})"


def _backbone_part(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The backbone's entries of a DCPose state dict under their own names; any other state dict as it is."""
    if not is_reference_state(state):
        return dict(state)
    return {
        key.removeprefix(_BACKBONE_PREFIX): tensor for key, tensor in state.items() if key.startswith(_BACKBONE_PREFIX)
    }
