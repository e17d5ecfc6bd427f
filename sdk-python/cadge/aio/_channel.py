"""Opens a connection in a loop."""

from __future__ import annotations

import asyncio
import time
from typing import Optional, cast

import grpc
import grpc.aio

from .. import _requests, _wire
from .._diagnosis import context
from .._settings import CONNECT_SECONDS, Settings
from ..errors import Error
from ..falco import version_pb2
from ..history import Version

TwoWay = grpc.aio.StreamStreamCall[bytes, bytes]


async def connected(settings: Settings) -> grpc.aio.Channel:
    """A connection that has answered."""
    credentials = settings.credentials()
    if credentials is None:
        channel = grpc.aio.insecure_channel(settings.target, settings.options)
    else:
        # What is wrong with the files is not known from gRPC.
        context(settings)
        channel = grpc.aio.secure_channel(settings.target, credentials, settings.options)
    begun = time.monotonic()
    try:
        await version(channel, settings, CONNECT_SECONDS)
    except Error as error:
        await channel.close()
        # It blocks, and other tasks go on.
        found = await asyncio.to_thread(_wire.diagnose, error, settings, begun)
        raise found from found.__cause__
    except BaseException:
        await channel.close()
        raise
    return channel


async def version(channel: grpc.aio.Channel, settings: Settings, timeout: Optional[float]) -> Version:
    """The versions of the hub and of its rule engine."""
    data = await answer(channel, settings, _wire.VERSION, b"", timeout)
    return _requests.version(_wire.decode(version_pb2.response, data, settings))


async def answer(
    channel: grpc.aio.Channel, settings: Settings, method: str, request: bytes, timeout: Optional[float]
) -> bytes:
    """The one answer of a call."""
    try:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
        return await call(request, timeout=timeout, metadata=metadata(settings))
    except grpc.aio.AioRpcError as error:
        raise _wire.classify(error, settings) from error
    except grpc.aio.UsageError as error:
        raise _wire.closed(settings) from error


def two_way(channel: grpc.aio.Channel, settings: Settings, method: str, timeout: Optional[float] = None) -> TwoWay:
    """Begins a call with a stream each way."""
    stream: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(method)
    try:
        return stream(timeout=timeout, metadata=metadata(settings))
    except grpc.aio.UsageError as error:
        raise _wire.closed(settings) from error


async def read(call: TwoWay) -> Optional[bytes]:
    """The next response; `None` at the end."""
    data = await call.read()
    return None if data is grpc.aio.EOF else cast(bytes, data)


def metadata(settings: Settings) -> grpc.aio.Metadata:
    """What goes with each call."""
    return grpc.aio.Metadata(*settings.metadata)
