"""Checkpoints: everything that a run needs to go on exactly, in one safetensors file that is whole or not there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from dcpose_core.errors import TrainingError
from dcpose_core.files import write_files
from dcpose_core.training.learner import Learner
from dcpose_core.training.settings import CHANGEABLE, TrainingSettings
from dcpose_core.weights import load_strictly

FILE_NAME = "checkpoint.safetensors"
_OPTIMISER = "optimiser"
#: What Adam and AdamW keep of every parameter.
_MOMENTS = {"step", "exp_avg", "exp_avg_sq"}


class _State(msgspec.Struct, frozen=True):
    """What a checkpoint says besides its tensors; JSON in the header of the file.

    settings: of the run, without those that may change. samples: length of its data set. scaler: of the gradients.
    """

    steps_done: int
    settings: dict[str, object]
    samples: int
    scaler: dict[str, float]


class CheckpointKeeper:
    """The checkpoint of one run. Random numbers need no state: all are drawn from the seed and the step.

    path: None keeps nothing. n_samples: length of the run's data set.
    """

    def __init__(self, path: Path | None, learner: Learner, *, n_samples: int) -> None:
        self.path = path
        self._learner = learner
        self._n_samples = n_samples
        self._note_saved()

    def is_due(self) -> bool:
        """Whether it is time for a checkpoint within an epoch."""
        settings = self._learner.settings
        steps, minutes = self._learner.steps_done - self._saved_step, (time.monotonic() - self._saved_s) / 60
        by_steps = settings.checkpoint_steps is not None and steps >= settings.checkpoint_steps
        return by_steps or minutes >= settings.checkpoint_minutes

    def save(self) -> bool:
        """Replace the checkpoint, unless it holds the last step already or is another process's; whether it did.

        Raises `TrainingError` if it cannot be written.
        """
        learner = self._learner
        if self.path is None or not learner.world.is_first or learner.steps_done == self._saved_step:
            return False
        tensors = {
            f"{name}.{key}": tensor
            for name, network in learner.networks.items()
            for key, tensor in network.state_dict().items()
        }
        for number, values in learner.optimiser.state_dict()["state"].items():
            tensors |= {f"{_OPTIMISER}.{number}.{key}": tensor for key, tensor in values.items()}
        state = _State(
            learner.steps_done, _compared(self._learner.settings), self._n_samples, dict(learner.scaler.state_dict())
        )
        data = safetensors.torch.save(
            {key: tensor.contiguous() for key, tensor in tensors.items()},
            metadata={"state": msgspec.json.encode(state).decode()},
        )
        try:
            write_files({self.path: data})
        except OSError as error:
            raise TrainingError(f"{self.path}: the checkpoint cannot be written: {error.strerror or error}") from error
        self._note_saved()
        return True

    def restore(self) -> None:
        """Put the learner where the checkpoint left it, if there is one.

        Raises `TrainingError` if it is damaged, or of a run with other settings or data.
        """
        if self.path is None or not self.path.exists():
            return
        state, tensors = _read(self.path)
        now = _compared(self._learner.settings)
        different = [key for key in now if state.settings.get(key) != now[key]]
        if different:
            raise TrainingError(
                f"{self.path}: the run was started with another training.{different[0]} "
                f"({state.settings.get(different[0])}); go on with that, or begin a new run"
            )
        if state.samples != self._n_samples:
            raise TrainingError(
                f"{self.path}: the run was started on {state.samples} samples, now there are {self._n_samples}; "
                "begin a new run"
            )
        for name, network in self._learner.networks.items():
            load_strictly(network, _below(name, tensors), source=self.path)
        self._restore_optimiser(_below(_OPTIMISER, tensors))
        self._learner.scaler.load_state_dict(state.scaler)
        self._learner.steps_done = state.steps_done
        self._note_saved()

    def _restore_optimiser(self, tensors: Mapping[str, Tensor]) -> None:
        optimiser = self._learner.optimiser
        shapes = [parameter.shape for group in optimiser.param_groups for parameter in group["params"]]
        moments: dict[int, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            number, _, entry = key.partition(".")
            if not number.isdecimal() or int(number) >= len(shapes) or entry not in _MOMENTS:
                raise TrainingError(f"{self.path}: damaged ({key[:40]}); delete it to begin again")
            moments.setdefault(int(number), {})[entry] = tensor
        optimiser.load_state_dict({"state": moments, "param_groups": optimiser.state_dict()["param_groups"]})

    def _note_saved(self) -> None:
        self._saved_step, self._saved_s = self._learner.steps_done, time.monotonic()


def _read(path: Path) -> tuple[_State, dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            state = msgspec.json.decode((file.metadata() or {}).get("state", ""), type=_State)
            return state, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  # it is no dict
    except (OSError, SafetensorError, msgspec.MsgspecError) as error:
        raise TrainingError(f"{path}: not a checkpoint, or damaged ({error}); delete it to begin again") from error


def _compared(settings: TrainingSettings) -> dict[str, object]:
    """The settings that have to stay the same, as JSON has them."""
    builtins = msgspec.json.decode(msgspec.json.encode(settings), type=dict[str, object])
    return {key: value for key, value in builtins.items() if key not in CHANGEABLE}


def _below(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    prefix = f"{name}."
    return {key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key.startswith(prefix)}
