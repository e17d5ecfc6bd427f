"""The task behind a subscription: it connects, reads ahead by a response or two, and acknowledges."""

from __future__ import annotations

import asyncio
import time
from typing import Awaitable, Callable, Optional

import grpc
import grpc.aio

from .. import _course, _wire
from .._course import Course
from .._settings import Settings
from ..alert import Alert
from ..errors import Error
from ._channel import TwoWay, read, two_way

Connect = Callable[[], Awaitable[grpc.aio.Channel]]
"""Makes one more connection."""


class Link:
    """The task behind a subscription."""

    def __init__(self, settings: Settings, connect: Connect, course: Course) -> None:
        self._settings = settings
        self._connect = connect
        self._course = course
        self._queue: list[list[Alert]] = []
        self._changed = asyncio.Condition()
        self._error: Optional[Exception] = None
        self._has_ended = False
        self._closing = asyncio.Event()
        # Of the connection that is there now.
        self._channel: Optional[grpc.aio.Channel] = None
        self._call: Optional[TwoWay] = None
        self._acknowledging: Optional[asyncio.Task[None]] = None

    async def wait(self) -> Optional[list[Alert]]:
        """The next alerts; `None` after `close`."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._queue or self._has_ended or self._closing.is_set())
            if self._queue and not self._closing.is_set():
                self._changed.notify_all()
                return self._queue.pop(0)
            error, self._error = self._error, None
        if error is not None:
            raise error
        return None

    async def close(self) -> None:
        """Waits until the hub has the last acknowledgement."""
        async with self._changed:
            self._closing.set()
            self._queue.clear()
            self._changed.notify_all()
        call, channel, acknowledging = self._call, self._channel, self._acknowledging
        if call is not None and channel is not None and acknowledging is not None:
            await asyncio.wait([acknowledging], timeout=_course.CLOSE_SECONDS)
            await self._confirm(call, channel)

    async def run(self, channel: grpc.aio.Channel) -> None:
        """The task. The first connection is the client's."""
        own: Optional[grpc.aio.Channel] = None
        try:
            while True:
                error = await self._stream(own or channel)
                if self._closing.is_set():
                    return
                if not error.is_transient:
                    self._error = error
                    return
                if own is not None:
                    await own.close()
                own = await self._reconnected()
                if own is None:
                    return
        except Exception as error:
            # Nothing that was foreseen: the caller has to hear of it.
            self._error = error
        finally:
            if own is not None:
                await own.close()
            async with self._changed:
                self._has_ended = True
                self._changed.notify_all()

    async def _reconnected(self) -> Optional[grpc.aio.Channel]:
        """A new connection; `None` is that nobody wants one any more."""
        while not self._closing.is_set():
            await asyncio.sleep(self._course.back_off.pause())
            try:
                return await self._connect()
            except Error as error:
                if not error.is_transient:
                    self._error = error
                    return None
        return None

    async def _stream(self, channel: grpc.aio.Channel) -> Error:
        """One connection's life, and what ended it."""
        has_begun = False
        try:
            call = two_way(channel, self._settings, _wire.SUBSCRIBE)
        except Error as error:
            return error
        self._channel, self._call = channel, call
        self._acknowledging = asyncio.get_running_loop().create_task(self._acknowledge(call))
        try:
            while (data := await read(call)) is not None:
                has_begun = True
                await self._pass_on(self._course.take(data))
            return self._course.stopping()
        except grpc.aio.AioRpcError as error:
            return _wire.classify(error, self._settings, has_begun)
        except Error as error:
            return error
        finally:
            self._channel = self._call = None
            self._acknowledging.cancel()
            call.cancel()

    async def _pass_on(self, batch: list[Alert]) -> None:
        """Waits for the caller: so a slow one holds the hub up, and nothing grows. Once it closes, nothing waits: the
        hub takes the last acknowledgement only when its alerts are read."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._queue) < _course.QUEUE or self._closing.is_set())
            if batch and not self._closing.is_set():
                self._queue.append(batch)
                self._changed.notify_all()

    async def _acknowledge(self, call: TwoWay) -> None:
        """Sends what a connection sends, the last of it once the caller closes."""
        try:
            await call.write(self._course.begin())
            while not self._closing.is_set():
                try:
                    await asyncio.wait_for(self._closing.wait(), _course.ACKNOWLEDGE_SECONDS)
                except asyncio.TimeoutError:
                    pass
                request = self._course.due()
                if request is not None:
                    await call.write(request)
            await call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # Who reads hears of it too.
            pass

    async def _confirm(self, call: TwoWay, channel: grpc.aio.Channel) -> None:
        """Waits until the hub has the last acknowledgement: it answers none, but says where the cursor is."""
        end = time.monotonic() + _course.CLOSE_SECONDS
        pause = 0.01
        while self._course.acknowledged and self._call is call and time.monotonic() < end:
            try:
                ask = two_way(channel, self._settings, _wire.SUBSCRIBE, max(0.1, end - time.monotonic()))
                try:
                    await ask.write(self._course.place())
                    data = await read(ask)
                    if data is None or self._course.is_kept(data):
                        return
                finally:
                    ask.cancel()
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError, Error):
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.2)
