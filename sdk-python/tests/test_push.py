"""Handing in events: all are kept once, whatever breaks in between."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import datetime, timezone
from typing import Iterator

import pytest
from hub import Hub

import cadge
import cadge.aio


def kept(hub: Hub) -> list[cadge.Alert]:
    with cadge.connect(hub.socket) as client:
        return list(client.get())


@pytest.mark.parametrize("way", ["unix", "mtls"])
def test_an_event_is_kept_as_it_was_handed_in(hub: Hub, way: str) -> None:
    when = datetime(2026, 1, 31, 12, 0, 0, 123456, timezone.utc)
    event = cadge.Event(
        "Door opened", "the door is open", {"door": "north"}, cadge.Priority.WARNING, when, "gate", ["b", "a"], "doors"
    )
    with cadge.connect(**({"hub": hub.socket} if way == "unix" else hub.mtls("sensor"))) as client:
        client.push(event)
    (alert,) = kept(hub)
    assert (alert.rule, alert.output_fields) == ("Door opened", {"door": "north"})
    assert alert.priority is cadge.Priority.WARNING
    assert alert.output.endswith("the door is open") and alert.time == when
    assert (alert.hostname, alert.tags, alert.source) == ("gate", ("a", "b"), "doors")


def test_events_without_a_time_get_one_each(hub: Hub) -> None:
    same = cadge.Event("Door opened", "the door is open")
    with cadge.connect(hub.socket) as client:
        client.push([same, same, same])
    alerts = kept(hub)
    assert len({alert.time_ns for alert in alerts}) == 3
    assert all(abs(alert.time_ns / 1e9 - time.time()) < 600 for alert in alerts)


def test_what_is_refused_is_told_and_all_else_is_kept(hub: Hub) -> None:
    events = [cadge.Event("" if number in (3, 2500) else f"Rule {number}", "o") for number in range(3000)]
    with cadge.connect(hub.socket) as client:
        with pytest.raises(cadge.InvalidRequest, match="2 of the events") as caught:
            client.push(events)
    assert [refused.event for refused in caught.value.refused] == [events[3], events[2500]]
    assert all("rule" in refused.reason for refused in caught.value.refused)
    assert [alert.rule for alert in kept(hub)] == [event.rule for event in events if event.rule]


def test_nothing_is_lost_or_doubled_while_the_hub_is_killed(hub: Hub) -> None:
    count = 6000

    def events() -> Iterator[cadge.Event]:
        for number in range(count):
            # Large enough that the hub dies in the middle.
            yield cadge.Event("Counted", f"event {number}", {"filler": "x" * 500})
            if number % 2000 == 1500:
                threading.Thread(target=restart).start()

    def restart() -> None:
        with lock:
            hub.kill()
            hub.start()

    lock = threading.Lock()
    with cadge.connect(hub.socket) as client:
        client.push(events())
    with lock:
        pass
    outputs = [alert.output_fields and alert.output.rsplit(" ", 1)[1] for alert in kept(hub)]
    assert outputs == [str(number) for number in range(count)]


def test_push_in_a_loop_does_the_same(hub: Hub) -> None:
    async def push() -> None:
        async with cadge.aio.connect(**hub.mtls("sensor")) as client:
            await client.push(cadge.Event("First", "o"))
            await asyncio.to_thread(hub.kill)
            pushing = asyncio.create_task(client.push([cadge.Event("Second", "o"), cadge.Event("", "o")]))
            await asyncio.sleep(0.5)
            assert not pushing.done()
            await asyncio.to_thread(hub.start)
            with pytest.raises(cadge.InvalidRequest, match="1 of the events"):
                await pushing

    asyncio.run(push())
    assert [alert.rule for alert in kept(hub)] == ["First", "Second"]


def test_push_gives_up_after_its_time(hub: Hub) -> None:
    with cadge.connect(hub.socket) as client:
        hub.kill()
        begun = time.monotonic()
        with pytest.raises(cadge.HubDown, match="in time"):
            client.push(cadge.Event("Late", "o"), timeout=1)
        assert time.monotonic() - begun < 15


def test_a_consumer_may_not_push(hub: Hub) -> None:
    with cadge.connect(**hub.mtls("consumer")) as client:
        with pytest.raises(cadge.PermissionDenied, match="role sensor"):
            client.push(cadge.Event("Door opened", "o"))
