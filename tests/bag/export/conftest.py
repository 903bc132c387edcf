"""What tests of exports share."""

from __future__ import annotations

from pathlib import Path

import pytest
from bag_writers import ROS1, write_bag
from exports import entries


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a bag of a few frames."""
    return write_bag(tmp_path / "drive.bag", ROS1, entries(ROS1))
