"""A subscription: an asynchronous iterator that reconnects, resumes and acknowledges."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import AsyncIterator, Iterator, Optional

import grpc
import grpc.aio

from .._course import Course
from .._settings import Settings
from ..alert import Alert
from ._link import Connect, Link


class Subscription(AsyncIterator[Alert]):
    """Every alert from where it starts, and new ones as they come. `Client.subscribe` makes it.

    It reconnects by itself and goes on where it was; it raises only what no second try can mend.
    """

    def __init__(
        self, settings: Settings, channel: grpc.aio.Channel, connect: Connect, course: Course, manual: bool
    ) -> None:
        self._course = course
        self._manual = manual
        self._given = 0
        self._alerts: Iterator[Alert] = iter(())
        self._link = Link(settings, connect, course)
        self._loop = asyncio.get_running_loop()
        # The task knows nothing of this object: one that is forgotten without `close` ends it.
        self._task = self._loop.create_task(self._link.run(channel))

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Alert:
        if not self._manual:
            self._course.acknowledge(self._given)
        for alert in self._alerts:
            self._given = alert.position
            return alert
        batch = await self._link.wait()
        if batch is None:
            raise StopAsyncIteration
        self._alerts = iter(batch)
        alert = next(self._alerts)
        self._given = alert.position
        return alert

    async def batch(self) -> list[Alert]:
        """The alerts that are there already, or else the next ones; none after `close`.

        For who deals with many at once: all of them count as given together.
        """
        if not self._manual:
            self._course.acknowledge(self._given)
        batch = list(self._alerts) or await self._link.wait() or []
        self._given = batch[-1].position if batch else self._given
        return batch

    def acknowledge(self, position: int) -> None:
        """Says that everything up to a position is dealt with. The hub hears of it soon after."""
        self._course.acknowledge(position)

    async def close(self) -> None:
        """Sends the last acknowledgement and ends. What another task waits for ends too.

        Waits up to two seconds until the hub has the acknowledgement on disk.
        """
        self._alerts = iter(())
        try:
            await self._link.close()
        finally:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def __aenter__(self) -> Subscription:
        return self

    async def __aexit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        task: Optional[asyncio.Task[None]] = getattr(self, "_task", None)
        if task is not None and not task.done() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(task.cancel)
