"""Hands events in: what goes into one request, what was acknowledged, what was refused. Both clients go by it."""

from __future__ import annotations

import time
from typing import Iterable, Iterator, Optional, Union

from . import _requests
from ._back_off import BackOff
from ._settings import Settings
from ._wire import decode
from .errors import Closed, Error, HubDown, InvalidRequest
from .event import Event, Refused
from .v1 import inputs_pb2

_EVENTS_MAX = 1024
"""Events of one request."""

_BYTES_MAX = 1024 * 1024
"""Bytes of one request, unless one event alone has more."""


class Pushing:
    """The events of one `push`, a request at a time: the next goes out once this one is on the hub's disk."""

    def __init__(self, settings: Settings, events: Union[Event, Iterable[Event]], timeout: Optional[float]) -> None:
        self._settings = settings
        self._events: Iterator[Event] = iter([events] if isinstance(events, Event) else events)
        # What did not fit into the request.
        self._left: Optional[tuple[Event, inputs_pb2.Event]] = None
        self._batch: list[Event] = []
        self._request: Optional[bytes] = None
        # Events of this stream before the request.
        self._before = 0
        self._time_ns = 0
        self._refused: list[Refused] = []
        self._end = None if timeout is None else time.monotonic() + timeout
        self._back_off = BackOff()

    def begin(self) -> None:
        """A new stream, which counts anew."""
        self._before = 0

    def request(self) -> Optional[bytes]:
        """What to send now: again what is not acknowledged, or the next events. `None` is that all are kept."""
        if self._request is None:
            self._request = self._next()
        return self._request

    def take(self, data: bytes) -> bool:
        """Takes an acknowledgement. Answers whether it is that of the request."""
        response = decode(inputs_pb2.PushResponse, data, self._settings)
        for refused in response.refused:
            number = refused.number - self._before - 1
            if 0 <= number < len(self._batch):
                self._refused.append(Refused(self._batch[number], refused.reason))
        if response.acknowledged < self._before + len(self._batch):
            return False
        self._before += len(self._batch)
        self._request = None
        self._back_off.reset()
        return True

    def seconds_left(self) -> Optional[float]:
        """Until the caller's time is over."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def pause(self, error: Error) -> float:
        """Seconds to wait before the next connection. Raises what no second try can mend, or has no time for."""
        if not error.is_transient:
            raise error
        pause, left = self._back_off.pause(), self.seconds_left()
        if left is not None and left <= pause:
            raise HubDown(f"{error}: not all events were kept in time") from error
        return pause

    def stopping(self) -> Error:
        """The hub has ended the stream."""
        return Closed(f"the hub at `{self._settings.hub}` has ended the stream: is it stopping?")

    def finish(self) -> None:
        """Raises what was refused."""
        if self._refused:
            first, count = self._refused[0], len(self._refused)
            text = f"the hub at `{self._settings.hub}` refuses {count} of the events, and keeps all others"
            raise InvalidRequest(f"{text}: the first, `{first.event.rule}`: {first.reason}", self._refused)

    def _next(self) -> Optional[bytes]:
        request = inputs_pb2.PushRequest()
        self._batch, size = [], 0
        while len(self._batch) < _EVENTS_MAX:
            if self._left is None:
                event = next(self._events, None)
                if event is None:
                    break
                self._left = (event, self._wire(event))
            event, wire = self._left
            size += wire.ByteSize()
            if self._batch and size > _BYTES_MAX:
                break
            self._batch.append(event)
            request.events.append(wire)
            self._left = None
        return request.SerializeToString() if self._batch else None

    def _wire(self, event: Event) -> inputs_pb2.Event:
        # With a time of its own an event that is sent again is the same one. No two have the same.
        self._time_ns = max(self._time_ns + 1, time.time_ns())
        time_ns = self._time_ns if event.time is None else _requests.nanoseconds(event.time)
        return _requests.made(
            lambda: inputs_pb2.Event(
                time=_requests.timestamp(time_ns),
                priority=_requests.wire_priority(event.priority),
                rule=event.rule,
                output=event.output,
                output_fields=event.output_fields,
                hostname=event.hostname,
                tags=event.tags,
                source=event.source,
            )
        )
