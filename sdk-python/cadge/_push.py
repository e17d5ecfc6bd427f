"""Hands events in, and waits until they are kept."""

from __future__ import annotations

import queue
import time
from typing import Callable, Iterator, Optional

import grpc

from . import _wire
from ._pushing import Pushing
from ._settings import Settings
from .errors import Error


def push(settings: Settings, channel: grpc.Channel, connect: Callable[[], grpc.Channel], pushing: Pushing) -> None:
    """Until all are kept, or refused. The first connection is the client's."""
    own: Optional[grpc.Channel] = None
    try:
        while True:
            try:
                _stream(own or channel, settings, pushing)
                return pushing.finish()
            except Error as error:
                time.sleep(pushing.pause(error))
            if own is not None:
                own.close()
                own = None
            while own is None:
                try:
                    own = connect()
                except Error as error:
                    time.sleep(pushing.pause(error))
    finally:
        if own is not None:
            own.close()


def _stream(channel: grpc.Channel, settings: Settings, pushing: Pushing) -> None:
    """One connection's life."""
    pushing.begin()
    requests: queue.SimpleQueue[Optional[bytes]] = queue.SimpleQueue()
    has_begun = False
    call = _wire.two_way(channel, settings, _wire.PUSH, _until_none(requests), pushing.seconds_left())
    try:
        while (request := pushing.request()) is not None:
            requests.put(request)
            for data in call:
                has_begun = True
                if pushing.take(data):
                    break
            else:
                raise pushing.stopping()
    except grpc.RpcError as error:
        raise _wire.classify(error, settings, has_begun) from error
    finally:
        requests.put(None)
        call.cancel()


def _until_none(requests: queue.SimpleQueue[Optional[bytes]]) -> Iterator[bytes]:
    while (request := requests.get()) is not None:
        yield request
