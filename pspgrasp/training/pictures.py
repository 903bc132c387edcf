"""Pictures of maps: for a few validation samples the depth, and quality, angle and width, wanted and put out."""

from __future__ import annotations

from typing import Any, List

import cv2
import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from pspgrasp.data.sheet import TEXT_BGR, write
from pspgrasp.overlay import colour_depth
from pspgrasp.training.loss import on_grid_of

SAMPLES = 4
CAPTION_PX = 22
TITLES = ("depth", "quality wanted", "quality", "angle wanted", "angle", "width wanted", "width")


class Pictures(Callback):
    """Draws the first validation samples into TensorBoard, after each validation."""

    def __init__(self) -> None:
        self._image = self._target = torch.zeros(0)

    @override
    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Remember the first samples."""
        if batch_idx == 0:
            self._image, self._target = batch.image[:SAMPLES].clone(), batch.target[:SAMPLES].clone()

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw them."""
        module: Any = pl_module
        if not trainer.is_global_zero or trainer.logger is None:
            return
        with torch.no_grad():
            output = module.judged(self._image).float()
        maps = (tensor.cpu().numpy() for tensor in (self._image, on_grid_of(output, self._target), output))
        rgb = np.ascontiguousarray(maps_sheet(*maps)[..., ::-1])
        board: Any = trainer.logger
        board.experiment.add_image("maps", rgb, module.step, dataformats="HWC")


def maps_sheet(images: np.ndarray, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Return a row of pictures a sample under one line of titles, (H, W, 3) uint8 BGR.

    Args:
        images: (B, C, N, N) network inputs; channel 0 is depth [m].
        targets: (B, 4, M, M).
        outputs: (B, 4, M, M).
    """
    rows = [np.hstack(_row(image, target, output)) for image, target, output in zip(images, targets, outputs)]
    size_px = rows[0].shape[0]
    titles = np.zeros((CAPTION_PX, rows[0].shape[1], 3), np.uint8)
    for place, title in enumerate(TITLES):
        write(titles[:, place * size_px :], title, TEXT_BGR)
    return np.vstack([titles, *rows])


def _row(image: np.ndarray, target: np.ndarray, output: np.ndarray) -> List[np.ndarray]:
    size_px = image.shape[-1]
    widest = max(float(target[3].max()), 1e-3)
    pictures = [colour_depth(image[0], image[0])]
    for channel_pair in (_quality, _angle):
        pictures += [_large(channel_pair(maps), size_px) for maps in (target, output)]
    return [*pictures, *(_large(_width(maps, target, widest), size_px) for maps in (target, output))]


def _quality(maps: np.ndarray) -> np.ndarray:
    return _coloured(maps[0])


def _angle(maps: np.ndarray) -> np.ndarray:
    """Return the angle as hue, half a turn all round, as bright as quality is high."""
    hue = (np.arctan2(maps[2], maps[1]) / (2 * np.pi) % 1 * 180).astype(np.uint8)
    value = (255 * np.clip(maps[0], 0, 1)).astype(np.uint8)
    return cv2.cvtColor(np.stack([hue, np.full_like(hue, 255), value], axis=-1), cv2.COLOR_HSV2BGR)


def _width(maps: np.ndarray, target: np.ndarray, widest: float) -> np.ndarray:
    """Return the width where a grasp is wanted; elsewhere it means nothing."""
    return _coloured(np.where(target[0] > 0, maps[3] / widest, 0))


def _coloured(share: np.ndarray) -> np.ndarray:
    return cv2.applyColorMap((255 * np.clip(share, 0, 1)).astype(np.uint8), cv2.COLORMAP_VIRIDIS)


def _large(picture: np.ndarray, size_px: int) -> np.ndarray:
    return cv2.resize(picture, (size_px, size_px), interpolation=cv2.INTER_NEAREST)
