"""Python's garbage collector, kept away from what stays for good."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def nothing_to_collect() -> Iterator[None]:
    """For imports, and for building what stays until the end: no collection meanwhile, and none of it looked at later.

    A collection of everything holds all threads while it looks at every object, of which the engine alone brings some
    hundred thousand. Garbage in cycles from meanwhile stays; there is next to none.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
