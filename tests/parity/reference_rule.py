"""Weights and inputs of the parity fixtures: pure functions of a name and a seed constant.

Another constant makes another, equally valid set, so nothing here or in the network is tuned to these numbers.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SEED_CONSTANT = 0xDC05E2021
BACKBONE_PREFIX = "rough_pose_estimation_net."

Float32 = NDArray[np.float32]


def unit(name: str, n: int, constant: int = SEED_CONSTANT) -> NDArray[np.float64]:
    """n values in [-1, 1): splitmix64 seeded with the name's CRC-32."""
    seed = ((zlib.crc32(name.encode()) << 32) ^ constant) & (2**64 - 1)
    with np.errstate(over="ignore"):  # 64-bit arithmetic is meant to wrap
        z = np.uint64(seed) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1.0


def parameter(key: str, shape: Sequence[int], constant: int = SEED_CONSTANT) -> NDArray[np.generic]:
    """The entry `key`, a published name, of the fixtures' state dict."""
    kind = key.rsplit(".", 1)[-1]
    if kind == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    v = unit(key, int(np.prod(shape)), constant).reshape(shape)
    if kind == "running_mean":
        return (0.1 * v).astype(np.float32)
    if kind == "running_var":
        return (1.0 + 0.3 * v).astype(np.float32)
    if kind == "weight" and len(shape) == 4:
        # Filters sum to zero: otherwise a deep random ReLU network maps every input to almost the same output.
        zero_sum = v - v.mean(axis=(1, 2, 3), keepdims=True)
        filters = np.sqrt(6.0 / (shape[1] * shape[2] * shape[3])) * zero_sum * _convolution_gain(key)
        return np.asarray(filters, dtype=np.float32)
    if kind == "weight":
        return (_normalisation_scale(key) * (1.0 + 0.3 * v)).astype(np.float32)
    return (0.1 * v).astype(np.float32)


def _convolution_gain(key: str) -> float:
    if key.startswith(f"{BACKBONE_PREFIX}final_layer"):
        return 0.3
    return 4.0 if key.startswith("offsets_list") else 1.0


def _normalisation_scale(key: str) -> float:
    if not key.startswith(BACKBONE_PREFIX):
        return 0.8
    if ".fuse_layers." in key:
        return 0.5
    return 0.4 if ".bn2." in key or ".bn3." in key else 1.0


def network_input(case: str, *, batch: int, height: int, width: int, constant: int = SEED_CONSTANT) -> Float32:
    """float32 `[B, 9, H, W]`, current, previous and next frame, normalised."""
    x = np.zeros((batch, 9, height, width))
    rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
    for b, frame, channel in np.ndindex(batch, 3, 3):
        wave = np.sin(
            2 * np.pi * ((channel + 1) * columns / 97 + (b + 2) * rows / 131) + 0.5 * (frame + 1) * (channel + 1)
        )
        noise = unit(f"input.{case}.{b}.{frame}.{channel}", height * width, constant).reshape(height, width)
        x[b, 3 * frame + channel] = 1.2 * wave + 0.6 * noise
    return x.astype(np.float32)


def head_input(margins: Sequence[Sequence[int]], constant: int = SEED_CONSTANT) -> Float32:
    """float32 `[3, B, 17, 96, 72]`: heatmaps of current, previous and next frame."""
    height, width = 96, 72
    h = np.zeros((3, len(margins), 17, height, width))
    rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
    for b, (left, right) in enumerate(margins):
        for joint in range(17):
            u = unit(f"joint.{b}.{joint}", 9, constant)
            amplitude = 0.65 + 0.35 * u[4:7]
            sigma = 2.5 + 0.5 * u[7]
            if u[8] < -0.6:
                amplitude[0] *= 0.05  # almost invisible in the current frame
            for frame, distance in enumerate((0, -left, right)):
                x = 36 + 28 * u[0] + distance * 4 * u[2]
                y = 48 + 38 * u[1] + distance * 4 * u[3]
                peak = amplitude[frame] * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma * sigma))
                noise = unit(f"hmnoise.{b}.{joint}.{frame}", height * width, constant).reshape(height, width)
                h[frame, b, joint] = peak + 0.01 * noise
    return (10.0 * h).astype(np.float32)
