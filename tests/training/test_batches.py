"""Batches of several sources, made by processes or on the device."""

from __future__ import annotations

from typing import Any, List, Sequence

import pytest
import torch

from pspgrasp.config import PreprocessConfig
from pspgrasp.data.batch import GraspBatch, SketchedSource
from pspgrasp.data.synthetic.source import SyntheticConfig, SyntheticSource
from pspgrasp.errors import DataError
from pspgrasp.training.batches import Batches, Loaded, Mixture, Share
from pspgrasp.training.plan import TrainingPlan, ValidationPlan

CPU = torch.device("cpu")


class Counting:
    """A `BatchSource` whose samples are their numbers, and which remembers what it was asked for."""

    def __init__(self, first: int = 0) -> None:
        self.first = first
        self.asked: List[int] = []

    def batch(self, indices: Sequence[int], device: torch.device) -> GraspBatch:
        self.asked += indices
        numbers = torch.tensor([float(self.first + index) for index in indices], device=device)
        return GraspBatch(numbers[:, None, None, None], numbers[:, None, None, None].expand(-1, 4, 1, 1))


class Failing(Counting):
    def batch(self, *_: Any) -> GraspBatch:
        raise DataError("depth.png can't be read")


def numbers(mixture: Mixture, item: int) -> List[float]:
    (batch,) = mixture.completed(mixture[(item,)], CPU)
    assert batch.target.shape[0] == batch.counted.shape[0] == batch.image.shape[0]
    return batch.image.flatten().tolist()


def test_a_batch_holds_each_sources_part() -> None:
    shares = (Share("a", Counting(), 2), Share("b", Counting(1000), 1), Share("none", Failing(), 0))
    mixture = Mixture(shares, TrainingPlan((2, 1, 0)))
    assert numbers(mixture, 0) == [0, 1, 1000]
    assert numbers(mixture, 7) == [14, 15, 1007]


def test_what_is_made_on_the_device_is_not_made_by_a_process() -> None:
    there, here = Counting(), Counting(1000)
    mixture = Mixture((Share("there", there, 2, on_device=True), Share("here", here, 2)), TrainingPlan((2, 2)))
    loaded = mixture[(3,)]
    assert isinstance(loaded, Loaded)
    assert (there.asked, here.asked) == ([], [6, 7])
    (batch,) = mixture.completed(loaded, CPU)
    assert batch.image.flatten().tolist() == [1006, 1007, 6, 7]
    assert there.asked == [6, 7]


class Sketching(Counting):
    """A `SketchedSource`: a sketch is the numbers."""

    def sketch(self, indices: Sequence[int]) -> Any:
        return (torch.tensor(list(indices)), 0.5)

    def finished(self, sketch: Any) -> GraspBatch:
        numbers = sketch[0].float()[:, None, None, None] + sketch[1]
        return GraspBatch(numbers, numbers.expand(-1, 4, 1, 1))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_sketch_is_made_by_a_process_and_finished_on_the_device(workers: int) -> None:
    here, there = Counting(1000), Sketching()
    shares = (Share("there", there, 2, on_device=True), Share("here", here, 1))
    mixture = Mixture(shares, TrainingPlan((2, 1)))
    made = Batches(mixture, range(3), workers, CPU)
    assert made.loader.num_workers == workers
    images = [batch.image.flatten().tolist() for batch in made]
    assert images == [[1000, 0.5, 1.5], [1001, 2.5, 3.5], [1002, 4.5, 5.5]]
    assert not there.asked, "nothing is made twice"


def test_a_sketched_source_alone_has_work_for_processes() -> None:
    mixture = Mixture((Share("a", Sketching(), 3, on_device=True),), TrainingPlan((3,)))
    assert Batches(mixture, range(2), 2, CPU).loader.num_workers == 2


def test_generated_scenes_are_a_sketched_source_and_a_sketch_comes_to_the_same() -> None:
    source = SyntheticSource(SyntheticConfig(), PreprocessConfig(input_size_px=96), 48.0, 3)
    assert isinstance(source, SketchedSource)
    assert not isinstance(Counting(), SketchedSource)
    mixtures = [Mixture((Share("a", source, 2, on_device=there),), TrainingPlan((2,))) for there in (True, False)]
    sketched, whole = (next(iter(Batches(m, range(1), 1, CPU))) for m in mixtures)
    assert torch.equal(sketched.image, whole.image)
    assert torch.equal(sketched.target, whole.target)


def test_a_sample_that_fills_up_does_not_count() -> None:
    plan = ValidationPlan((2, 1), 3)
    batches = [Mixture((Share("a", Counting(), 2), Share("b", Counting(10), 1)), plan, rank, 2) for rank in (0, 1)]
    completed = [mixture.completed(mixture[(0,)], CPU)[0] for mixture in batches]
    pairs = [list(zip(batch.image.flatten().tolist(), batch.counted.tolist())) for batch in completed]
    assert pairs == [[(0, 1), (10, 1)], [(1, 1), (0, 0)]] or pairs == [[(0, 1), (10, 1)], [(0, 0), (1, 1)]]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_gives_the_items_in_order_whoever_makes_them(workers: int) -> None:
    mixture = Mixture((Share("a", Counting(), 3),), TrainingPlan((3,)))
    made = Batches(mixture, range(4, 9), workers, CPU)
    assert len(made) == 5
    firsts = [batch.image.flatten().tolist() for batch in made]
    assert firsts == [[3 * item, 3 * item + 1, 3 * item + 2] for item in range(4, 9)]


def test_batches_that_are_completed_together_are_those_that_are_completed_alone() -> None:
    here, there, other = Counting(1000), Sketching(), Counting(2000)
    shares = (Share("there", there, 2, on_device=True), Share("here", here, 3), Share("other", other, 1, True))
    for plan in (TrainingPlan((2, 3, 1)), ValidationPlan((2, 3, 1), 2), ValidationPlan((7, 0, 2), 4)):
        mixture = Mixture(shares, plan)
        together = mixture.completed(mixture[(0, 1, 2)], CPU)
        alone = [mixture.completed(mixture[(item,)], CPU)[0] for item in range(3)]
        assert len(together) == 3
        for one, other_one in zip(together, alone):
            assert all(torch.equal(a, b) for a, b in zip(one, other_one))


def test_where_all_is_made_on_the_device_no_process_is_started() -> None:
    on_device = Mixture((Share("a", Counting(), 3, on_device=True),), TrainingPlan((3,)))
    assert Batches(on_device, range(2), 5, CPU).loader.num_workers == 0


def test_an_error_reaches_the_run_as_it_was() -> None:
    mixture = Mixture((Share("a", Failing(), 1),), TrainingPlan((1,)))
    with pytest.raises(DataError, match=r"^depth\.png can't be read$"):
        list(Batches(mixture, range(1), 1, CPU))
