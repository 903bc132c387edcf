"""A process of its own that reads files of nobody knows whom: a crash, a hang or a full memory is seen from outside.

It takes lines of JSON on its standard input, `[reader, path, arguments, limited]`, and answers each with one.
"""

from __future__ import annotations

import io
import json
import os
import re
import resource
import sys
import traceback
import warnings
from argparse import Namespace
from contextlib import redirect_stderr, redirect_stdout, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

from pspgrasp.errors import PspGraspError

MOST_BYTES = 1 << 30  # beyond what the process has when it begins to read: of addresses, and so of memory
#: What readers import, imported before memory is measured.
MODULES = (
    "pspgrasp.bag.reading.info", "pspgrasp.data.labelling.rotated_boxes", "pspgrasp.data.synthetic.meshes",
    "pspgrasp.evaluation.table", "pspgrasp.node_config", "pspgrasp.runtimes.opening", "pspgrasp.study.piece",
    "pspgrasp.training.run_folder", "onnx", "onnxruntime", "openvino", "timm", "trimesh",
)  # fmt: skip
#: Files that were opened, without those of Python itself.
OPENED: List[str] = []
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def read_checkpoint(path: Path) -> None:
    from pspgrasp.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(path)
    checkpoint.network()
    assert re.fullmatch("[0-9a-f]{16}", checkpoint.fingerprint)


def read_published(path: Path) -> None:
    from pspgrasp.import_weights import import_weights

    import_weights(path, "ggcnn").network()


def read_state(path: Path) -> None:
    from pspgrasp.training.run_folder import RunFolder, config_of

    config_of(RunFolder(path.parent).load_state())


def read_network(path: Path) -> None:
    from pspgrasp.network_file import read_network_file
    from pspgrasp.runtimes.opening import open_runtime

    open_runtime("", read_network_file(path), "cpu")


def read_recording(path: Path) -> None:
    from pspgrasp.bag.reading.info import info_of
    from pspgrasp.bag.reading.open import open_recordings
    from pspgrasp.bag.recording import Selection

    (info,) = info_of(path, Selection())
    assert "\n" not in info.why_not, info.why_not
    for recording in open_recordings([path], Selection()):
        assert recording.description
        details = [item.detail for item in recording if hasattr(item, "detail")]
        assert not [detail for detail in details if "\n" in detail]
        list(recording.grasps())


def read_compressed(path: Path, image_format: str) -> None:
    from pspgrasp.compressed_depth import decode_compressed_depth

    _check_depth(decode_compressed_depth(path.read_bytes(), image_format))


def read_image(path: Path) -> None:
    from pspgrasp.data.depth_file import read_depth

    _check_depth(read_depth(path, 0.001))


def read_dataset(path: Path) -> None:
    from pspgrasp.data.dataset import open_dataset

    for sample in open_dataset(path.parent if path.is_file() else path):
        _check_depth(sample.depth_m)
        _check_rectangles(sample.rectangles)


def read_boxes(path: Path) -> None:
    from pspgrasp.data.labelling.label_folder import open_label_folder
    from pspgrasp.data.labelling.rotated_boxes import import_boxes

    import_boxes(open_label_folder(path.parent, path.parent / "labels"), path)


def read_thing(path: Path) -> None:
    import numpy as np

    from pspgrasp.data.synthetic.meshes import read_mesh

    read_mesh.cache_clear()
    OPENED.clear()
    assert np.isfinite(read_mesh(path, 1.0)).all()
    assert set(OPENED) <= {str(path)}, OPENED


def read_training(path: Path) -> None:
    from pspgrasp.training.config import read_config

    read_config(path)


def read_parameters(path: Path) -> None:
    from pspgrasp.bag.options import node_config

    node_config(Namespace(params=path, runtime="", device=""))


def read_results(path: Path) -> None:
    from pspgrasp.evaluation.table import read_score
    from pspgrasp.study.piece import read_result

    (read_result if "_" in path.name else read_score)(path)


def run_command(path: Path, words: List[str]) -> None:
    """Run a command line in a folder: 0 is a value, 1 and 2 are errors of the user's, each with its text."""
    from pspgrasp.cli import main

    os.chdir(path)
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main(words)
        except SystemExit as end:
            code = end.code
    assert code in (0, 1, 2, 3), code
    if code == 1:
        said = [line for line in err.getvalue().splitlines() if not line.startswith("[ WARN:")]
        assert len(said) == 1, said
        assert said[0].startswith("pspgrasp: "), said
        raise PspGraspError(said[0])


def _check_depth(depth_m: Any) -> None:
    import numpy as np

    assert depth_m.dtype == np.float32
    assert depth_m.ndim == 2
    assert (np.isnan(depth_m) | (np.isfinite(depth_m) & (depth_m > 0))).all()


def _check_rectangles(rectangles: Any) -> None:
    import math

    for one in rectangles:
        assert all(math.isfinite(number) for number in vars(one).values()), one
        assert one.opening_px > 0, one
        assert one.jaw_px > 0, one


READERS: Dict[str, Callable[..., None]] = {
    "checkpoint": read_checkpoint,
    "published weights": read_published,
    "state of a run": read_state,
    "exported network": read_network,
    "recording": read_recording,
    "compressedDepth": read_compressed,
    "depth image": read_image,
    "labelled images": read_dataset,
    "boxes of other tools": read_boxes,
    "mesh": read_thing,
    "training config": read_training,
    "parameters in a file": read_parameters,
    "results": read_results,
    "command line": run_command,
}


def answered(reader: str, path: str, arguments: List[Any], limited: bool) -> Tuple[str, str, int]:
    """Return (value, refused or crashed; what was said; memory that it took [bytes])."""
    before = _status("VmRSS")
    RESET.write_text("5", encoding="ascii")  # the highest memory so far is that of now
    if limited:
        resource.setrlimit(resource.RLIMIT_AS, (_status("VmSize") + MOST_BYTES, resource.RLIM_INFINITY))
    try:
        READERS[reader](Path(path), *arguments)
        kind, said = "value", ""
    except PspGraspError as error:
        kind, said = "refused", str(error)
    except BaseException:  # noqa: BLE001 (whatever it is, it is told)
        kind, said = "crashed", traceback.format_exc()
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return kind, said, _status("VmHWM") - before


def _status(name: str) -> int:
    """Return a line of /proc/self/status [bytes]."""
    found = re.search(rf"^{name}:\s+(\d+) kB$", STATUS.read_text(encoding="ascii"), re.MULTILINE)
    assert found
    return int(found[1]) * 1024


def watch(event: str, arguments: Tuple[Any, ...]) -> None:
    """Note what is opened."""
    if event == "open" and not str(arguments[0]).startswith((sys.prefix, sys.base_prefix + "/lib", "/proc/")):
        OPENED.append(str(arguments[0]))


def serve() -> None:
    """Answer until there is no more to read."""
    warnings.simplefilter("ignore")
    sys.addaudithook(watch)
    for module in MODULES:
        with suppress(ImportError):  # an extra that isn't installed: its tests are skipped
            import_module(module)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    for line in sys.stdin:
        answers.write(json.dumps(answered(*json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
