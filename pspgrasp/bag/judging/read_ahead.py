"""A recording is read and decoded while a network works."""

from __future__ import annotations

import queue
import threading
import time
from types import TracebackType
from typing import Iterator, Optional, Type, Union

from pspgrasp.bag.recording import Fault, RecordedFrame, Recording
from pspgrasp.errors import DataError

AHEAD = 4  # decoded frames in waiting: enough to never wait for a slow one, and memory stays flat
LOOK_S = 0.1  # after which the reading thread looks whether anybody still listens

Item = Union[RecordedFrame, Fault]
UNREADABLE = (DataError, OSError)  # what a recording, and the disk that it lies on, may raise


def reading_failed(error: Exception, what: str = "") -> Fault:
    """Return an error of reading as a fault.

    Args:
        error: One of `UNREADABLE`.
        what: Was read, with a colon; "" are the images.
    """
    return Fault(-1, "reading failed", f"{what}{error}")


class ReadAhead:
    """Reads a recording in a thread of its own, a few frames ahead.

    Attributes:
        read_s: Time that reading and decoding took [s].
    """

    def __init__(self, recording: Recording, ahead: int = AHEAD) -> None:
        self.read_s = 0.0
        self._recording = recording
        self._queue: queue.Queue[Union[Item, BaseException, None]] = queue.Queue(ahead)
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._read, name="reader", daemon=True)

    def __enter__(self) -> ReadAhead:
        self._thread.start()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._left.set()
        self._thread.join()

    def __iter__(self) -> Iterator[Item]:
        """Yield what the recording yields; where reading fails, in the end a fault that says why."""
        while True:
            item = self._queue.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def _read(self) -> None:
        try:
            self._read_all()
        except UNREADABLE as error:
            self._put(reading_failed(error))
            self._put(None)
        except Exception as error:  # noqa: BLE001 (raised again in the thread that takes the frames)
            self._put(error)

    def _read_all(self) -> None:
        items = iter(self._recording)
        while not self._left.is_set():
            start_s = time.perf_counter()
            item = next(items, None)
            self.read_s += time.perf_counter() - start_s
            self._put(item)
            if item is None:
                return

    def _put(self, item: Union[Item, BaseException, None]) -> None:
        while not self._left.is_set():
            try:
                self._queue.put(item, timeout=LOOK_S)
                return
            except queue.Full:
                pass
