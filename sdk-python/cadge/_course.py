"""The course of a subscription: how it opens, what it has given, what it has still to acknowledge.

Knows nothing of connections, threads or tasks: both clients go by it.
"""

from __future__ import annotations

from typing import Optional, Sequence

from . import _requests
from ._back_off import BackOff
from ._settings import Settings
from ._wire import decode
from .alert import Alert
from .errors import Closed
from .v1 import subscribe_pb2

ACKNOWLEDGE_SECONDS = 0.1
"""Acknowledgements are sent at most so often."""

QUEUE = 2
"""Responses that wait between the connection and the caller. The hub puts about 256 KiB into one."""

CLOSE_SECONDS = 2.0
"""`close` waits so long for the hub to have the last acknowledgement on disk."""


class Course:
    """What there is to know of a subscription."""

    def __init__(
        self,
        settings: Settings,
        cursor: Optional[str],
        start: Optional[_requests.Start],
        filter: str,
        fields: Sequence[str],
    ) -> None:
        if start is None:
            start = "now" if cursor is None else "beginning"
        self.cursor = cursor
        self.dealt_with = 0
        """Everything up to this position is dealt with."""
        self.acknowledged = 0
        """The last position that this connection has acknowledged."""
        self._settings = settings
        self._open = _requests.open_request(cursor, start, filter, fields)
        # The last position that was given. After a reconnection the hub may send again what it had no
        # acknowledgement for: that is skipped.
        self._last: Optional[int] = None
        # The last position that this connection has brought. A hub counts an acknowledgement only as far as it has
        # sent alerts on this one, and what came on the one before is sent again first.
        self._seen = 0
        self.back_off = BackOff()

    def begin(self) -> bytes:
        """The first request of a new connection."""
        self._seen = self.acknowledged = 0
        if self.cursor is None and self._last is not None:
            self._open.after = self._last
        return subscribe_pb2.SubscribeRequest(open=self._open).SerializeToString()

    def take(self, data: bytes) -> list[Alert]:
        """The alerts of a response that were not given yet."""
        response = decode(subscribe_pb2.SubscribeResponse, data, self._settings)
        last = self._last
        if last is None:
            last = response.resumed if response.HasField("resumed") else -1
        entries, alert = response.entries, _requests.alert
        alerts = [alert(position, entry.alert) for entry in entries if (position := entry.position) > last]
        if entries:
            self._seen = max(self._seen, entries[-1].position)
        if not response.HasField("resumed"):
            # The connection holds.
            self.back_off.reset()
        # What a filter has left out need not be looked at again: `position` is at or behind the last entry.
        self._last = max(last, self._seen, response.position if self.cursor is None else 0)
        return alerts

    def acknowledge(self, position: int) -> None:
        """Everything up to a position is dealt with."""
        if position > self.dealt_with:
            self.dealt_with = position

    def due(self) -> Optional[bytes]:
        """What to send to the hub now, if anything."""
        position = min(self.dealt_with, self._seen)
        if self.cursor is None or position <= self.acknowledged:
            return None
        self.acknowledged = position
        return subscribe_pb2.SubscribeRequest(acknowledge=position).SerializeToString()

    def place(self) -> bytes:
        """Asks where the cursor is: the first response to this says so."""
        opened = subscribe_pb2.Open(cursor=self.cursor or "")
        return subscribe_pb2.SubscribeRequest(open=opened).SerializeToString()

    def is_kept(self, data: bytes) -> bool:
        """Whether that response says that the last acknowledgement is on the hub's disk."""
        response = decode(subscribe_pb2.SubscribeResponse, data, self._settings)
        return response.resumed >= self.acknowledged

    def stopping(self) -> Closed:
        """The hub has ended the stream."""
        return Closed(f"the hub at `{self._settings.hub}` has ended the stream: is it stopping?")
