"""Single-image pose networks. To add one: a `Backbone` in a file of its own and one line here."""

from collections.abc import Callable
from functools import partial

from dcpose_core.models.backbones.base import Backbone
from dcpose_core.models.backbones.hrnet import HRNet
from dcpose_core.models.backbones.movenet import MoveNetThunder
from dcpose_core.models.backbones.simple_baseline import SimpleBaseline

#: Name -> constructor of the untrained network.
BACKBONES: dict[str, Callable[[], Backbone]] = {
    "movenet_thunder": MoveNetThunder,
    "hrnet_w32": partial(HRNet, width=32),
    "hrnet_w48": partial(HRNet, width=48),
    "simple_baseline_50": partial(SimpleBaseline, depth=50),
    "simple_baseline_101": partial(SimpleBaseline, depth=101),
    "simple_baseline_152": partial(SimpleBaseline, depth=152),
}
