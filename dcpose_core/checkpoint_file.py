"""Reading checkpoint files of unknown origin: tensors come out, nothing in the file is ever executed."""

from __future__ import annotations

import pickle
import re
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from dcpose_core.errors import WeightsError

# What the readers raise on files that are damaged or of another kind, found by reading 3,500 damaged ones.
_DAMAGED = (
    pickle.UnpicklingError, RuntimeError, EOFError, ValueError, TypeError, LookupError, AttributeError, AssertionError,
    MemoryError, OverflowError, struct.error, SafetensorError,
)  # fmt: skip


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by key, on the CPU wherever they were saved.

    The file is a safetensors file or a torch pickle, new or old style, of a state dict or of a dict that holds one as
    `state_dict`. Every `module.` is taken out of the keys, as the published loaders do.

    Raises:
        WeightsError: the file cannot be read, or holds anything but tensors and plain containers.
    """
    content = _read(path)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not content:
        raise WeightsError(f"{path}: not a checkpoint, it holds no state dict")
    state: dict[str, Tensor] = {}
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, Tensor) or value.layout != torch.strided or value.is_meta:
            raise WeightsError(f"{path}: not a state dict, its entry {str(key)[:80]!r} is no named dense tensor")
        name = key.replace("module.", "")
        if name in state:
            raise WeightsError(f"{path}: two entries are called {name!r} once 'module.' is taken out")
        state[name] = value
    return state


def _read(path: Path) -> Any:
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load(path.read_bytes())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about unusual pickle protocols, which are read all the same
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error.strerror or error}") from error
    except _DAMAGED as error:
        # torch names what it refused to call in the middle of a long message about switching the protection off.
        refused = re.search(r"GLOBAL (\S+)", str(error))
        if refused:
            raise WeightsError(
                f"{path}: holds {refused[1]}, not only tensors and plain containers, and is not loaded; "
                "save the state dict alone"
            ) from error
        raise WeightsError(f"{path}: not a checkpoint, or damaged; get the file again") from error
