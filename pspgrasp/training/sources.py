"""From a config to the sources of a run; the one place that knows which there are."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Optional, Tuple

import torch

from pspgrasp.data.batch import BatchSource
from pspgrasp.data.labelled import LabelledConfig, LabelledSource, labelled_source
from pspgrasp.data.synthetic.source import SyntheticSource
from pspgrasp.training.batches import Share
from pspgrasp.training.config import TrainConfig
from pspgrasp.training.plan import shared_out
from pspgrasp.training.split import held_out

Shares = Tuple[Share, ...]


def shares_of(config: TrainConfig, device: torch.device) -> Tuple[Shares, Shares]:
    """Return what a run learns from, and what it is validated on.

    Args:
        config: The run.
        device: Where the network is; on a GPU scenes are generated there.

    Raises:
        ConfigError: Nothing to learn from, or more sources than samples in a batch.
        DataError: A folder can't be read, or can't be split.
    """
    folders = [_split(labelled, config) for labelled in config.data.labelled]
    counts = shared_out(config.batch_size, [config.data.scenes_share, *(f.share for f in config.data.labelled)])
    on_gpu = device.type == "cuda"
    training: List[Share] = []
    if counts[0]:
        training.append(Share("generated scenes", scenes(config, config.seed), counts[0], on_gpu))
    for (kept, _), count in zip(folders, counts[1:]):
        training.append(Share(_name(kept), kept, count))
    return tuple(training), _validation([held for _, held in folders], config, on_gpu)


def _validation(held: List[Optional[LabelledSource]], config: TrainConfig, on_gpu: bool) -> Shares:
    settings = config.validation
    found: List[Share] = []
    if settings.scenes:
        found.append(Share("generated scenes", scenes(config, settings.scenes_seed), settings.scenes, on_gpu))
    found += [Share(f"{_name(source)}, held out", source, len(source)) for source in held if source]
    for labelled in settings.labelled:
        source = _labelled(labelled, config, training=False)
        found.append(Share(_name(source), source, len(source)))
    return tuple(found)


def _split(labelled: LabelledConfig, config: TrainConfig) -> Tuple[LabelledSource, Optional[LabelledSource]]:
    """Return a folder's images to learn from, and those held out, if any, which are never changed at random."""
    source = _labelled(labelled, config, training=True)
    kept, held = held_out(source.entries, config.data.held_out, config.seed)
    unchanged = _labelled(labelled, config, training=False)
    return replace(source, entries=kept), replace(unchanged, entries=held) if held else None


def _labelled(labelled: LabelledConfig, config: TrainConfig, training: bool) -> LabelledSource:
    return labelled_source(labelled, config.preprocess, config.width_scale_px, config.seed, training)


def _name(source: LabelledSource) -> str:
    dataset = source.dataset
    depth = f", {dataset.depth} depth" if dataset.layout == "jacquard" else ""
    return f"{dataset.folder.name} ({dataset.layout}{depth}, {len(source)} images)"


def scenes(config: TrainConfig, seed: int) -> BatchSource:
    """Return generated scenes; another seed gives others."""
    return SyntheticSource(config.data.synthetic, config.preprocess, config.width_scale_px, seed)
