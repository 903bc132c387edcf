"""A log that can't be written is lost, and nothing else: on a full disk rospy raises in the thread that has to tell."""

from __future__ import annotations

import logging
from contextlib import suppress


class Losing(logging.Handler):
    """Hands records to another handler, and loses those that it can't write."""

    def __init__(self, handler: logging.Handler) -> None:
        """Take the handler's place."""
        super().__init__(handler.level)
        self._handler = handler

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or lose it."""
        with suppress(OSError):
            self._handler.handle(record)


def let_logs_be_lost() -> None:
    """Let the node's messages to terminal and file be lost where they can't be written; call after `init_node`."""
    logging.raiseExceptions = False  # a file's handler would print a traceback for each
    logger = logging.getLogger("rosout")
    logger.handlers[:] = [Losing(handler) for handler in logger.handlers]
