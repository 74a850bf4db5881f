"""Training by several processes, one a GPU, as `torchrun` starts them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.distributed
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from dcpose_core.errors import TrainingError


class World(NamedTuple):
    """This process among those that train together; local_rank: on this machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    @property
    def is_several(self) -> bool:
        return self.size > 1

    def total(self, values: Tensor) -> Tensor:
        """`values` summed over all processes."""
        if self.is_several:
            torch.distributed.all_reduce(values)
        return values

    def replicate(self, network: nn.Module, device: torch.device) -> nn.Module:
        """`network`, whose gradients are then the mean over all processes."""
        if not self.is_several:
            return network
        return DistributedDataParallel(network, device_ids=[device.index] if device.type == "cuda" else None)


def world_from_environment() -> World:
    """What `torchrun` says in the environment; one process alone without it. Raises `TrainingError` on nonsense."""
    try:
        rank, size, local = (int(os.environ.get(name, default)) for name, default in _VARIABLES)
    except ValueError as error:
        raise TrainingError(f"RANK, WORLD_SIZE and LOCAL_RANK in the environment must be numbers: {error}") from error
    return World(rank, size, local)


_VARIABLES = (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"))


@contextmanager
def joined(world: World, device: torch.device) -> Iterator[None]:
    """Connect the processes of `world` as long as the context lasts; nothing for one process."""
    if not world.is_several:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        torch.distributed.destroy_process_group()
