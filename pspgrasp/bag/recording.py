"""What a recording is, wherever it comes from: depth frames in the order they were recorded, and what lies beside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterator, NamedTuple, Optional, Protocol, Tuple, Union

import numpy as np

from pspgrasp.depth import DepthFrame

Told = Callable[[int, int], None]  # how much is done, of how much


def silent(_done: int, _expected: int) -> None:
    """Tell nobody."""


class RecordedFrame(NamedTuple):
    """One depth image.

    Attributes:
        number: Place among the depth images of its recording, faulty ones counted, from 0.
        frame: The image with its camera, its frame_id and its stamp, as the live node would get it.
        recorded_ns: When it was written [ns]; the stamp where that isn't known.
        anew: Whether stamps went back before it: the live node drops an image then, and begins anew with the next.
    """

    number: int
    frame: DepthFrame
    recorded_ns: int
    anew: bool = False


class Fault(NamedTuple):
    """Something that couldn't be read, or that isn't as it should be; reading goes on behind it.

    Attributes:
        number: Of the depth image, as in `RecordedFrame`; -1 where it is none.
        kind: One word or two, for counting: "truncated", "no camera_info", "bad depth", "stamp goes back"...
        detail: One line for the user.
    """

    number: int
    kind: str
    detail: str


class RecordedGrasp(NamedTuple):
    """A grasp that the robot's own detector published while the bag was recorded.

    Attributes:
        topic: On which.
        stamp_ns: Of the image it is for where the message says so, else when it was written [ns].
        exact: Whether the stamp is that of an image.
        position_m: (3,), in the optical frame [m].
        angle_rad: As in `ImageGrasp`.
        width: Its opening.
        width_unit: "m" or "px": GG-CNN's command says pixels.
    """

    topic: str
    stamp_ns: int
    exact: bool
    position_m: np.ndarray
    angle_rad: float
    width: float
    width_unit: str


class Poses(Protocol):
    """Where a camera was."""

    def at(self, stamp_ns: int) -> np.ndarray:
        """Return (4, 4), optical frame in a frame that stands still. Times are asked for as frames come.

        Raises:
            DataError: It isn't known at that time.
        """


class Recording(Protocol):
    """The contract of a source of depth frames. It is read once from front to back, and never written to."""

    @property
    def name(self) -> str:
        """For reports: the file or folder, and the topic if there is more than one."""

    @property
    def description(self) -> str:
        """Say what is read: kind, topics, images, seconds."""

    @property
    def has_guessed_camera(self) -> bool:
        """Whether nobody said what camera it was, so that lengths in space may be wrong."""

    def __len__(self) -> int:
        """How many depth images it says it has; a damaged one may give fewer."""

    def __iter__(self) -> Iterator[Union[RecordedFrame, Fault]]:
        """Yield frames as they were recorded, and faults where they are met."""

    def look_beside(self, told: Told = silent) -> Iterator[Fault]:
        """Go once through what says where the camera was, if anything does, and yield what can't be read of it.

        Who doesn't call this has it done by `grasps` or `poses`, and isn't told.
        """

    def grasps(self) -> Iterator[Union[RecordedGrasp, Fault]]:
        """Yield what the robot's own detector published, the best grasp of each message, or why there is none."""

    def poses(self) -> Union[Poses, None]:
        """Return where the camera was; None where the recording doesn't say."""


@dataclass(frozen=True)
class Selection:
    """Which part of a recording is read.

    Attributes:
        depth_topic: Of the depth image; "" finds it by type.
        info_topic: Of its camera_info; "" finds it by name.
        start_s: Seconds from the beginning that are left out.
        seconds: Of what follows; 0 is all.
        every: Each so many-th image is read, from the first.
        most: Images at most; 0 is all.
        camera: fx, fy, cx, cy [px] instead of a recorded camera_info.
        pose_topic: Of PoseStamped messages that say where the camera was; "" takes TF.
        fixed_frame: The frame of TF that stands still; "" takes the root that the camera hangs from.
        command_width: Whose pixels the widths of recorded `ggcnn/out/command` are: those of the map of GG-CNN's node
            kinova or mvp, or of the depth "image".
    """

    depth_topic: str = ""
    info_topic: str = ""
    start_s: float = 0.0
    seconds: float = 0.0
    every: int = 1
    most: int = 0
    camera: Optional[Tuple[float, float, float, float]] = None
    pose_topic: str = ""
    fixed_frame: str = ""
    command_width: str = "kinova"
