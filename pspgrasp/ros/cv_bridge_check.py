"""Does the installed cv_bridge live with the installed numpy? Asked before a conversion can crash the node."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from pspgrasp.errors import PspGraspError

#: A conversion that calls cv_bridge's compiled part, which was built for one major version of numpy.
PROBE = (
    "import numpy, cv_bridge; b = cv_bridge.CvBridge(); "
    "m = b.cv2_to_imgmsg(numpy.zeros((2, 2, 3), numpy.uint8), 'bgr8'); b.imgmsg_to_cv2(m, 'rgb8')"
)


def check_cv_bridge() -> None:
    """Try a conversion in another process if numpy is 2 or later; ROS 1's cv_bridge is built for numpy 1.

    Raises:
        PspGraspError: The conversion fails or crashes.
    """
    if int(np.__version__.split(".")[0]) < 2:
        return
    probe = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=False)
    if probe.returncode:
        last = (probe.stderr.strip().splitlines() or [f"exit status {probe.returncode}"])[-1]
        raise PspGraspError(
            f"cv_bridge does not work with numpy {np.__version__} ({last}); "
            "install 'numpy<2' beside it, with 'opencv-python-headless<4.12'"
        )
