"""The client: a connection to a hub, and the calls. Each does what that of `cadge.Client` does."""

from __future__ import annotations

import asyncio
import weakref
from datetime import datetime, timedelta
from types import TracebackType
from typing import AsyncIterator, Generator, Iterable, Optional, Sequence, Union

import grpc
import grpc.aio

from .. import _requests, _wire
from .._course import Course
from .._pushing import Pushing
from .._requests import Start, Where
from .._settings import Pem, Settings, resolve
from ..alert import Alert
from ..event import Event
from ..history import Counted, Dimension, Page, Version
from ..v1 import alert_pb2, history_pb2, subscribe_pb2
from . import _channel, _push
from .subscription import Subscription


def connect(
    hub: Optional[str] = None,
    *,
    ca: Optional[Pem] = None,
    cert: Optional[Pem] = None,
    key: Optional[Pem] = None,
    token: Optional[str] = None,
) -> Connecting:
    """Connects as `cadge.connect` does: `hub = await connect()`, or `async with connect() as hub`."""
    return Connecting(resolve(hub, ca, cert, key, token))


class Connecting:
    """A connection that is wanted."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Optional[Client] = None

    def __await__(self) -> Generator[None, None, Client]:
        return self._connect().__await__()

    async def __aenter__(self) -> Client:
        self._client = await self._connect()
        return self._client

    async def __aexit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self._client is not None:
            await self._client.close()

    async def _connect(self) -> Client:
        return Client(self._settings, await _channel.connected(self._settings))


class Client:
    """A connection to a hub. Tasks of its loop may share it."""

    def __init__(self, settings: Settings, channel: grpc.aio.Channel) -> None:
        self._settings = settings
        self._channel = channel
        self._subscriptions: weakref.WeakSet[Subscription] = weakref.WeakSet()
        self._is_closed = False

    async def close(self) -> None:
        """Ends the connection and its subscriptions."""
        self._is_closed = True
        await asyncio.gather(*(subscription.close() for subscription in list(self._subscriptions)))
        await self._channel.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()

    async def version(self, *, timeout: Optional[float] = None) -> Version:
        """The versions of the hub and of its rule engine."""
        return await _channel.version(self._channel, self._settings, timeout)

    async def get(
        self,
        after: int = 0,
        *,
        limit: int = 0,
        since: Optional[datetime] = None,
        until: Optional[datetime] = None,
        filter: str = "",
        fields: Sequence[str] = (),
        timeout: Optional[float] = None,
    ) -> AsyncIterator[Alert]:
        """The alerts after a position in the log."""
        request = _requests.get(after, limit, since, until, filter, fields)
        async for data in self._answers(_wire.GET, request, timeout):
            for entry in _wire.decode(subscribe_pb2.SubscribeResponse, data, self._settings).entries:
                yield _requests.alert(entry.position, entry.alert)

    async def get_new(self, *, timeout: Optional[float] = None) -> AsyncIterator[Alert]:
        """The alerts that the caller's identity has not had yet, as Falco's own `get`."""
        async for data in self._answers(_wire.GET_NEW, b"", timeout):
            yield _requests.alert(0, _wire.decode(alert_pb2.Alert, data, self._settings))

    def subscribe(
        self,
        cursor: Optional[str] = None,
        *,
        start: Optional[Start] = None,
        filter: str = "",
        fields: Sequence[str] = (),
        manual: bool = False,
    ) -> Subscription:
        """Every alert from where it starts, and new ones as they come, for ever."""
        self._check()
        course = Course(self._settings, cursor, start, filter, fields)
        settings = self._settings
        subscription = Subscription(settings, self._channel, lambda: _channel.connected(settings), course, manual)
        self._subscriptions.add(subscription)
        return subscription

    async def search(
        self,
        where: Optional[Where] = None,
        *,
        since: Optional[datetime] = None,
        until: Optional[datetime] = None,
        filter: str = "",
        fields: Sequence[str] = (),
        oldest_first: bool = False,
        limit: int = 100,
        page: int = 0,
        timeout: Optional[float] = None,
    ) -> Page:
        """A page of the alerts that meet every condition."""
        request = _requests.search(where, since, until, filter, fields, oldest_first, limit, page)
        answers = [data async for data in self._answers(_wire.SEARCH, request, timeout)]
        return _requests.page([_wire.decode(history_pb2.SearchResponse, data, self._settings) for data in answers])

    async def count(
        self,
        by: Union[Dimension, str, Sequence[Union[Dimension, str]]] = (),
        *,
        where: Optional[Where] = None,
        since: Optional[datetime] = None,
        until: Optional[datetime] = None,
        step: Optional[timedelta] = None,
        filter: str = "",
        timeout: Optional[float] = None,
    ) -> Counted:
        """How many alerts there are, for each combination of values of the dimensions `by`, and for each `step`."""
        request = _requests.count(by, where, since, until, step, filter)
        data = await _channel.answer(self._channel, self._settings, _wire.COUNT, request, timeout)
        return _requests.counted(_wire.decode(history_pb2.CountResponse, data, self._settings))

    async def push(self, events: Union[Event, Iterable[Event]], *, timeout: Optional[float] = None) -> None:
        """Hands in events of the program's own. Returns once all are on the hub's disk."""
        self._check()
        pushing = Pushing(self._settings, events, timeout)
        settings = self._settings
        await _push.push(settings, self._channel, lambda: _channel.connected(settings), pushing)

    def _check(self) -> None:
        # They would connect by themselves.
        if self._is_closed:
            raise _wire.closed(self._settings)

    async def _answers(self, method: str, request: bytes, timeout: Optional[float]) -> AsyncIterator[bytes]:
        has_begun = False
        stream: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = self._channel.unary_stream(method)
        try:
            call = stream(request, timeout=timeout, metadata=_channel.metadata(self._settings))
        except grpc.aio.UsageError as error:
            raise _wire.closed(self._settings) from error
        try:
            async for data in call:
                has_begun = True
                yield data
        except grpc.aio.AioRpcError as error:
            raise _wire.classify(error, self._settings, has_begun) from error
        finally:
            call.cancel()
