"""Between a camera's callback and the worker: the newest first, the rest forgotten."""

from __future__ import annotations

import threading

from pspgrasp.ros.mailbox import Mailbox


def test_the_newest_item_is_taken_once() -> None:
    mailbox: Mailbox[int] = Mailbox()
    for item in (1, 2, 3):
        mailbox.put(item)
    assert mailbox.take(timeout_s=0) == 3
    assert mailbox.take(timeout_s=0) is None
    assert (mailbox.received, mailbox.dropped) == (3, 2)


def test_take_wakes_up_when_an_item_comes() -> None:
    mailbox: Mailbox[str] = Mailbox()
    threading.Timer(0.05, mailbox.put, ["late"]).start()
    assert mailbox.take(timeout_s=30) == "late"


def test_wait_for_sees_only_what_comes_after_the_call_and_takes_nothing() -> None:
    mailbox: Mailbox[int] = Mailbox()
    mailbox.put(10)
    assert mailbox.wait_for(lambda item: item == 10, timeout_s=0.05) is None
    feeder = threading.Thread(target=lambda: [mailbox.put(item) for item in (11, 20)])
    threading.Timer(0.05, feeder.start).start()
    assert mailbox.wait_for(lambda item: item >= 20, timeout_s=30) == 20
    assert mailbox.take(timeout_s=0) == 20


def test_what_was_taken_for_nothing_is_dropped() -> None:
    mailbox: Mailbox[int] = Mailbox()
    mailbox.put(1)
    assert mailbox.take(0.0) == 1
    mailbox.drop()
    assert (mailbox.received, mailbox.dropped) == (1, 1)
