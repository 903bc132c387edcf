"""The benchmark of recordings measures what it says it does."""

from __future__ import annotations

import pytest

pytest.importorskip("rosbags", reason="needs the extra bag")

from pspgrasp.bag.benchmark import benchmark


def test_every_frame_of_the_bag_is_judged_and_what_is_within_the_models_is_part_of_all() -> None:
    cost = benchmark(20, "ggcnn", "cpu")
    assert cost.frames == 20
    assert 0 < cost.inside_s < cost.together_s
    assert min(cost.reading_s, cost.inference_s, cost.megabytes) > 0
    assert len(cost.lines()) == 5
