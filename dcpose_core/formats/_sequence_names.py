"""Names of sequences in written files.

poseval takes a PoseTrack18 sequence only if its folder is called `<number>_<mpii, bonn or mpiinew>...`, and stops with
a bare assertion otherwise. PoseTrack17 and 21 take any name; ours must only be safe as a folder name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_POSEVAL_NAME = re.compile(r"([0-9]{1,7})_(mpii|bonn|mpiinew)((?:_[A-Za-z0-9-]+)*)")
_UNSAFE = re.compile(r"[^\w.-]+")
#: As in the released files: 6 digits.
_NUMBER_DIGITS = 6
_TYPE_DIGIT = {"mpii": 1, "bonn": 2, "mpiinew": 3}


def poseval_names(names: Sequence[str]) -> list[str]:
    """A distinct name that poseval accepts for each of `names`: those that it accepts stay, if they are distinct.

    The others become `000001_mpii_test` and so on; a name that comes again (a split video) gets the next free number.
    """
    taken = {int(match[1]) for match in map(_POSEVAL_NAME.fullmatch, names) if match}
    result: list[str] = []
    for name in names:
        match = _POSEVAL_NAME.fullmatch(name)
        if match and name not in result:
            result.append(name)
            continue
        number, kind, rest = (int(match[1]), match[2], match[3]) if match else (1, "mpii", "_test")
        while number in taken:
            number += 1
        taken.add(number)
        result.append(f"{number:0{_NUMBER_DIGITS}d}_{kind}{rest}")
    return result


def free_names(names: Sequence[str]) -> list[str]:
    """A distinct name, safe as a folder, for each of `names`; one that comes again gets `_part2` and so on."""
    result: list[str] = []
    for name in names:
        base = _UNSAFE.sub("_", name).strip(".")[:100] or "sequence"
        candidate, part = base, 2
        while candidate in result:
            candidate, part = f"{base}_part{part}", part + 1
        result.append(candidate)
    return result


def sequence_number(name: str, default: int) -> tuple[int, int]:
    """(digit of the image type, number of the sequence) that the ids of a sequence's frames are made of."""
    match = re.match(r"([0-9]{1,7})_([a-z]*)", name)
    return (_TYPE_DIGIT.get(match[2], 1), int(match[1])) if match else (1, default)
