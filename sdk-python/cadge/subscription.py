"""A subscription: an iterator that reconnects, resumes and acknowledges.

A thread reads ahead by a response or two, and ends with `close`. It takes no signals, and the caller only ever waits
for a condition, so a subscription can be interrupted, and asked again, in a notebook too.
"""

from __future__ import annotations

import threading
import weakref
from types import TracebackType
from typing import Iterator, Optional

import grpc

from . import _course
from ._course import Course
from ._link import Connect, Link
from ._settings import Settings
from .alert import Alert


class Subscription(Iterator[Alert]):
    """Every alert from where it starts, and new ones as they come. `Client.subscribe` makes it.

    It reconnects by itself and goes on where it was; it raises only what no second try can mend.
    """

    def __init__(
        self, settings: Settings, channel: grpc.Channel, connect: Connect, course: Course, manual: bool
    ) -> None:
        self._course = course
        self._manual = manual
        self._given = 0
        self._link = Link(settings, connect, course)
        self._thread = threading.Thread(target=self._link.run, args=(channel,), name="cadge-subscription", daemon=True)
        # The thread knows nothing of this object: one that is forgotten without `close` ends it.
        self._forgotten = weakref.finalize(self, self._link.abandon)
        self._thread.start()

    def __iter__(self) -> Subscription:
        return self

    def __next__(self) -> Alert:
        if not self._manual:
            self._course.acknowledge(self._given)
        while True:
            for alert in self._link.alerts:
                self._given = alert.position
                return alert
            if not self._link.wait():
                raise StopIteration

    def batch(self) -> list[Alert]:
        """The alerts that are there already, or else the next ones; none after `close`.

        For who deals with many at once: all of them count as given together.
        """
        if not self._manual:
            self._course.acknowledge(self._given)
        while not (batch := list(self._link.alerts)):
            if not self._link.wait():
                return []
        self._given = batch[-1].position
        return batch

    def acknowledge(self, position: int) -> None:
        """Says that everything up to a position is dealt with. The hub hears of it soon after."""
        self._course.acknowledge(position)

    def close(self) -> None:
        """Sends the last acknowledgement and ends. What the caller waits for in another thread ends too.

        Waits up to two seconds until the hub has the acknowledgement on disk.
        """
        self._link.close()
        # It may be connecting just now: then it ends by itself a little later.
        self._thread.join(_course.CLOSE_SECONDS)
        self._forgotten.detach()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()
