"""docs/models.md against the checkpoints that ship: names, sizes, figures, training records."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, List

import pytest
from safetensors import safe_open

from pspgrasp.checkpoint import HEADER, Checkpoint, save_checkpoint
from pspgrasp.config import DetectionConfig
from pspgrasp.models import ARCHITECTURES
from pspgrasp.shipped import DEFAULT, find_checkpoint, shipped_checkpoints

PAGE = (Path(__file__).parents[1] / "docs" / "models.md").read_text(encoding="utf-8")
#: The columns of the page's table of figures with labelled images -> how their names begin in a training record.
IMAGES = {"Cornell (50)": "cornell", "Jacquard, perfect depth (25)": "jacquard"}
each_shipped = pytest.mark.parametrize("name", sorted(shipped_checkpoints()))


def section(title: str) -> str:
    """Return the page from a heading to the next one of its level."""
    return re.split(r"^## ", PAGE.partition(f"## {title}\n")[2], flags=re.MULTILINE)[0]


def table(text: str) -> List[Dict[str, str]]:
    """Return the rows of the first table of a text, by column."""
    found = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert found, "no table"
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in found[0].splitlines()]
    return [dict(zip(cells[0], row)) for row in cells[2:]]


def row(rows: List[Dict[str, str]], name: str) -> Dict[str, str]:
    """Return the row of a checkpoint."""
    found = [entry for entry in rows if entry["name"] == f"`{name}`"]
    assert len(found) == 1, f"the page has {len(found)} rows for {name}"
    return found[0]


def training_of(name: str) -> Dict[str, Any]:
    """Return the training record of a checkpoint that ships."""
    return dict(find_checkpoint(name).training)


@each_shipped
def test_every_checkpoint_that_ships_has_its_card(name: str) -> None:
    shipped = row(table(PAGE), name)
    network = find_checkpoint(name).network()
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert shipped["parameters"] == f"{parameters:,}"
    assert shipped["file"] == f"{shipped_checkpoints()[name].stat().st_size / 1e6:.1f} MB"
    assert (shipped["use"] == "default") == (name == DEFAULT)


def test_no_card_without_a_checkpoint() -> None:
    named = {entry["name"].strip("`") for entry in table(PAGE)}
    assert named == set(shipped_checkpoints())


@each_shipped
def test_figures_are_those_of_the_record(name: str) -> None:
    shown, figures = row(table(section("Figures")), name), training_of(name)["figures"]
    every, default = (figures["reported"][f"quality above {least:g}"] for least in (0, DetectionConfig().min_quality))
    assert shown["generated scenes (300)"] == f"{every['held']} of {every['scenes']}"
    assert every["scenes"] == default["scenes"] == 300
    silent = f"{default['held']} of 300, silent on {default['without_grasp']}"
    assert shown["the same, with the default threshold"] == silent
    for column, begin in IMAGES.items():
        (bout,) = (bout for bout in figures["judged"] if bout["data"].startswith(begin))
        assert shown[column] == f"{bout['new_hits']} of {bout['images']}", column


@each_shipped
def test_it_is_no_worse_than_the_one_before_and_the_page_says_so(name: str) -> None:
    scenes, *images = training_of(name)["figures"]["judged"]
    assert scenes["new_hits"] > scenes["old_hits"]
    assert sum(bout["new_hits"] for bout in images) >= sum(bout["old_hits"] for bout in images)
    told = " ".join(section("Figures").split())
    assert f"`{name}` {scenes['new_hits']} against {scenes['old_hits']}" in told


@each_shipped
def test_training_is_that_of_the_record(name: str) -> None:
    record, rows = training_of(name), table(section("Training"))
    own = next(column for column in rows[0] if f"`{name}`" in column)
    first = next(column for column in rows[0] if column)
    shown = {entry[""]: entry[own] if entry[own] != "the same" else entry[first] for entry in rows}
    assert shown == {
        "command": f"`{record['command']}`",
        "data": record["data"],
        "steps, batch": f"{record['steps']}, {record['batch']}",
        "optimiser": record["optimiser"],
        "precision, device": f"{record['precision']}, {record['device']}",
        "width": record["width"],
        "licence": record["licence"],
    }


@each_shipped
def test_all_take_what_the_page_says(name: str) -> None:
    checkpoint = find_checkpoint(name)
    preprocess = (checkpoint.preprocess.input_size_px, checkpoint.preprocess.clip_m, checkpoint.width_scale_px)
    assert preprocess == (300, 1.0, 150.0)
    assert "300x300 px" in PAGE
    assert "clipped to 1 m, and put out width / 150" in PAGE
    with safe_open(str(shipped_checkpoints()[name]), framework="pt") as file:
        kinds = {str(file.get_tensor(key).dtype) for key in file.keys() if file.get_tensor(key).is_floating_point()}  # noqa: SIM118
    assert kinds == {"torch.float16"}


def test_the_threshold_is_the_one_that_is_explained() -> None:
    assert f"hence `detection/min_quality` is {DetectionConfig().min_quality:g}" in PAGE


def header_of(path: Path) -> Dict[str, Any]:
    with safe_open(str(path), framework="pt") as file:
        metadata = file.metadata()
    assert list(metadata) == [HEADER]
    return dict(json.loads(metadata[HEADER]))


def test_the_format_is_that_of_a_file_that_is_written_now(tmp_path: Path) -> None:
    rows = table(section("A checkpoint of your own"))
    save_checkpoint(find_checkpoint("ggcnn"), tmp_path / "now.safetensors")
    header = header_of(tmp_path / "now.safetensors")
    assert [entry["key"].strip("`") for entry in rows] == list(header)
    assert set(header) < set(Checkpoint.__dataclass_fields__)
    assert set(re.findall(r"`(\w+)`", rows[0]["what"])) == {"architecture", "network", *ARCHITECTURES}
    assert set(re.findall(r"`(\w+)`", rows[1]["what"])) == set(header["preprocess"])


@each_shipped
def test_a_file_that_ships_has_nothing_else(name: str) -> None:
    rows = table(section("A checkpoint of your own"))
    assert set(header_of(shipped_checkpoints()[name])) <= {entry["key"].strip("`") for entry in rows}
