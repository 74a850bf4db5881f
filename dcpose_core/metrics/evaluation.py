"""Evaluate prediction files against ground-truth files, either side in any PoseTrack flavour."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from dcpose_core.errors import FormatError
from dcpose_core.metrics.oks import OksResult, oks_of
from dcpose_core.metrics.pairing import pair_files
from dcpose_core.metrics.poseval import PosevalResult, poseval_of
from dcpose_core.metrics.scored_frames import scored_sequences


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What `evaluate` found. All figures are percentages.

    sequences: names of the evaluated videos. unused_predictions: predictions for which there is no ground truth;
    they have no part in any figure.
    """

    poseval: PosevalResult
    oks: OksResult
    sequences: tuple[str, ...]
    unused_predictions: tuple[str, ...]


def evaluate(ground_truth: str | Path, predictions: str | Path) -> Evaluation:
    """Compare two files, or two folders of `.json` files, by the PoseTrack rules and by OKS.

    What belongs together is `pair_files`' to say, e.g. files of the same name. Raises `FormatError` for a file that
    cannot be read, a ground-truth sequence without prediction, different numbers of frames, and what else the
    evaluation cannot work with (see `scored_sequences`).
    """
    pairs, unused = pair_files(Path(ground_truth), Path(predictions))
    repeated = [name for name, count in Counter(truth.name for truth, _ in pairs).items() if count > 1]
    if repeated:
        raise FormatError(f"{ground_truth}: sequence {repeated[0]} occurs more than once")
    sequences = scored_sequences(pairs)
    return Evaluation(
        poseval=poseval_of(sequences),
        oks=oks_of(sequences),
        sequences=tuple(sequence.name for sequence in sequences),
        unused_predictions=tuple(unused),
    )
