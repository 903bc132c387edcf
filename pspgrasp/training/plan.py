"""Which samples a step takes, and which of them a process: arithmetic on numbers, nothing to store or to send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, NamedTuple, Protocol, Sequence, Tuple

from pspgrasp.errors import ConfigError


class Draw(NamedTuple):
    """One sample of a batch.

    Attributes:
        share: Which source it comes from.
        number: Its number there.
        counted: False for one that only fills up a process's batch.
    """

    share: int
    number: int
    counted: bool = True


class Plan(Protocol):
    """The samples of each item: of a step of training, or of a batch of validation."""

    def draws(self, item: int) -> List[Draw]:
        """Return the samples of an item, those of all processes."""


@dataclass(frozen=True)
class TrainingPlan:
    """Steps without end: step s takes the numbers s * n to (s + 1) * n - 1 of a source that gives n samples a batch."""

    samples: Tuple[int, ...]

    def draws(self, item: int) -> List[Draw]:
        """Return the samples of step `item`."""
        return [Draw(k, item * count + i) for k, count in enumerate(self.samples) for i in range(count)]


@dataclass(frozen=True)
class ValidationPlan:
    """Every sample of finite sets once, in batches, the last of which may be ragged."""

    sizes: Tuple[int, ...]
    batch_size: int

    def __len__(self) -> int:
        return -(-sum(self.sizes) // self.batch_size)

    def draws(self, item: int) -> List[Draw]:
        """Return the samples of batch `item`."""
        every = [Draw(k, number) for k, size in enumerate(self.sizes) for number in range(size)]
        return every[item * self.batch_size : (item + 1) * self.batch_size]


def dealt(draws: Sequence[Draw], rank: int, ranks: int) -> List[Draw]:
    """Return the samples that process `rank` of `ranks` takes, sorted by source; every process gets as many.

    Processes wait for each other, so one that would get less repeats a sample that doesn't count.
    """
    mine = list(draws[rank::ranks])
    if len(mine) < -(-len(draws) // ranks):
        mine.append(draws[0]._replace(counted=False))
    return sorted(mine, key=lambda draw: draw.share)


def shared_out(batch_size: int, shares: Sequence[float]) -> Tuple[int, ...]:
    """Return how many samples of a batch each source gives: by largest remainder, at least one each.

    Raises:
        ConfigError: No share is above 0, or there are more sources than samples.
    """
    sources = sum(share > 0 for share in shares)
    if not sources:
        raise ConfigError("there is nothing to learn from: set data/scenes_share, or data/labelled with a share")
    if batch_size < sources:
        raise ConfigError(f"batch_size {batch_size} can't hold samples of {sources} sources")
    exact = [share / sum(shares) * batch_size for share in shares]
    counts = [max(int(part), int(part > 0)) for part in exact]
    while sum(counts) != batch_size:
        step = 1 if sum(counts) < batch_size else -1
        # The source that is farthest below its exact part gets one more, or that farthest above one less.
        off = [step * (part - count) if count + step > 0 else -batch_size for part, count in zip(exact, counts)]
        counts[off.index(max(off))] += step
    return tuple(counts)
