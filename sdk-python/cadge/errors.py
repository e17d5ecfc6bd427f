"""What can go wrong, divided by what the caller can do."""

from __future__ import annotations

from typing import ClassVar, Sequence

from .event import Refused


class Error(Exception):
    """Any failure of a call to the hub. Its text says what happened, where, and what to do."""

    is_transient: ClassVar[bool] = False
    """Whether the same call may succeed later."""


class HubDown(Error):
    """The hub can't be reached: try again later."""

    is_transient = True


class WrongCertificate(Error):
    """The hub's certificate is not one to trust, the hub refused ours, or a PEM file is unusable."""


class PermissionDenied(Error):
    """The hub knows the caller and won't do this for it, or does not know its token."""


class ProtocolMismatch(Error):
    """It is not a Cadge hub, or one that does not know this call, or its answer can't be read."""


class InvalidRequest(Error):
    """The request has a mistake: the hub understood it, and refuses."""

    def __init__(self, text: str, refused: Sequence[Refused] = ()) -> None:
        super().__init__(text)
        self.refused: tuple[Refused, ...] = tuple(refused)
        """Of a `push`: the events that were refused. All others are on the hub's disk."""


class Closed(Error):
    """The stream broke: try again."""

    is_transient = True
