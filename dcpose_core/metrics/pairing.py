"""Which prediction belongs to which ground truth: by the names of files and sequences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dcpose_core.errors import FormatError
from dcpose_core.formats import read_poses
from dcpose_core.types import PoseSequence

#: Ground truth and prediction of one video.
SequencePair = tuple[PoseSequence, PoseSequence]


def pair_by_name(
    ground_truth: Sequence[PoseSequence], predictions: Sequence[PoseSequence]
) -> tuple[list[SequencePair], list[str]]:
    """Give every ground-truth sequence the prediction of the same name.

    Returns the pairs in the order of the ground truth, and the names of the predictions nobody asked for.
    Raises `FormatError` for a sequence without prediction or a name that occurs twice.
    """
    for side, sequences in (("ground truth", ground_truth), ("predictions", predictions)):
        repeated = [name for name, count in Counter(s.name for s in sequences).items() if count > 1]
        if repeated:
            raise FormatError(f"{side}: sequence {repeated[0]} occurs more than once")
    by_name = {sequence.name: sequence for sequence in predictions}
    missing = [sequence.name for sequence in ground_truth if sequence.name not in by_name]
    if missing:
        raise FormatError(f"no prediction for sequence {', '.join(missing)}; every ground-truth sequence needs one")
    pairs = [(sequence, by_name.pop(sequence.name)) for sequence in ground_truth]
    return pairs, list(by_name)


def pair_sequences(
    ground_truth: Sequence[PoseSequence], predictions: Sequence[PoseSequence]
) -> tuple[list[SequencePair], list[str]]:
    """As `pair_by_name`, but a single sequence on either side needs no common name."""
    if len(ground_truth) == 1 and len(predictions) == 1:
        return [(ground_truth[0], predictions[0])], []
    return pair_by_name(ground_truth, predictions)


def pair_files(ground_truth: Path, predictions: Path) -> tuple[list[SequencePair], list[str]]:
    """Read two files, or two folders of `.json` files, and pair what they hold.

    In two folders, files of the same name belong together; sequences whose file has no namesake, and those of a file
    against a folder, go by the name of the sequence. Two files of one sequence each need no common name.
    Returns and raises as `pair_by_name`, and `FormatError` for what cannot be read.
    """
    if ground_truth.is_dir() and predictions.is_dir():
        return _pair_folders(ground_truth, predictions)
    pair = pair_by_name if ground_truth.is_dir() or predictions.is_dir() else pair_sequences
    return pair(read_poses(ground_truth), read_poses(predictions))


def _pair_folders(ground_truth: Path, predictions: Path) -> tuple[list[SequencePair], list[str]]:
    truth_files = sorted(ground_truth.glob("*.json"))
    if not truth_files:
        raise FormatError(f"{ground_truth}: no .json file in this folder")
    prediction_files = {file.name: file for file in sorted(predictions.glob("*.json"))}
    pairs: list[SequencePair] = []
    unused: list[str] = []
    alone: list[PoseSequence] = []
    for file in truth_files:
        truth = read_poses(file)
        namesake = prediction_files.pop(file.name, None)
        if namesake is None:
            alone += truth
            continue
        if len(truth) == 1:
            # Frames of several files may well lie in folders of one name; the files say which is which.
            truth = [replace(truth[0], name=file.stem)]
        pairs_here, unused_here = pair_sequences(truth, read_poses(namesake))
        pairs += pairs_here
        unused += unused_here
    if alone:
        others = [sequence for file in prediction_files.values() for sequence in read_poses(file)]
        pairs_here, unused_here = pair_by_name(alone, others)
        return pairs + pairs_here, unused + unused_here
    return pairs, unused + [file.stem for file in prediction_files.values()]
