"""`dcpose models list | info | import`."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec
from rich.table import Table

from dcpose_core.cli.console import out, print_json


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("models", help="list, describe and import pose models")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")

    listing = actions.add_parser("list", help="the models that `annotate --model` can use")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=run_list)

    info = actions.add_parser("info", help="everything known of one model")
    info.add_argument("name", metavar="NAME")
    info.add_argument("--json", action="store_true")
    info.set_defaults(run=run_info)

    importing = actions.add_parser(
        "import",
        help="import a published DCPose checkpoint",
        description="Check a DCPose checkpoint (.pth) and copy it to the user's models. Only tensors are read from it.",
    )
    importing.add_argument("file", type=Path, metavar="FILE")
    importing.add_argument("--name", required=True, metavar="N", help="name to use it by")
    importing.add_argument("--replace", action="store_true", help="replace an imported model of that name")
    importing.set_defaults(run=run_import)


def run_list(options: argparse.Namespace) -> int:
    from dcpose_core.models.catalogue import catalogue

    models = catalogue()
    if options.json:
        print_json([msgspec.to_builtins(model) for model in models.values()])
        return 0
    table = Table(box=None, pad_edge=False)
    for column in ("name", "title", "backbone", "temporal modules"):
        table.add_column(column)
    for model in models.values():
        table.add_row(model.name, model.title, model.backbone, "yes" if model.temporal else "not trained")
    out.print(table)
    return 0


def run_info(options: argparse.Namespace) -> int:
    from dcpose_core.models.catalogue import describe

    model = describe(options.name)
    if options.json:
        print_json(msgspec.to_builtins(model))
        return 0
    crop = model.crop
    rows = {
        "name": model.name,
        "title": model.title,
        "backbone": model.backbone,
        "temporal modules": "yes" if model.temporal else "none trained: results are the single-frame backbone's",
        "crop": f"{crop.width_px} x {crop.height_px}, person box x {crop.enlargement:g}, decoding {crop.decode}",
        "licence": model.licence,
        "origin": model.origin,
        "SHA-256": model.sha256,
        "notes": model.notes,
    }
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, value)
    out.print(table, soft_wrap=False)
    return 0


def run_import(options: argparse.Namespace) -> int:
    from dcpose_core.models.catalogue import import_model

    model = import_model(options.file, name=options.name, replace=options.replace)
    out.print(f"imported {model.name!r}: {model.title}; use it with `dcpose annotate --model {model.name}`")
    return 0
