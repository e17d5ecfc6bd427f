"""The client: a connection to a hub, and the calls."""

from __future__ import annotations

import time
import weakref
from datetime import datetime, timedelta
from types import TracebackType
from typing import Iterable, Iterator, Optional, Sequence, Union

import grpc

from . import _push, _requests, _wire
from ._course import Course
from ._diagnosis import context
from ._pushing import Pushing
from ._requests import Start, Where
from ._settings import CONNECT_SECONDS, Pem, Settings, resolve
from .alert import Alert
from .errors import Error
from .event import Event
from .falco import version_pb2
from .history import Counted, Dimension, Page, Version
from .subscription import Subscription
from .v1 import alert_pb2, history_pb2, subscribe_pb2


def connect(
    hub: Optional[str] = None,
    *,
    ca: Optional[Pem] = None,
    cert: Optional[Pem] = None,
    key: Optional[Pem] = None,
    token: Optional[str] = None,
) -> Client:
    """Connects to a hub, and asks for its version: what is wrong is known here, within 10 seconds.

    `hub` is such as `unix:///run/cadge/cadge.sock` or `https://hub.example:5060`; `ca`, `cert` and `key` are paths of
    PEM files, or what is in them. With `token` no certificate of the caller is needed; without `ca` those count whom
    the machine trusts. What is not given comes from the environment: CADGE_HUB (else the first of these addresses),
    CADGE_CA, CADGE_CERT, CADGE_KEY, CADGE_TOKEN.
    """
    settings = resolve(hub, ca, cert, key, token)
    return Client(settings, _connected(settings))


class Client:
    """A connection to a hub. Threads may share it."""

    def __init__(self, settings: Settings, channel: grpc.Channel) -> None:
        self._settings = settings
        self._channel = channel
        self._subscriptions: weakref.WeakSet[Subscription] = weakref.WeakSet()
        self._is_closed = False

    def close(self) -> None:
        """Ends the connection and its subscriptions."""
        self._is_closed = True
        for subscription in list(self._subscriptions):
            subscription.close()
        self._channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def version(self, *, timeout: Optional[float] = None) -> Version:
        """The versions of the hub and of its rule engine. `timeout`, here and below, is in seconds."""
        return _version(self._channel, self._settings, timeout)

    def get(
        self,
        after: int = 0,
        *,
        limit: int = 0,
        since: Optional[datetime] = None,
        until: Optional[datetime] = None,
        filter: str = "",
        fields: Sequence[str] = (),
        timeout: Optional[float] = None,
    ) -> Iterator[Alert]:
        """The alerts after a position in the log (0 is its beginning), at most `limit` of them (0 is no bound).

        `since` and `until` bound when the hub received them. `filter` is a condition in Falco's language. Of
        `output_fields` only `fields` are sent; none named are all. Moves no cursor.
        """
        request = _requests.get(after, limit, since, until, filter, fields)
        for data in self._answers(_wire.GET, request, timeout):
            for entry in _wire.decode(subscribe_pb2.SubscribeResponse, data, self._settings).entries:
                yield _requests.alert(entry.position, entry.alert)

    def get_new(self, *, timeout: Optional[float] = None) -> Iterator[Alert]:
        """The alerts that the caller's identity has not had yet, as Falco's own `get`. They have no position."""
        # Falco's response is the first nine fields of an alert, and the hub sends the others too.
        for data in self._answers(_wire.GET_NEW, b"", timeout):
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
        """Every alert from where it starts, and new ones as they come, for ever.

        `cursor` names a place that the hub keeps for the caller's identity; without one the hub remembers nothing.
        `start` counts unless the cursor has a place already: "now" (the default without a cursor), "beginning" (the
        default with one), a position to start behind, or a `datetime` since which the hub has received them.
        An alert counts as dealt with once the next one is asked for; with `manual` once it is acknowledged.
        """
        self._check()
        course = Course(self._settings, cursor, start, filter, fields)
        settings = self._settings
        subscription = Subscription(settings, self._channel, lambda: _connected(settings), course, manual)
        self._subscriptions.add(subscription)
        return subscription

    def search(
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
        """A page of the alerts that meet every condition, such as `{"rule": "R", "host": ["a", "b"]}`.

        `since` and `until` bound when they were raised. `page` is the `next_page` of the page before.
        """
        request = _requests.search(where, since, until, filter, fields, oldest_first, limit, page)
        answers = self._answers(_wire.SEARCH, request, timeout)
        return _requests.page([_wire.decode(history_pb2.SearchResponse, data, self._settings) for data in answers])

    def count(
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
        data = _answer(self._channel, self._settings, _wire.COUNT, request, timeout)
        return _requests.counted(_wire.decode(history_pb2.CountResponse, data, self._settings))

    def push(self, events: Union[Event, Iterable[Event]], *, timeout: Optional[float] = None) -> None:
        """Hands in events of the program's own. Returns once all are on the hub's disk.

        Reconnects and sends again what was not acknowledged, for `timeout` seconds, or for ever. Raises
        `InvalidRequest` if the hub refuses some: its `refused` says which and why. All others are kept.
        """
        self._check()
        pushing = Pushing(self._settings, events, timeout)
        _push.push(self._settings, self._channel, lambda: _connected(self._settings), pushing)

    def _check(self) -> None:
        # They would connect by themselves.
        if self._is_closed:
            raise _wire.closed(self._settings)

    def _answers(self, method: str, request: bytes, timeout: Optional[float]) -> Iterator[bytes]:
        has_begun = False
        stream: grpc.UnaryStreamMultiCallable[bytes, bytes] = self._channel.unary_stream(method)
        with _wire.open_channel(self._settings):
            call = stream(request, timeout=timeout, metadata=self._settings.metadata)
        try:
            for data in call:
                has_begun = True
                yield data
        except grpc.RpcError as error:
            raise _wire.classify(error, self._settings, has_begun) from error
        finally:
            call.cancel()


def _connected(settings: Settings) -> grpc.Channel:
    credentials = settings.credentials()
    if credentials is None:
        channel = grpc.insecure_channel(settings.target, settings.options)
    else:
        # What is wrong with the files is not known from gRPC.
        context(settings)
        channel = grpc.secure_channel(settings.target, credentials, settings.options)
    begun = time.monotonic()
    try:
        _version(channel, settings, CONNECT_SECONDS)
    except Error as error:
        channel.close()
        found = _wire.diagnose(error, settings, begun)
        raise found from found.__cause__
    except BaseException:
        channel.close()
        raise
    return channel


def _version(channel: grpc.Channel, settings: Settings, timeout: Optional[float]) -> Version:
    data = _answer(channel, settings, _wire.VERSION, b"", timeout)
    return _requests.version(_wire.decode(version_pb2.response, data, settings))


def _answer(channel: grpc.Channel, settings: Settings, method: str, request: bytes, timeout: Optional[float]) -> bytes:
    try:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
        with _wire.open_channel(settings):
            return call(request, timeout=timeout, metadata=settings.metadata)
    except grpc.RpcError as error:
        raise _wire.classify(error, settings) from error
