"""The thread behind a subscription: it connects, reads ahead by a response or two, and acknowledges."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Callable, Iterator, Optional

import grpc

from . import _course, _wire
from ._course import Course
from ._settings import Settings
from .alert import Alert
from .errors import Error

Connect = Callable[[], grpc.Channel]
"""Makes one more connection."""


class Link:
    """The thread behind a subscription."""

    def __init__(self, settings: Settings, connect: Connect, course: Course) -> None:
        self._settings = settings
        self._connect = connect
        self._course = course
        self._changed = threading.Condition()
        self.alerts: Iterator[Alert] = iter(())
        """Those that are the caller's turn."""
        self._queue: deque[list[Alert]] = deque()
        self._error: Optional[Exception] = None
        self._has_ended = False
        self._closing = threading.Event()
        # Of the connection that is there now.
        self._channel: Optional[grpc.Channel] = None
        self._requests: Optional[_Requests] = None
        self._cancel: Callable[[], object] = lambda: None

    def wait(self) -> bool:
        """Waits for the next alerts. Answers whether there are any: there are none after `close`."""
        with self._changed:
            while not self._queue and not self._has_ended and not self._closing.is_set():
                # Without a time no signal would get through on some systems.
                self._changed.wait(1.0)
            if self._queue and not self._closing.is_set():
                # In this order: an interrupt in between loses nothing.
                self.alerts = iter(self._queue[0])
                self._queue.popleft()
                self._changed.notify_all()
                return True
            error, self._error = self._error, None
        if error is not None:
            raise error
        return False

    def close(self) -> None:
        """Ends the thread, once the hub has the last acknowledgement."""
        with self._changed:
            self._closing.set()
            self._queue.clear()
            self.alerts = iter(())
            self._changed.notify_all()
            requests, channel = self._requests, self._channel
        try:
            if requests is not None and channel is not None:
                requests.close()
                self._confirm(requests, channel)
        finally:
            self._cancel()

    def abandon(self) -> None:
        """Ends the thread, and waits for nothing."""
        self._closing.set()
        if self._requests is not None:
            self._requests.end()
        self._cancel()

    def run(self, channel: grpc.Channel) -> None:
        """The thread. The first connection is the client's."""
        own: Optional[grpc.Channel] = None
        try:
            while True:
                error = self._stream(own or channel)
                if self._closing.is_set():
                    return
                if not error.is_transient:
                    self._error = error
                    return
                if own is not None:
                    own.close()
                own = self._reconnected()
                if own is None:
                    return
        except Exception as error:
            # Nothing that was foreseen: the caller has to hear of it.
            self._error = error
        finally:
            if own is not None:
                own.close()
            with self._changed:
                self._has_ended = True
                self._changed.notify_all()

    def _reconnected(self) -> Optional[grpc.Channel]:
        """A new connection; `None` is that nobody wants one any more."""
        while not self._closing.wait(self._course.back_off.pause()):
            try:
                return self._connect()
            except Error as error:
                if not error.is_transient:
                    self._error = error
                    return None
        return None

    def _stream(self, channel: grpc.Channel) -> Error:
        """One connection's life, and what ended it."""
        requests = _Requests(self._course)
        has_begun = False
        try:
            call = _wire.two_way(channel, self._settings, _wire.SUBSCRIBE, requests)
        except Error as error:
            return error
        with self._changed:
            self._channel, self._requests, self._cancel = channel, requests, call.cancel
        try:
            if self._closing.is_set():
                # Who closed knew nothing of this call.
                return self._course.stopping()
            for data in call:
                has_begun = True
                self._pass_on(self._course.take(data))
            return self._course.stopping()
        except grpc.RpcError as error:
            return _wire.classify(error, self._settings, has_begun)
        except Error as error:
            return error
        finally:
            with self._changed:
                self._channel = self._requests = None
            requests.end()
            call.cancel()

    def _pass_on(self, batch: list[Alert]) -> None:
        """Waits for the caller: so a slow one holds the hub up, and nothing grows. Once it closes, nothing waits: the
        hub takes the last acknowledgement only when its alerts are read."""
        with self._changed:
            while len(self._queue) >= _course.QUEUE and not self._closing.is_set():
                self._changed.wait(1.0)
            if batch and not self._closing.is_set():
                self._queue.append(batch)
                self._changed.notify_all()

    def _confirm(self, requests: _Requests, channel: grpc.Channel) -> None:
        """Waits until the hub has the last acknowledgement: it answers none, but says where the cursor is."""
        end = time.monotonic() + _course.CLOSE_SECONDS
        pause = 0.01
        requests.sent.wait(_course.CLOSE_SECONDS)
        while self._course.acknowledged and self._requests is requests and time.monotonic() < end:
            try:
                left = max(0.1, end - time.monotonic())
                ask = iter([self._course.place()])
                call = _wire.two_way(channel, self._settings, _wire.SUBSCRIBE, ask, left)
                try:
                    if self._course.is_kept(next(call)):
                        return
                finally:
                    call.cancel()
            except (grpc.RpcError, Error, StopIteration):
                return
            time.sleep(pause)
            pause = min(pause * 2, 0.2)


class _Requests(Iterator[bytes]):
    """What a connection sends: gRPC takes it in a thread of its own, and waits here for the next."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._first: Optional[bytes] = course.begin()
        self._closing = threading.Event()
        self._has_ended = False
        self.sent = threading.Event()
        """The last request was sent."""

    def __next__(self) -> bytes:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        while not self._has_ended:
            is_last = self._closing.wait(_course.ACKNOWLEDGE_SECONDS)
            if self._has_ended:
                break
            request = self._course.due()
            if request is not None:
                return request
            if is_last:
                break
        self.sent.set()
        raise StopIteration

    def close(self) -> None:
        """Sends what is due, and ends."""
        self._closing.set()

    def end(self) -> None:
        """Ends."""
        self._has_ended = True
        self._closing.set()
