"""The calls as they are on the wire, and what their failures mean. Bytes go in and out: see `_requests`."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import Any, Iterator, Optional, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from ._diagnosis import find_cause
from ._settings import CONNECT_SECONDS, Settings
from .errors import Closed, Error, HubDown, InvalidRequest, PermissionDenied, ProtocolMismatch

VERSION = "/falco.version.service/version"
GET_NEW = "/falco.outputs.service/get"
GET = "/cadge.v1.Outputs/Get"
SUBSCRIBE = "/cadge.v1.Outputs/Subscribe"
SEARCH = "/cadge.v1.History/Search"
COUNT = "/cadge.v1.History/Count"
PUSH = "/cadge.v1.Inputs/Push"

M = TypeVar("M", bound=Message)

Failure = Any
"""What gRPC raises: both kinds have `code` and `details`, but no type in common that says so."""

_REFUSALS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
}


def two_way(
    channel: grpc.Channel, settings: Settings, method: str, requests: Iterator[bytes], timeout: Optional[float] = None
) -> grpc._CallIterator[bytes]:
    """Begins a call with a stream each way."""
    stream: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(method)
    with open_channel(settings):
        return stream(requests, timeout=timeout, metadata=settings.metadata)


@contextmanager
def open_channel(settings: Settings) -> Iterator[None]:
    """Around the beginning of a call: gRPC has no error of its own for a channel that was closed."""
    try:
        yield
    except ValueError as error:
        raise closed(settings) from error


def decode(kind: type[M], data: bytes, settings: Settings) -> M:
    """A response, or what the failure means."""
    try:
        return kind.FromString(data)
    except DecodeError as error:
        text = f"an answer of `{settings.hub}` can't be read as `{kind.DESCRIPTOR.full_name}`: {error}"
        raise ProtocolMismatch(f"{text}: is this a Cadge hub, and not newer than this client?") from error


def classify(failure: Failure, settings: Settings, has_begun: bool = False) -> Error:
    """What a failed call means. `has_begun` is that it had been answered before: then the stream broke."""
    code, text = failure.code(), (failure.details() or "no reason given").strip()
    where = f"the hub at `{settings.hub}`"
    error: Error
    if code in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED):
        reason = text[len("permission denied: ") :] if text.startswith("permission denied: ") else text
        advice = "use another certificate or token, or ask its owner"
        error = PermissionDenied(f"{where} does not allow it: {reason}: {advice}")
    elif code in _REFUSALS:
        error = InvalidRequest(f"{where} refuses the request: {text}")
    elif code is grpc.StatusCode.UNIMPLEMENTED:
        advice = "is it a Cadge hub, and as new as this client?"
        error = ProtocolMismatch(f"{where} does not know this call: {text}: {advice}")
    elif code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in text:
        error = ProtocolMismatch(f"an answer of {where} is too long: {text}")
    elif code is grpc.StatusCode.DEADLINE_EXCEEDED:
        error = HubDown(f"{where} did not answer in time: try again later, or give it a longer `timeout`")
    elif code is grpc.StatusCode.UNAVAILABLE and not has_begun:
        error = HubDown(f"can't reach {where}: {text}: is it running?")
    else:
        error = Closed(f"{where} broke the stream off: {text} ({code.name.lower()}): try again")
    error.__cause__ = failure if isinstance(failure, BaseException) else None
    return error


def closed(settings: Settings) -> Error:
    """A call of a client that was closed."""
    return Closed(f"the connection to the hub at `{settings.hub}` was closed by this program: connect again")


def diagnose(error: Error, settings: Settings, begun: float) -> Error:
    """Of a connection that did not come about: what was really wrong. Blocks.

    `begun` is when, by the monotonic clock: all is known within ten seconds from then.
    """
    failure: Failure = error.__cause__
    if not isinstance(failure, grpc.RpcError) or failure.code() is not grpc.StatusCode.UNAVAILABLE:
        return error
    seconds = begun + CONNECT_SECONDS - time.monotonic()
    found = find_cause(settings, str(failure.details() or "no reason given"), seconds)
    if found.__cause__ is None:
        found.__cause__ = failure
    return found
