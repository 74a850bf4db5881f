"""Train the network that moves labels as PoseWarper does, by the recipe label_warp.toml beside this script.

    python packaging/models/train_label_warp.py RUN --triples FOLDER --motions FILE...

RUN gets `label_warp.safetensors`, float32, and a checkpoint to go on from with the same command.
"""

from __future__ import annotations

import argparse
import json
import time
from contextlib import closing
from pathlib import Path

import safetensors.torch
import torch

from dcpose_core.models.catalogue import load_model
from dcpose_core.propagation.label_warp import LabelWarp
from dcpose_core.training.config import load_config
from dcpose_core.training.events import Finished, Stepped, Validated
from dcpose_core.training.loop import train
from dcpose_core.training.sampling import Mixture
from dcpose_core.training.sources import SampleForm

_RECIPE = Path(__file__).with_name("label_warp.toml")
_STEPS_BETWEEN_REPORTS = 20


def train_warp(arguments: argparse.Namespace) -> None:
    config = load_config(
        _RECIPE,
        [
            f"data.0.source.cache={arguments.triples}",
            f"data.1.source.motions={json.dumps([str(path) for path in arguments.motions])}",
            f"validation.source.cache={arguments.triples}",
            *arguments.set,
        ],
    )
    form = SampleForm(load_model(config.model.base).description.crop, 1, config.augmentation)
    data = Mixture([(source.open(form), source.share) for source in config.data])
    held_out = Mixture([(source.open(form._replace(augmentation=None)), source.share) for source in config.validation])
    torch.manual_seed(config.training.seed)
    network = LabelWarp()
    arguments.run.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    events = train(
        network,
        data,
        config.training,
        device=torch.device("cpu"),
        validation=held_out,
        folder=arguments.run,
        resume=True,
    )
    with closing(events):
        for event in events:
            if isinstance(event, Stepped) and event.step % _STEPS_BETWEEN_REPORTS == 0:
                print(f"{time.monotonic() - start:.0f} s: step {event.step}, loss {event.loss:.5f}", flush=True)
            if isinstance(event, Validated):
                print(f"{time.monotonic() - start:.0f} s: {event}", flush=True)
            if isinstance(event, Finished):
                safetensors.torch.save_file(network.state_dict(), arguments.run / "label_warp.safetensors")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--triples", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--motions", type=Path, nargs="+", required=True, metavar="FILE", help="captured motion")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a key of the recipe anew")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads (default: 1)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    train_warp(arguments)


if __name__ == "__main__":
    main()
