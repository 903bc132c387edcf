"""Everything that decides a training run, as one tree that is read from YAML."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from pspgrasp.config import PreprocessConfig, from_tree, setting, to_tree
from pspgrasp.data.labelled import LabelledConfig
from pspgrasp.data.synthetic.source import SyntheticConfig
from pspgrasp.errors import ConfigError, PspGraspError, shown, unknown_name
from pspgrasp.models import ModelConfig
from pspgrasp.tree_file import read_tree

MONITORS = ("loss", "map_hit")
OPTIMISERS = ("adamw", "sgd")
SCHEDULES = ("cosine", "poly", "constant")
PRECISIONS = ("auto", "32", "bf16", "16")
MOST_TOLD = 5  # differences of two configs
MACHINE = "machine"  # the group that may differ when a run is resumed


def _one_of(name: str, value: str, valid: Tuple[str, ...]) -> None:
    if value not in valid:
        raise ConfigError(unknown_name(name, value, valid))


@dataclass(frozen=True)
class DataConfig:
    """What the network learns from. A batch is dealt out to the sources by their shares."""

    scenes_share: float = setting(1.0, "weight of generated scenes beside the labelled folders; 0 is none", 0.0, 1e6)
    synthetic: SyntheticConfig = field(default=SyntheticConfig())
    labelled: Tuple[LabelledConfig, ...] = field(
        default=(), metadata={"doc": "folders of labelled images, each a mapping: folder, share, window_px, ..."}
    )
    held_out: float = setting(
        0.2, "share of each folder's images, whole objects, that are kept for validation", 0.0, 0.9
    )


@dataclass(frozen=True)
class ValidationConfig:
    """What chooses the best checkpoint: never augmented, and not the test set."""

    scenes: int = setting(256, "generated scenes; 0 is none", 0, 10**6)
    scenes_seed: int = setting(1_000_003, "seed of these scenes, another than the run's", 0, 2**31 - 1)
    labelled: Tuple[LabelledConfig, ...] = field(
        default=(), metadata={"doc": "folders beside the images that data/held_out keeps back"}
    )


@dataclass(frozen=True)
class LossConfig:
    """Weights of the parts of the loss."""

    quality: float = setting(10.0, "weight of the squared error of quality", 0.0, 1e3)
    quality_focus: float = setting(6.0, "where quality is q, its error counts 1 + this * q", 0.0, 1e3)
    angle: float = setting(0.6, "weight of cos 2phi, and of sin 2phi", 0.0, 1e3)
    width: float = setting(1.0, "weight of width / width scale", 0.0, 1e3)
    auxiliary: float = setting(0.4, "weight of the auxiliary head's loss, where the network has one", 0.0, 1e3)


@dataclass(frozen=True)
class OptimisationConfig:
    """How weights follow the gradient."""

    optimiser: str = setting("adamw", "adamw or sgd")
    rate: float = setting(1e-3, "learning rate after the warm-up", 1e-8, 10.0)
    new_module_rate: float = setting(
        1.0, "factor of the rate for all but the backbone (paper: 10, on a pretrained backbone)", 0.01, 100.0
    )
    weight_decay: float = setting(1e-2, "weight decay (paper, with sgd: 1e-4)", 0.0, 1.0)
    momentum: float = setting(0.9, "momentum of sgd", 0.0, 0.999)
    schedule: str = setting("cosine", "how the rate falls to 0 over max_steps: cosine, poly or constant")
    poly_power: float = setting(0.9, "power of poly", 0.1, 10.0)
    warmup_steps: int = setting(100, "steps in which the rate rises from 0", 0, 10**6)
    clip_norm: float = setting(5.0, "gradients are scaled down to this norm; 0 is never", 0.0, 1e6)
    average_decay: float = setting(
        0.999, "decay of the moving average of the weights (EMA), which is what is kept; 0 is none", 0.0, 0.99999
    )

    def __post_init__(self) -> None:
        _one_of("optimiser", self.optimiser, OPTIMISERS)
        _one_of("schedule", self.schedule, SCHEDULES)


@dataclass(frozen=True)
class MachineConfig:
    """Where and how fast it runs. A run may be resumed on another machine."""

    device: str = setting("auto", "auto, cpu or cuda")
    devices: int = setting(1, "GPUs (or CPU processes) of this machine; under torchrun it decides", 1, 64)
    precision: str = setting("auto", "32, bf16 or 16 (mixed); auto is bf16 on a GPU and 32 on a CPU")
    channels_last: bool = setting(False, "memory format; true is faster on a GPU with bf16")
    workers: int = setting(-1, "processes that make samples on the CPU; -1 chooses, 0 is none", -1, 256)
    sync_batch_norm: bool = setting(False, "batch norm over all GPUs instead of over each one's share of the batch")
    deterministic: bool = setting(False, "only algorithms that repeat to the last bit on a GPU; slower")

    def __post_init__(self) -> None:
        _one_of("precision", self.precision, PRECISIONS)


@dataclass(frozen=True)
class TrainConfig:
    """A training run."""

    model: ModelConfig = field(default=ModelConfig())  # a call that ruff can't know to be of a frozen dataclass
    pretrained: bool = setting(False, "fetch timm's weights of the backbone from the network")
    preprocess: PreprocessConfig = PreprocessConfig()
    width_scale_px: float = setting(150.0, "width map = output * this [px of the input]", 1.0, 1e4)
    width: str = setting("contact", "what the labels' widths are: contact, or opening, with its clearance")
    seed: int = setting(0, "of initial weights, samples and dropout", 0, 2**31 - 1)
    batch_size: int = setting(32, "samples a step, over all GPUs", 1, 65536)
    max_steps: int = setting(3000, "steps", 1, 10**8)
    validate_every: int = setting(250, "steps between validations, after which the run is saved", 1, 10**8)
    patience: int = setting(0, "validations without a better one, then it stops; 0: never", 0, 10**6)
    monitor: str = setting("loss", "what makes a validation better: loss (lower) or map_hit (higher)")
    stored_bits: int = setting(32, "floats of the best checkpoint: 32, or 16 for half the file", 16, 32)
    data: DataConfig = DataConfig()
    validation: ValidationConfig = ValidationConfig()
    loss: LossConfig = LossConfig()
    optimisation: OptimisationConfig = OptimisationConfig()
    machine: MachineConfig = MachineConfig()

    def __post_init__(self) -> None:
        _one_of("monitor", self.monitor, MONITORS)
        _one_of("width", self.width, ("contact", "opening"))
        if self.stored_bits not in (16, 32):
            raise ConfigError(f"stored_bits must be 16 or 32, got {self.stored_bits}")
        if self.model.in_channels != self.preprocess.channels:
            raise ConfigError(
                f"model/network/in_channels is {self.model.in_channels}, but preprocess makes "
                f"{self.preprocess.channels} (pixel_size_channel: {str(self.preprocess.pixel_size_channel).lower()})"
            )
        if self.width == "opening" and any(f.clearance_px for f in (*self.data.labelled, *self.validation.labelled)):
            raise ConfigError("clearance_px makes contact widths of openings: with width opening it must be 0")
        if self.width == "opening" and (self.data.scenes_share or self.validation.scenes):
            raise ConfigError(
                "generated scenes are labelled with contact widths: width opening needs data/scenes_share 0 and "
                "validation/scenes 0"
            )
        if self.validation.scenes and self.validation.scenes_seed == self.seed:
            raise ConfigError(f"validation/scenes_seed must differ from seed ({self.seed}): its scenes are trained on")


def train_config(tree: Any) -> TrainConfig:
    """Return the run that a tree of plain values describes; what is absent keeps its default.

    Raises:
        ConfigError: An unknown key, a wrong type, a value out of bounds, or values that don't go together.
    """
    if not isinstance(tree, Mapping):
        raise ConfigError(f"a training config must be a mapping, got {shown(tree)}")
    # The network's settings depend on its architecture, which from_tree can't know.
    model = ModelConfig.from_tree(tree.get("model", {}))
    preprocess = from_tree(PreprocessConfig, tree.get("preprocess", {}), "preprocess")
    rest = {key: value for key, value in tree.items() if key not in ("model", "preprocess")}
    return replace(from_tree(TrainConfig, rest), model=model, preprocess=preprocess)


def read_config(path: Path) -> TrainConfig:
    """Return the run that a YAML file describes.

    Raises:
        ConfigError: It can't be read, is no YAML, or `train_config` refuses it; names the file.
    """
    tree = read_tree(path)
    try:
        return train_config({} if tree is None else tree)
    except PspGraspError as error:
        raise ConfigError(f"{path}: {error}") from error


def differences(first: Any, second: Any, place: str = "") -> List[str]:
    """Return where two trees of plain values differ, one line each: "optimisation/rate: 0.001, not 0.01"."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        lines = []
        for key in [*first, *(key for key in second if key not in first)]:
            here = f"{place}/{key}" if place else str(key)
            lines += differences(first.get(key, "absent"), second.get(key, "absent"), here)
        return lines
    same = first == second or (first != first and second != second)
    return [] if same else [f"{place}: {_spoken(first)}, not {_spoken(second)}"]


def told(lines: Sequence[str]) -> str:
    """Return differences in one line; of many the first, which tell most."""
    more = [f"and {len(lines) - MOST_TOLD} more"] if len(lines) > MOST_TOLD else []
    return "; ".join([*lines[:MOST_TOLD], *more])


def _spoken(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) and math.isfinite(value) else str(value)


def decisive(config: TrainConfig) -> Dict[str, Any]:
    """Return the config as plain values without what may differ when a run is resumed."""
    return {key: value for key, value in to_tree(config).items() if key != MACHINE}
