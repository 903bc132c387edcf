"""Labelled images as training samples: the network's input as on a robot, and what it should put out."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Tuple

import numpy as np
import torch

from pspgrasp.config import CropConfig, PreprocessConfig, setting
from pspgrasp.crop import SquareCrop
from pspgrasp.data.augment import AugmentConfig, draw_augmentation
from pspgrasp.data.batch import GraspBatch
from pspgrasp.data.dataset import GraspDataset, open_dataset
from pspgrasp.data.folds import Fold
from pspgrasp.data.sample import GraspSample, SampleEntry
from pspgrasp.data.similarity import PlanarSimilarity
from pspgrasp.data.target import TargetConfig, grasp_target
from pspgrasp.errors import DataError
from pspgrasp.preprocess import prepare, within_range

ORDER, CHANGE = 0, 1  # what a random stream is for, so that the two never meet


@dataclass(frozen=True)
class LabelledConfig:
    """A folder of labelled images, and how samples are cut from it."""

    folder: str = setting("", "the data set (see: pspgrasp data check)")
    layout: str = setting("", "cornell, jacquard, ocid_grasp or graspnet; empty: it is recognised")
    unit_m: float = setting(0.0, "metres a step of a PNG; 0: the layout's own", 0.0, 1.0)
    depth: str = setting("perfect", "which of Jacquard's depths: perfect or stereo")
    share: float = setting(1.0, "weight of this source beside others", 0.0, 1e6)
    window_px: int = setting(300, "side of the window [image px]; larger than the image: its largest square", 16, 4096)
    jitter_px: int = setting(60, "in training a label's centre is off the window's by up to this [image px]", 0, 2048)
    near_m: float = setting(CropConfig.near_m, "nearer depth counts as missing [m]", 0.0, 100.0)
    far_m: float = setting(CropConfig.far_m, "farther depth counts as missing [m]", 0.0, 100.0)
    clearance_px: float = setting(
        0.0, "opening of the labels beyond the contact width, both sides together [image px]; Cornell's: about 8", 0.0
    )
    focal_px: float = setting(0.0, "focal length of the camera [image px]; 0: not known", 0.0, 1e5)
    left_out: str = setting("", "fold of images that aren't learnt from: 0/2 is the first of two; empty: none")
    left_out_by: str = setting("object", "how folds are dealt: object or image")
    cached_images: int = setting(100, "decoded images that are kept in memory (1.2 MB each at 640x480)", 0, 10**6)
    target: TargetConfig = field(default_factory=TargetConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)

    def __post_init__(self) -> None:
        # The window's own rules on the range, told before the first image is read.
        CropConfig(size_px=self.window_px, near_m=self.near_m, far_m=self.far_m)
        if self.left_out:
            Fold.parse(self.left_out)

    def dataset(self) -> GraspDataset:
        """Return the data set, without the fold that is left out.

        Raises:
            DataError: It is not there, not known, or can't be dealt into folds.
        """
        dataset = open_dataset(Path(self.folder), self.layout, self.unit_m or None, self.depth)
        if not self.left_out:
            return dataset
        return replace(dataset, entries=Fold.parse(self.left_out, self.left_out_by).outside(dataset.entries))


@dataclass(frozen=True)
class LabelledSource:
    """A `BatchSource` of labelled images.

    With `augment` it is endless and random, for training: number n belongs to epoch n // len, whose order is drawn for
    that epoch, and its change and window are drawn for n. Without, for validation, number n is image n % len as it is,
    with the window on the middle of its labels.

    Attributes:
        dataset: Reads the images.
        entries: Which of them, at least one.
        config: How samples are cut.
        preprocess: How the network's input is made; of the network that is trained.
        width_scale_px: Likewise.
        seed: Of order, changes and windows.
        augment: How samples are changed; None is validation.

    Raises:
        DataError: No entries, or the network takes the size of a pixel and the focal length is not known.
    """

    dataset: GraspDataset
    entries: Tuple[SampleEntry, ...]
    config: LabelledConfig
    preprocess: PreprocessConfig
    width_scale_px: float
    seed: int = 0
    augment: Optional[AugmentConfig] = None
    _recent: ImageCache = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.entries:
            raise DataError(f"no image of {self.dataset.folder} is chosen; a source of samples needs at least one")
        if self.preprocess.pixel_size_channel and not self.config.focal_px:
            raise DataError(
                f"{self.dataset.folder}: this network takes the size of a pixel (pixel_size_channel); "
                "give focal_px, the focal length of the camera in px of the images"
            )
        object.__setattr__(self, "_recent", ImageCache(self.dataset, self.config))

    def __len__(self) -> int:
        return len(self.entries)

    def batch(self, indices: Sequence[int], device: torch.device) -> GraspBatch:
        """Return the samples of these numbers on `device`; see `BatchSource`.

        Raises:
            DataError: An image can't be read, or nothing is measured in its window; names it.
        """
        images, targets = zip(*(self._input_and_target(index) for index in indices))
        return GraspBatch(*(torch.from_numpy(np.stack(arrays)).to(device) for arrays in (images, targets)))

    def sample(self, index: int) -> Tuple[GraspSample, SquareCrop, float]:
        """Return the sample of a number as it is cut from, its window, and its zoom, which is its lens's too."""
        if self.augment is None:
            sample = self._recent.read(self.entries[index % len(self)])
            return sample, self._window(sample, sample.corners_px.reshape(-1, 2).mean(axis=0)), 1.0
        epoch, position = divmod(index, len(self))
        order = np.random.default_rng((self.seed, ORDER, epoch)).permutation(len(self))
        rng = np.random.default_rng((self.seed, CHANGE, index))
        original = self._recent.read(self.entries[order[position]])
        change = draw_augmentation(original, self.augment, rng)
        sample = change.apply(original)
        chosen = sample.rectangles[rng.integers(len(sample.rectangles))]
        middle_px = rng.uniform(-self.config.jitter_px, self.config.jitter_px, 2) + np.array([chosen.u, chosen.v])
        return sample, self._window(sample, middle_px), change.similarity.zoom

    def _window(self, sample: GraspSample, middle_px: np.ndarray) -> SquareCrop:
        """Return the window about a place (2,) (u, v), moved and shrunk until it fits."""
        height_px, width_px = sample.depth_m.shape
        u, v = np.rint(middle_px).astype(int)
        config = CropConfig(self.config.window_px, int(u) - width_px // 2, int(v) - height_px // 2)
        return SquareCrop.placed(config, sample.depth_m.shape, self.preprocess.input_size_px)

    def _input_and_target(self, index: int) -> Tuple[np.ndarray, np.ndarray]:
        """Return the network's input (C, S, S) and what it should put out (4, S, S), float32."""
        sample, crop, zoom = self.sample(index)
        depth_m = crop.extract(sample.depth_m)
        if np.isnan(depth_m).all():
            raise DataError(
                f"{sample.name} of {self.dataset.folder}: nothing is measured in the window at its labels between "
                f"near_m {self.config.near_m:g} and far_m {self.config.far_m:g}"
            )
        focal_px = self.config.focal_px * zoom / crop.scale if self.config.focal_px else None
        image, _ = prepare(depth_m, self.preprocess, focal_px)
        to_crop = PlanarSimilarity.of_crop(crop)
        rectangles = [to_crop.rectangle(rectangle) for rectangle in sample.rectangles]
        # A label's clearance was px of the image as it was taken.
        clearance_px = self.config.clearance_px * zoom / crop.scale
        target = grasp_target(rectangles, crop.out_px, clearance_px, self.config.target)
        return image, target.encode(self.width_scale_px)


class ImageCache:
    """The images that were read last, as they are within the working range. It travels to another process empty."""

    def __init__(self, dataset: GraspDataset, config: LabelledConfig) -> None:
        """Keep as many as `config` allows."""
        self._dataset = dataset
        self._config = config
        self._kept: OrderedDict[SampleEntry, GraspSample] = OrderedDict()

    def read(self, entry: SampleEntry) -> GraspSample:
        """Return the sample of an entry; what lies outside of the working range is missing, as on a robot.

        Raises:
            DataError: It is malformed; names the file.
        """
        sample = self._kept.pop(entry, None)
        if sample is None:
            sample = self._dataset.read(entry)
            sample = replace(sample, depth_m=within_range(sample.depth_m, self._config.near_m, self._config.far_m))
        self._kept[entry] = sample
        if len(self._kept) > self._config.cached_images:
            self._kept.popitem(last=False)
        return sample

    def __getstate__(self) -> Dict[str, Any]:
        return {**self.__dict__, "_kept": OrderedDict()}


def labelled_source(
    config: LabelledConfig, preprocess: PreprocessConfig, width_scale_px: float, seed: int, training: bool
) -> LabelledSource:
    """Return all images of a folder as samples; `dataclasses.replace(source, entries=...)` chooses some of them.

    Args:
        config: The folder, and how samples are cut.
        preprocess: Of the network that is trained.
        width_scale_px: Likewise.
        seed: Of order, changes and windows.
        training: Whether samples are changed at random, as `config.augment` says.

    Raises:
        DataError: The folder can't be read, or `focal_px` is missing.
    """
    dataset = config.dataset()
    augment = config.augment if training else None
    return LabelledSource(dataset, dataset.entries, config, preprocess, width_scale_px, seed, augment)
