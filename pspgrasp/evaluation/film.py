"""Pictures one after the other as a film that browsers play: H.264 in MP4."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Iterable, Iterator, Optional, Type

import numpy as np

from pspgrasp.errors import DataError, PspGraspError

#: Constant rate factor of x264, 0 (exact) to 51. Made pictures are smooth: 26 shows no fault.
OPTIONS = {"crf": "26", "preset": "medium"}


class Film:
    """A film to which pictures are added one by one; none is kept in memory.

    Use it in a `with` statement. At its end the file is there, whole; after an error what was there before still is.

    Attributes:
        frames: How many pictures it has.
    """

    def __init__(self, path: Path, fps: int) -> None:
        """Begin a film.

        Args:
            path: A .mp4 file; what is there is replaced.
            fps: Pictures a second.

        Raises:
            PspGraspError: PyAV is not installed, or the file can't be written.
        """
        self.frames = 0
        self._path, self._part, self._fps = path, path.with_name(f"{path.name}.part"), fps
        self._av = _library()
        self._stream: Optional[Any] = None
        with self._writing():
            # The index comes first: a browser plays what it has while the rest still loads.
            self._container = self._av.open(str(self._part), "w", format="mp4", options={"movflags": "+faststart"})

    def __enter__(self) -> Film:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        try:
            if error is not None:
                with suppress(OSError, self._av.FFmpegError):  # the first error is the one to be told
                    self._container.close()
                return
            self._end()
        finally:
            if self._part.exists():
                self._part.unlink()

    def add(self, frame: np.ndarray) -> None:
        """Add a picture (H, W, 3) uint8 BGR.

        Raises:
            DataError: It isn't one, it has another size than the first, or an odd side: H.264 halves the resolution of
                colour.
            PspGraspError: The file can't be written.
        """
        if (
            frame.ndim != 3
            or frame.shape[2] != 3
            or frame.dtype != np.uint8
            or frame.shape[0] % 2
            or frame.shape[1] % 2
        ):
            raise DataError(
                f"frame {self.frames} is {frame.shape} {frame.dtype}; it must be (H, W, 3) uint8, both even"
            )
        with self._writing():
            stream = self._stream_of(frame)
            if frame.shape[:2] != (stream.height, stream.width):
                size = f"{stream.width} x {stream.height}"
                raise DataError(f"frame {self.frames} is {frame.shape[1]} x {frame.shape[0]} px; the first was {size}")
            picture = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="bgr24")
            self._container.mux(stream.encode(picture))
        self.frames += 1

    def _stream_of(self, frame: np.ndarray) -> Any:
        """Return the stream; the first picture makes it."""
        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=self._fps, options=dict(OPTIONS))
            self._stream.height, self._stream.width = frame.shape[:2]
            self._stream.pix_fmt = "yuv420p"  # which every browser knows
        return self._stream

    def _end(self) -> None:
        with self._writing():
            if self._stream is not None:
                self._container.mux(self._stream.encode())
            self._container.close()
            if self._stream is None:
                raise DataError("a video needs one frame at least")
            self._part.replace(self._path)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, self._av.FFmpegError) as error:
            said = getattr(error, "strerror", None) or error
            raise PspGraspError(f"{self._path} can't be written: {said}") from error


def check_film() -> None:
    """Say before a long work whether a film of it can be made.

    Raises:
        PspGraspError: PyAV is not installed.
    """
    _library()


def _library() -> Any:
    try:
        import av
    except ImportError as error:
        raise PspGraspError("writing a video needs PyAV: pip install 'av>=12'") from error
    return av


def write_video(path: Path, frames: Iterable[np.ndarray], fps: int) -> int:
    """Write a film of pictures (H, W, 3) uint8 BGR, and return how many they were; see `Film`.

    Raises:
        DataError: No picture, or one that doesn't fit.
        PspGraspError: PyAV is not installed, or the file can't be written.
    """
    with Film(path, fps) as film:
        for frame in frames:
            film.add(frame)
    return film.frames
