"""Rows of the physics bench whose grasps come from a live node by topic: a robot's whole road, judged by lifting."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Iterator, Tuple

import numpy as np
from std_msgs.msg import Float32MultiArray

from pspgrasp.depth import DepthFrame
from pspgrasp.ggcnn_api import SIDE_PX
from pspgrasp.ggcnn_stream import PRESETS
from pspgrasp.grasp import Grasp, wrap_half_turn
from pspgrasp.ros.live_node import LiveNode, on_the_graph
from pspgrasp.ros.mailbox import Mailbox
from pspgrasp.ros.messages import from_grasp_msg

if TYPE_CHECKING:
    from pspgrasp.sim.rows import Row
    from pspgrasp.sim.shot import Shot

COMMAND = "ggcnn/out/command"
COMMAND_S = 0.5  # by which a command may come behind the grasps of its image


class GraspsTopicRow:
    """The node's own road: an image in, `~grasps` with its stamp out.

    Attributes:
        name: For reports.
        timed: The time that it takes is the node's, and that of ROS.
    """

    name, timed = "ros-grasps", True

    def __init__(self, node: LiveNode) -> None:
        """Take the node that is judged."""
        self._node = node

    @property
    def description(self) -> str:
        """Say how it comes to a grasp."""
        return f"best of ~grasps of the node {self._node.told()}; images as {self._node.encoding}"

    def __call__(self, shot: Shot) -> Tuple[Grasp, ...]:
        """Return grasps in the optical frame, best first.

        Raises:
            SilentNodeError: The node doesn't answer.
        """
        array = self._node.judged(shot.frame, height_m(shot))
        return tuple(from_grasp_msg(msg) for msg in array.grasps)


class GgcnnCommandRow:
    """GG-CNN's road: the six floats of `ggcnn/out/command`, as a robot built for GG-CNN reads them.

    Attributes:
        name: For reports.
        timed: The time that it takes is the node's, and that of ROS.
    """

    name, timed = "ros-command", True

    def __init__(self, node: LiveNode) -> None:
        """Listen to the commands of a node.

        Raises:
            SilentNodeError: It publishes none.
        """
        self._node = node
        self._commands: Mailbox[Float32MultiArray] = node.listen(COMMAND, Float32MultiArray)
        preset, strict = PRESETS[node.config.ggcnn], node.config.quirks == "strict"
        self._map_px = preset.crop_px / SIDE_PX if strict else 1.0

    @property
    def description(self) -> str:
        """Say how it comes to a grasp."""
        return f"{COMMAND} of the node {self._node.told()}; images as {self._node.encoding}; width by the pinhole"

    def __call__(self, shot: Shot) -> Tuple[Grasp, ...]:
        """Return the grasp of the command; none where the node judged the image and sent no command, as GG-CNN does.

        Raises:
            SilentNodeError: The node doesn't answer.
        """
        # A command has no stamp. It is of this image, since no other is under way: the node hands an image's command
        # to ROS before it works out its ~grasps, which do have the stamp, and nothing is published until they came.
        self._commands.take(0.0)
        self._node.judged(shot.frame, height_m(shot))
        command = self._commands.take(COMMAND_S)
        return () if command is None else (self._grasp(command.data, shot.frame),)

    def _grasp(self, command: Tuple[float, ...], frame: DepthFrame) -> Grasp:
        x_m, y_m, z_m, angle_rad, width_px, _ = command
        width_m = frame.camera.length_m(max(0.0, width_px) * self._map_px, angle_rad, z_m)
        # A command says nothing of quality.
        return Grasp(np.array((x_m, y_m, z_m)), wrap_half_turn(angle_rad), width_m, 1.0)


def height_m(shot: Shot) -> float:
    """Return how high the robot believes its camera to be above the table [m]."""
    return float(shot.believed_pose[2, 3])


@contextmanager
def rows_through(name: str, encoding: str = "16UC1") -> Iterator[Tuple[Row, ...]]:
    """Yield the rows of a node that runs: its own topic's, and GG-CNN's where it speaks it.

    Args:
        name: Of the node.
        encoding: See `LiveNode`.

    Raises:
        SilentNodeError: There is no ROS master, no such node, or it doesn't answer.
        ConfigError: See `LiveNode`.
    """
    with on_the_graph(), closing(LiveNode(name, encoding)) as node:
        yield (GraspsTopicRow(node), *((GgcnnCommandRow(node),) if node.speaks_ggcnn else ()))
