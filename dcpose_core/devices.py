"""Which device the networks run on. A device that cannot be used is an error or an announced fallback, never silent."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import torch

from dcpose_core.errors import DeviceError, UsageError

Announce = Callable[[str], None]


#: Parameters of glibc's `mallopt`.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_GIBIBYTE = 2**30


@cache
def keep_freed_memory() -> bool:
    """Let this process keep the memory of freed tensors for the next ones; for work on the CPU. False: not with glibc.

    glibc gives blocks of megabytes back to the system at once, and the next operator pays for every page anew: 12 of
    95 ms of a crop on one thread, a quarter of the time of training. One arena, because those of other threads cannot
    hold such blocks; it takes less memory, too (720 instead of 790 MB at the peak of 20 crops on two threads).
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    settings = ((_TRIM_THRESHOLD, _GIBIBYTE), (_MMAP_THRESHOLD, _GIBIBYTE), (_ARENA_MAX, 1))
    accepted = [mallopt(parameter, value) == 1 for parameter, value in settings]
    return all(accepted)


def probe_device(device: torch.device) -> str | None:
    """Run a small convolution on `device`; the reason it cannot be used, or None if it can.

    `torch.cuda.is_available()` alone does not tell: a card too old for this build, or one that is full, fails only
    when work is launched.
    """
    try:
        weight = torch.ones(1, 1, 3, 3, device=device)
        total = torch.nn.functional.conv2d(torch.ones(1, 1, 4, 4, device=device), weight).sum().item()
    except (RuntimeError, AssertionError) as error:
        return str(error).strip().splitlines()[0]
    return None if total == 36.0 else f"a convolution gave {total} instead of 36"


def choose_device(name: str, announce: Announce) -> torch.device:
    """The device for `auto`, `cpu`, `cuda` or `cuda:i`.

    `auto` takes the first CUDA device that works and announces a fallback to the CPU.
    Raises `UsageError` for another name and `DeviceError` when a device asked for by name cannot be used.
    """
    if name == "cpu":
        return torch.device("cpu")
    if name == "auto":
        if not torch.cuda.is_available():
            announce("no CUDA device found: running on the CPU")
            return torch.device("cpu")
        reason = probe_device(torch.device("cuda:0"))
        if reason is None:
            return torch.device("cuda:0")
        announce(f"cuda:0 ({torch.cuda.get_device_name(0)}) cannot be used ({reason}): running on the CPU")
        return torch.device("cpu")
    kind, _, number = name.partition(":")
    if kind != "cuda" or (number and not number.isdecimal()) or name.endswith(":"):
        raise UsageError(f"unknown device {name!r}: use auto, cpu, cuda or cuda:0, cuda:1, ...")
    index = int(number or 0)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if index >= count:
        found = f"{count} CUDA device(s) found" if count else "no CUDA device found"
        raise DeviceError(f"device {name!r} cannot be used: {found}; choose cpu or auto")
    device = torch.device("cuda", index)
    reason = probe_device(device)
    if reason is not None:
        raise DeviceError(f"device {name!r} cannot be used: {reason}; choose cpu or auto")
    return device


@contextmanager
def on_one_thread() -> Iterator[None]:
    """Within, torch's operators run on one thread.

    A small network's operators are short, and threads that wait for each other after each one stand still as soon as
    another program wants a core: five steps of propagating one joint took 157 ms on two threads of a busy machine, and
    44 ms on one.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
