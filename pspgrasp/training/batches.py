"""Batches for the run: made by processes on the CPU, or on the GPU where the network is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any, Iterable, Iterator, List, NamedTuple, Sequence, Tuple, Union

import cv2
import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Dataset
from typing_extensions import override

from pspgrasp.data.batch import BatchSource, GraspBatch, SketchedSource, on_device
from pspgrasp.errors import ConfigError, PspGraspError
from pspgrasp.training.plan import Draw, Plan, TrainingPlan, ValidationPlan, dealt

TOGETHER_ON_GPU = 4  # batches that are completed at once


@dataclass(frozen=True)
class Share:
    """A source and its part.

    Attributes:
        name: For people and for the training record.
        source: Gives samples by number.
        samples: Of each batch of training; of validation, in all.
        on_device: Made where the network is, not by a process on the CPU.
    """

    name: str
    source: BatchSource
    samples: int
    on_device: bool = False


class Loaded(NamedTuple):
    """What a process gives for some items: the parts of their batches that it made, and what the others begin with."""

    items: Tuple[int, ...]
    parts: Tuple[GraspBatch, ...]
    sketches: Tuple[Any, ...] = ()


class CountedBatch(NamedTuple):
    """A batch with how much each sample counts, (B,) float32: 1, or 0 for one that only fills up."""

    image: torch.Tensor
    target: torch.Tensor
    counted: torch.Tensor


class Mixture(Dataset):
    """Batches of several sources by item numbers, as one process of the run takes them."""

    def __init__(self, shares: Sequence[Share], plan: Plan, rank: int = 0, ranks: int = 1) -> None:
        self.shares, self.plan, self.rank, self.ranks = tuple(shares), plan, rank, ranks

    def __getitem__(self, items: Tuple[int, ...]) -> Union[Loaded, PspGraspError]:
        """Return the parts of some batches that are made on the CPU.

        An error is returned, not raised: on its way out of a process torch would wrap it in a traceback.
        """
        try:
            cpu = torch.device("cpu")
            parts = tuple(
                share.source.batch(list(chain(*numbers)), cpu) for share, numbers in self._asked(items, False)
            )
            return Loaded(items, parts, tuple(self._sketches(items)))
        except PspGraspError as error:
            return error

    def _sketches(self, items: Tuple[int, ...]) -> Iterable[Any]:
        """Yield what the parts begin with that are made on the device; None where it makes all of it."""
        for share, numbers in self._asked(items, there=True):
            yield share.source.sketch(list(chain(*numbers))) if isinstance(share.source, SketchedSource) else None

    def completed(self, loaded: Union[Loaded, PspGraspError], device: torch.device) -> List[CountedBatch]:
        """Return the batches of the items, one each, with the parts that are made on the device.

        Raises:
            PspGraspError: What went wrong when the parts were made.
        """
        if isinstance(loaded, PspGraspError):
            raise loaded
        asked = [*self._asked(loaded.items, there=False), *self._asked(loaded.items, there=True)]
        parts = [GraspBatch(*(field.to(device) for field in part)) for part in loaded.parts]
        for (share, numbers), sketch in zip(asked[len(parts) :], loaded.sketches):
            if sketch is not None and isinstance(share.source, SketchedSource):
                parts.append(share.source.finished(on_device(sketch, device)))
            else:
                parts.append(share.source.batch(list(chain(*numbers)), device))
        # Every part holds all items one after the other.
        sizes = [[len(some) for some in numbers] for _, numbers in asked]
        images, targets = (
            zip(*(getattr(part, field).split(size) for part, size in zip(parts, sizes))) for field in GraspBatch._fields
        )
        counted = (torch.tensor(self._counted(item), device=device) for item in loaded.items)
        return [CountedBatch(torch.cat(i), torch.cat(t), c) for i, t, c in zip(images, targets, counted)]

    def _counted(self, item: int) -> List[float]:
        return [float(draw.counted) for there in (False, True) for draw in self._draws(item, there)]

    def _draws(self, item: int, there: bool) -> List[Draw]:
        draws = dealt(self.plan.draws(item), self.rank, self.ranks)
        return [draw for draw in draws if self.shares[draw.share].on_device == there]

    def _asked(self, items: Tuple[int, ...], there: bool) -> Iterable[Tuple[Share, List[List[int]]]]:
        """Yield the sources on the device, or the others, with the numbers of their samples in each item."""
        by_item = [self._draws(item, there) for item in items]
        for place, share in enumerate(self.shares):
            numbers = [[draw.number for draw in draws if draw.share == place] for draws in by_item]
            if any(numbers):
                yield share, numbers


class Batches:
    """The batches of some items in order: begun by processes ahead of time, completed on the device.

    On a GPU several are completed at once: to launch the work of a generator takes longer than to do it.
    """

    def __init__(self, mixture: Mixture, items: range, workers: int, device: torch.device) -> None:
        self._mixture, self._items, self._device = mixture, items, device
        workers = workers if any(needs_the_cpu(share) for share in mixture.shares) else 0
        together = TOGETHER_ON_GPU if device.type == "cuda" else 1
        self.loader = DataLoader(
            mixture,
            batch_size=None,
            sampler=[tuple(items[begin : begin + together]) for begin in range(0, len(items), together)],
            num_workers=workers,
            pin_memory=device.type == "cuda" and workers > 0,
            worker_init_fn=_start_worker,
        )

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[CountedBatch]:
        for loaded in self.loader:
            yield from self._mixture.completed(loaded, self._device)


class GraspBatches(LightningDataModule):
    """The batches of a run. An epoch is what lies between two validations: it goes on at the step that is reached."""

    trainer: Any  # Lightning sets it

    def __init__(
        self,
        training: Sequence[Share],
        validation: Sequence[Share],
        validate_every: int,
        max_steps: int,
        workers: int = 0,
    ) -> None:
        super().__init__()
        self.training, self.validation = tuple(training), tuple(validation)
        self.validate_every, self.max_steps, self.workers = validate_every, max_steps, workers
        self.batch_size = sum(share.samples for share in training)
        if not sum(share.samples for share in validation):
            raise ConfigError("there is nothing to validate on: set validation/scenes, or data/held_out above 0")

    @override
    def setup(self, stage: str) -> None:
        """Deal the batches to this process."""
        rank, ranks = self.trainer.global_rank, self.trainer.world_size
        if self.batch_size % ranks:
            raise ConfigError(f"batch_size {self.batch_size} can't be dealt to {ranks} processes; make it a multiple")
        self.train_mixture = Mixture(
            self.training, TrainingPlan(tuple(share.samples for share in self.training)), rank, ranks
        )
        sizes = tuple(share.samples for share in self.validation)
        self.validation_plan = ValidationPlan(sizes, self.batch_size)
        self.validation_mixture = Mixture(self.validation, self.validation_plan, rank, ranks)

    @override
    def train_dataloader(self) -> Batches:
        """Return the steps up to the next validation."""
        step = self.trainer.lightning_module.step
        stop = min(self.max_steps, (step // self.validate_every + 1) * self.validate_every)
        return self._batches(self.train_mixture, range(step, stop))

    @override
    def val_dataloader(self) -> Batches:
        """Return all of validation."""
        return self._batches(self.validation_mixture, range(len(self.validation_plan)))

    def _batches(self, mixture: Mixture, items: range) -> Batches:
        return Batches(mixture, items, self.workers, self.trainer.strategy.root_device)


def needs_the_cpu(share: Share) -> bool:
    """Tell whether there is anything for a process on the CPU to do."""
    return not share.on_device or isinstance(share.source, SketchedSource)


def _start_worker(_number: int) -> None:
    cv2.setNumThreads(0)  # one thread a process, as torch does by itself
