"""From a bag's messages to depth frames, as the live node would get them."""

from __future__ import annotations

from typing import Any, Iterator, NamedTuple, Optional, Tuple, Union

from pspgrasp.bag.formats.container import Loss, Message
from pspgrasp.bag.reading.messages import Decoder, camera_of, depth_m_of, stamp_ns
from pspgrasp.bag.recording import Fault, RecordedFrame
from pspgrasp.camera import PinholeCamera
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import DataError, DepthError

Intrinsics = Tuple[float, float, float, float]


class BagImage(NamedTuple):
    """An image before it is decoded.

    Attributes:
        number: Among the images of its recording.
        recorded_ns: When it was recorded [ns].
        item: The image.
        info: Its camera_info; None where there is none.
    """

    number: int
    recorded_ns: int
    item: Union[Message, Loss]
    info: Union[Message, None]


class FrameReader:
    """Decodes the images of one recording, one by one."""

    def __init__(self, decoder: Decoder, intrinsics: Optional[Intrinsics]) -> None:
        """Take the intrinsics (fx, fy, cx, cy) [px] of every image from the user, or from its camera_info."""
        self._decoder, self._intrinsics = decoder, intrinsics
        self._info: Union[Message, None] = None
        self._camera: Union[PinholeCamera, str] = ""
        self._last_ns, self._anew = -1, False

    def read(self, image: BagImage) -> Iterator[Union[RecordedFrame, Fault]]:
        """Yield the frame, or why there is none; before it, what is strange about it."""
        if isinstance(image.item, Loss):
            yield Fault(image.number, image.item.kind, image.item.detail)
            return
        try:
            msg, trailing_bytes = self._decoder.decode(image.item)
        except DataError as error:
            yield Fault(image.number, "bad message", str(error))
            return
        back_ns, self._last_ns = self._last_ns - stamp_ns(msg), stamp_ns(msg)
        if back_ns > 0:
            self._anew = True
            yield Fault(image.number, "stamp goes back", f"by {back_ns / 1e9:.3f} s; the live node drops such an image")
            return
        if trailing_bytes:
            yield Fault(image.number, "trailing bytes", f"{trailing_bytes} bytes behind the message are left out")
        yield self._frame(image, msg)

    def _frame(self, image: BagImage, msg: Any) -> Union[RecordedFrame, Fault]:
        try:
            depth_m = depth_m_of(msg)
        except DepthError as error:
            return Fault(image.number, "bad depth", str(error))
        camera = self._camera_at(image.info, depth_m.shape)
        if isinstance(camera, str):
            return Fault(image.number, "no camera_info", camera)
        try:
            frame = DepthFrame(depth_m, camera, msg.header.frame_id, stamp_ns(msg))
        except DepthError as error:
            return Fault(image.number, "bad camera_info", str(error))
        anew, self._anew = self._anew, False
        return RecordedFrame(image.number, frame, image.recorded_ns, anew)

    def _camera_at(self, info: Union[Message, None], shape: Tuple[int, ...]) -> Union[PinholeCamera, str]:
        """Return the camera, or why there is none."""
        if self._intrinsics:
            return PinholeCamera(shape[1], shape[0], *self._intrinsics)
        if info is None:
            return "none can be read; --camera FX FY CX CY gives one"
        if info is not self._info:
            try:
                self._info, self._camera = info, camera_of(self._decoder.decode(info).msg)
            except (DataError, DepthError) as error:
                self._info, self._camera = info, str(error)
        return self._camera
