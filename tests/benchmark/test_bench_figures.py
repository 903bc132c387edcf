"""Laws of the figures: known laps make known figures, ratios are those of medians, a floor is the higher of two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List

import numpy as np
import pytest
import torch
from bench_fakes import COST, ROOF, Clock, key, lap, laps, row, still, turn
from hypothesis import given
from hypothesis import strategies as st

from pspgrasp.benchmark.cost import cost_of
from pspgrasp.benchmark.figures import STAGES, Figures, figures_of
from pspgrasp.benchmark.roofline import DONE, Place, Probe, Roofline, probes_of, roofline_of
from pspgrasp.benchmark.rows import GGCNN, Row
from pspgrasp.config import PreprocessConfig

ROOFS: Dict[Place, Roofline] = {("cpu", 1): ROOF, ("cpu", 2): ROOF}


def figures(rows: List[Row], *whole_ms: List[float]) -> List[Figures]:
    return figures_of(rows, [laps(times) for times in whole_ms], ROOFS, {})


def test_known_laps_make_known_figures() -> None:
    (one,) = figures_of([row(key())], [[lap(1, 10 + n, 0.5, 2) for n in range(101)]], ROOFS, {})
    assert one.laps == 101
    assert one.stages["network"].median_ms == pytest.approx(60)
    assert (one.whole.median_ms, one.whole.p25_ms, one.whole.p75_ms, one.whole.p99_ms) == pytest.approx(
        (63.5, 38.5, 88.5, 112.5)
    )


@given(st.lists(st.tuples(*[st.floats(0.01, 1e4)] * len(STAGES)), min_size=1, max_size=30))
def test_no_stage_and_no_sum_of_quickest_stages_is_longer_than_the_road(times: List[tuple]) -> None:
    (one,) = figures_of([row(key())], [[lap(*stages) for stages in times]], ROOFS, {})
    slack = 1 + 1e-9
    assert all(stage.median_ms <= one.whole.median_ms * slack for stage in one.stages.values())
    assert sum(min(column) for column in zip(*times)) <= one.whole.median_ms * slack
    assert one.whole.p25_ms <= one.whole.median_ms <= one.whole.p75_ms <= one.whole.p99_ms


def test_ratios_are_those_of_medians() -> None:
    rows = [row(key(GGCNN, "ggcnn")), row(key()), row(key(runtime="openvino"))]
    reference, eager, other = figures(rows, [20, 900, 10], [30, 29, 31], [4, 8, 400])
    assert (reference.to_ggcnn, eager.to_ggcnn, other.to_ggcnn) == pytest.approx((1.0, 1.5, 0.4))
    assert reference.to_eager is None
    assert (eager.to_eager, other.to_eager) == pytest.approx((1.0, 8 / 30))


def test_rows_are_held_against_those_of_their_own_place_and_network() -> None:
    rows = [
        row(key(GGCNN, "ggcnn", threads=2)),
        row(key(threads=2)),
        row(key()),
        row(key(checkpoint="other", threads=2)),
    ]
    _, with_two, with_one, other = figures(rows, [10], [20], [40], [5])
    assert with_two.to_ggcnn == pytest.approx(2)
    assert (with_one.to_ggcnn, with_one.to_eager) == (None, pytest.approx(1))
    assert other.to_eager == pytest.approx(1)


def test_a_floor_is_the_higher_of_arithmetic_and_moving() -> None:
    slow_memory = Roofline("cpu", 1, 1e8, ROOF.flops_per_s)
    assert ROOF.floor_ms(COST, "float32") == pytest.approx(1000 * 2e9 / 50e9)
    assert slow_memory.floor_ms(COST, "float32") == pytest.approx(1000 * 4 * 1_450_000 / 1e8)
    assert ROOF.floor_ms(COST, "half") == pytest.approx(1000 * 2e9 / 80e9)


def test_without_a_peak_or_a_cost_there_is_no_floor_and_the_rest_is_told() -> None:
    int8, file = figures([row(key(), "int8"), row(key(runtime="openvino"), cost=None)], [50], [40])
    assert (int8.floor_ms, int8.to_floor) == (None, None)
    assert (int8.flops, int8.weight_bytes, int8.activation_bytes) == (2_000_000_000, 1_000_000, 5_000_000)
    assert (file.flops, file.weight_bytes, file.floor_ms) == (None, None, None)
    assert file.whole.median_ms == pytest.approx(40)


def test_the_network_alone_is_held_against_its_floor() -> None:
    (one,) = figures([row(key())], [83])
    assert one.to_floor == pytest.approx(80 / 40)


def test_a_peak_is_what_was_reached_at_all_in_its_own_place() -> None:
    probes = [
        Probe(("cpu", threads), kind, amount, turn(Clock(), {}))
        for threads in (1, 2)
        for kind, amount in (("copy", 1e6), ("float32", 4e6))
    ]
    times_ms = [[2.0, 1.0, 3.0], [4.0, 2.0], [0.5, 0.7], [1.0, 8.0]]
    of_probes = [[{DONE: ms} for ms in of_it] for of_it in times_ms]
    one, two = (roofline_of(("cpu", threads), probes, of_probes) for threads in (1, 2))
    assert ((one.device, one.threads), (two.device, two.threads)) == (("cpu", 1), ("cpu", 2))
    assert (one.bytes_per_s, two.bytes_per_s) == pytest.approx((1e9, 2e9))
    assert one.flops_per_s == pytest.approx({"float32": 2e9})
    assert two.flops_per_s == pytest.approx({"float32": 4e9})


def test_a_device_is_probed_by_a_copy_and_by_products_of_the_precisions_that_torch_has() -> None:
    probes = probes_of(("cpu", 1), ["float32", "int8"])
    assert [probe.kind for probe in probes] == ["copy", "float32"]
    assert set(probes[0].turn.lap(still())) == {DONE}
    assert probes[1].amount == 2.0 * 1024**3


@dataclass(frozen=True)
class OneLayer:
    """A checkpoint of one convolution."""

    preprocess: PreprocessConfig = PreprocessConfig(32)

    def network(self) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3, padding=1)).eval()


def test_a_convolution_costs_what_it_costs_by_hand() -> None:
    cost = cost_of(OneLayer())  # type: ignore[arg-type]
    assert cost is not None
    pixels = 32 * 32
    assert cost.flops == 2 * pixels * 4 * 9
    assert (cost.weights, cost.activations, cost.ends) == (4 * 9 + 4, 4 * pixels, 5 * pixels)
    assert cost.weight_bytes("float32") == 160
    assert cost.least_bytes("int8") == np.sum([40, 5 * pixels])
