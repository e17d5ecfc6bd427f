"""Hands events in, and waits until they are kept."""

from __future__ import annotations

import asyncio
from typing import Awaitable, Callable, Optional

import grpc
import grpc.aio

from .. import _wire
from .._pushing import Pushing
from .._settings import Settings
from ..errors import Error
from ._channel import read, two_way


async def push(
    settings: Settings, channel: grpc.aio.Channel, connect: Callable[[], Awaitable[grpc.aio.Channel]], pushing: Pushing
) -> None:
    """Until all are kept, or refused. The first connection is the client's."""
    own: Optional[grpc.aio.Channel] = None
    try:
        while True:
            try:
                await _stream(own or channel, settings, pushing)
                return pushing.finish()
            except Error as error:
                await asyncio.sleep(pushing.pause(error))
            if own is not None:
                await own.close()
                own = None
            while own is None:
                try:
                    own = await connect()
                except Error as error:
                    await asyncio.sleep(pushing.pause(error))
    finally:
        if own is not None:
            await own.close()


async def _stream(channel: grpc.aio.Channel, settings: Settings, pushing: Pushing) -> None:
    """One connection's life."""
    pushing.begin()
    has_begun = False
    call = two_way(channel, settings, _wire.PUSH, pushing.seconds_left())
    try:
        while (request := pushing.request()) is not None:
            await call.write(request)
            while True:
                data = await read(call)
                if data is None:
                    raise pushing.stopping()
                has_begun = True
                if pushing.take(data):
                    break
    except grpc.aio.AioRpcError as error:
        raise _wire.classify(error, settings, has_begun) from error
    except asyncio.InvalidStateError as error:
        # The stream ended while something was being written.
        raise pushing.stopping() from error
    finally:
        call.cancel()
