"""A training run from its config to its best checkpoint, on Lightning's trainer."""

from __future__ import annotations

import logging
import os
import warnings
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from timm.layers import norm_act
from torch import nn

from pspgrasp.checkpoint import Checkpoint
from pspgrasp.errors import CheckpointError, ConfigError, PspGraspError
from pspgrasp.models import build_model
from pspgrasp.runtimes.eager import choose_device
from pspgrasp.training.batches import GraspBatches, Share, needs_the_cpu
from pspgrasp.training.config import MachineConfig, TrainConfig, differences, told
from pspgrasp.training.keeping import Keeping
from pspgrasp.training.module import GraspModule
from pspgrasp.training.pictures import Pictures
from pspgrasp.training.progress import Progress
from pspgrasp.training.record import training_record
from pspgrasp.training.run_folder import RunFolder, begun, refuse_other_config
from pspgrasp.training.sources import shares_of

#: As people and as Lightning call them.
PRECISIONS = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}
MOST_WORKERS = 8  # that are chosen unasked
#: What torch says when a process that makes samples ends, mostly for want of (shared) memory.
DEAD_PROCESS = ("killed by signal", "exited unexpectedly", "unable to write to file", "out of shared memory")


@dataclass(frozen=True)
class Run:
    """What is to be trained.

    Attributes:
        config: Everything that decides it.
        folder: Where it leaves what it makes.
        training: What it learns from; None is what the config says.
        validation: What it is validated on; likewise.
        origin: Trained weights to start from; None starts as the config says.
        resume: Go on with the run in the folder.
        minutes: It ends after the first validation later than this, to be resumed; 0 is no limit.
        command: The command line, for the record.
    """

    config: TrainConfig
    folder: RunFolder
    training: Optional[Tuple[Share, ...]] = None
    validation: Optional[Tuple[Share, ...]] = None
    origin: Optional[Checkpoint] = None
    resume: bool = False
    minutes: float = 0.0
    command: str = ""


def train(run: Run) -> Dict[str, float]:
    """Train, and return the figures of the last validation; {} if the run was at its end already.

    Raises:
        PspGraspError: The config, the data, the device or the folder can't be used, or the loss is not finite. What
            was written before stays as it was.
    """
    config = run.config
    device = chosen_device(config.machine)
    state = _state(run)
    training, validation = run.training, run.validation
    if training is None or validation is None:
        training, validation = shares_of(config, device)
    module = GraspModule(first_network(config, run.origin), config)
    if state:
        module.restore(state)
    if module.step >= config.max_steps:
        return {}
    start = begun(state) if state else {"command": run.command, "origin": _origin_name(run)}
    record = training_record(config, training, validation, start)
    workers = chosen_workers(config.machine, [*training, *validation])
    batches = GraspBatches(training, validation, config.validate_every, config.max_steps, workers)
    if not state and is_first_process():
        run.folder.start(config)
    keeping = Keeping(run.folder, config, record, run.minutes)
    callbacks: List[Callback] = [keeping, Progress(keeping), Pictures()]
    logger = TensorBoardLogger(
        str(run.folder.path), name="", version=run.folder.tensorboard.name, purge_step=module.step + 1
    )
    trainer = build_trainer(config, config.max_steps - module.step, callbacks, logger)
    fit_quietly(trainer, module, batches)
    return module.figures


def is_first_process() -> bool:
    """Tell whether this process is the one that writes."""
    lightning: Any = rank_zero_only
    return lightning.rank == 0


def _state(run: Run) -> Optional[Dict[str, Any]]:
    """Return the state to go on from, None for a new run."""
    if not run.resume:
        return None
    state = run.folder.load_state()
    refuse_other_config(run.config, state, run.folder.path)
    return state


def _origin_name(run: Run) -> str:
    if run.origin is not None:
        return f"checkpoint {run.origin.name}"
    return "timm's weights of the backbone" if run.config.pretrained else "random"


def first_network(config: TrainConfig, origin: Optional[Checkpoint]) -> nn.Module:
    """Return the network before the first step.

    Raises:
        CheckpointError: The checkpoint's network or input is not that of the config; names what differs.
    """
    torch.manual_seed(config.seed)
    if origin is None:
        network = build_model(config.model, config.pretrained)
    else:
        _refuse_other_network(config, origin)
        network = origin.network()
    if config.machine.sync_batch_norm:
        convert: Any = norm_act.convert_sync_batchnorm
        network = convert(network)  # timm's: torch's own would drop the ReLU inside timm's norms
    layout = torch.channels_last if config.machine.channels_last else torch.contiguous_format
    return network.to(memory_format=layout).train()


def _refuse_other_network(config: TrainConfig, origin: Checkpoint) -> None:
    wanted, given = (
        {
            "model": tree.model.to_tree(),
            "clip_m": tree.preprocess.clip_m,
            "pixel_size_channel": tree.preprocess.pixel_size_channel,
            "width_scale_px": tree.width_scale_px,
            "width": tree.width,
        }
        for tree in (config, origin)
    )
    lines = differences(wanted, given)
    if lines:
        raise CheckpointError(f"checkpoint {origin.name!r} is another network than the config's: {told(lines)}")


def chosen_device(machine: MachineConfig) -> torch.device:
    """Return where the network is trained.

    Raises:
        ConfigError: No such device, fewer of them than asked for, or a precision that it hasn't.
    """
    device = choose_device(machine.device)
    if device.type == "cpu" and machine.precision == "16":
        raise ConfigError("precision 16 needs a GPU; on a CPU use 32 or bf16")
    if device.type == "cpu" and machine.sync_batch_norm:
        raise ConfigError("sync_batch_norm needs GPUs; on a CPU make it false")
    if device.type == "cuda" and machine.devices > torch.cuda.device_count():
        raise ConfigError(f"{machine.devices} devices were asked for, and there are {torch.cuda.device_count()} GPUs")
    return device


def chosen_precision(machine: MachineConfig, device: torch.device) -> str:
    """Return 32, bf16 or 16."""
    automatic = "bf16" if device.type == "cuda" else "32"
    return automatic if machine.precision == "auto" else machine.precision


def chosen_workers(machine: MachineConfig, shares: List[Share]) -> int:
    """Return the number of processes that make samples on the CPU."""
    if machine.workers >= 0 or not any(needs_the_cpu(share) for share in shares):
        return max(0, machine.workers)
    return max(1, min(MOST_WORKERS, len(os.sched_getaffinity(0)) // 2))


def build_trainer(config: TrainConfig, steps: int, callbacks: List[Callback], logger: Any) -> Trainer:
    """Return Lightning's trainer for so many steps; what it would write or print by itself is switched off."""
    machine = config.machine
    device = chosen_device(machine)
    devices, nodes = _processes(machine)
    quiet = logging.getLogger("lightning.pytorch")
    quiet.setLevel(logging.WARNING)
    return Trainer(
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=[device.index] if device.index and devices == 1 else devices,
        num_nodes=nodes,
        strategy="ddp" if devices * nodes > 1 else "auto",
        precision=PRECISIONS[chosen_precision(machine, device)],  # type: ignore[arg-type]
        deterministic=machine.deterministic or None,
        benchmark=not machine.deterministic,
        max_steps=steps,
        max_epochs=-1,
        reload_dataloaders_every_n_epochs=1,
        gradient_clip_val=config.optimisation.clip_norm or None,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        callbacks=callbacks,
        logger=logger,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _processes(machine: MachineConfig) -> Tuple[int, int]:
    """Return processes a machine, and machines; torchrun's where it started this process."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return machine.devices, 1
    local, world = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
    return local, world // local


def fit_quietly(trainer: Trainer, module: GraspModule, batches: GraspBatches) -> None:
    """Run the trainer; what the disk, the memory or a process of ours can't do is said in one line.

    Raises:
        PspGraspError: One of these.
    """
    try:
        with warnings.catch_warnings():
            # Advice on workers and loggers, which are chosen here.
            warnings.filterwarnings("ignore", module="lightning.*")
            trainer.fit(module, datamodule=batches)
    except torch.cuda.OutOfMemoryError as error:
        raise PspGraspError(
            f"the GPU's memory doesn't hold batch_size {batches.batch_size}; make it smaller"
        ) from error
    except OSError as error:
        raise PspGraspError(f"the run can't go on: {error}; what was saved before is as it was") from error
    except RuntimeError as error:
        if not any(sign in str(error) for sign in DEAD_PROCESS):
            raise
        raise PspGraspError(
            f"a process that makes samples has died ({str(error).splitlines()[0]}); "
            "fewer machine/workers, or 0, need less shared memory"
        ) from error
