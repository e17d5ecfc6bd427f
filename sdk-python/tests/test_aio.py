"""The client for asyncio: the same calls, in a loop that does other things too."""

from __future__ import annotations

import asyncio
import gc
from typing import Any, Awaitable, Callable

import pytest
from hub import Feeder, Hub, number

import cadge
import cadge.aio


async def numbers(subscription: cadge.aio.Subscription, count: int) -> list[int]:
    return [number((await subscription.__anext__()).output) for _ in range(count)]


async def own_tasks() -> list[str]:
    """What is left of subscriptions."""
    await asyncio.sleep(0)
    names = [repr(task.get_coro()) for task in asyncio.all_tasks()]
    return [name for name in names if "Link" in name]


def with_client(arguments: dict[str, Any], do: Callable[[cadge.aio.Client], Awaitable[None]]) -> None:
    async def run() -> None:
        async with cadge.aio.connect(**arguments) as client:
            await asyncio.wait_for(do(client), 60)

    asyncio.run(run())


def test_calls_that_end(arguments: dict[str, Any]) -> None:
    async def do(client: cadge.aio.Client) -> None:
        assert (await client.version()).engine.startswith("0.")
        assert [number(alert.output) async for alert in client.get(10, limit=3)] == [11, 12, 13]
        assert len([alert async for alert in client.get()]) == 3000
        page = await client.search({"rule": "Synthetic rule 1"}, oldest_first=True, limit=2)
        assert [number(alert.output) for alert in page.alerts] == [1, 6]
        assert {count.count for count in (await client.count("rule")).counts} == {600}

    with_client(arguments, do)


def test_get_new(hub: Hub) -> None:
    Feeder(hub).feed(10)

    async def do(client: cadge.aio.Client) -> None:
        assert [number(alert.output) async for alert in client.get_new()] == list(range(1, 11))
        assert [alert async for alert in client.get_new()] == []

    with_client(hub.mtls("consumer"), do)


def test_a_client_can_be_awaited(full_hub: Hub) -> None:
    async def run() -> None:
        client = await cadge.aio.connect(full_hub.socket)
        await client.close()
        with pytest.raises(cadge.Closed, match="by this program"):
            await client.version()

    asyncio.run(run())


def test_a_durable_subscription_goes_on_behind_what_was_dealt_with(arguments: dict[str, Any]) -> None:
    cursor = f"aio-{arguments['hub'][:4]}"

    async def do(client: cadge.aio.Client) -> None:
        async with client.subscribe(cursor) as alerts:
            assert await numbers(alerts, 2000) == list(range(1, 2001))
        async with client.subscribe(cursor, manual=True) as alerts:
            assert await numbers(alerts, 1) == [2000]
            batch = await alerts.batch()
            alerts.acknowledge(batch[9].position)
        async with client.subscribe(cursor) as alerts:
            assert await numbers(alerts, 1) == [2011]
        assert await own_tasks() == []

    with_client(arguments, do)


@pytest.mark.parametrize("cursor", [None, "durable"])
def test_it_goes_on_over_the_hub_s_restarts(hub: Hub, cursor: str | None) -> None:
    feeder = Feeder(hub)
    feeder.feed(5000)

    def restart() -> None:
        hub.kill()
        hub.start()
        feeder.feed(100)

    async def do(client: cadge.aio.Client) -> None:
        seen: list[int] = []
        async with client.subscribe(cursor, start="beginning") as alerts:
            for _ in range(3):
                seen += await numbers(alerts, 1000)
                await asyncio.to_thread(restart)
            seen += await numbers(alerts, 2300)
        assert seen == list(range(1, 5301))

    with_client(hub.mtls("consumer"), do)


def test_the_loop_goes_on_while_a_subscription_waits(hub: Hub) -> None:
    async def do(client: cadge.aio.Client) -> None:
        alerts = client.subscribe("waiting")
        waiting = asyncio.ensure_future(alerts.__anext__())
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert not waiting.done()
        await asyncio.to_thread(Feeder(hub).feed, 1)
        assert number((await waiting).output) == 1
        # Who waits when it is closed hears of the end.
        waiting = asyncio.ensure_future(alerts.__anext__())
        await asyncio.sleep(0.1)
        await alerts.close()
        with pytest.raises(StopAsyncIteration):
            await waiting
        assert await own_tasks() == []

    with_client({"hub": hub.socket}, do)


def test_who_waits_may_give_up_and_ask_again(hub: Hub) -> None:
    async def do(client: cadge.aio.Client) -> None:
        async with client.subscribe("patience") as alerts:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(alerts.__anext__(), 0.2)
            await asyncio.to_thread(Feeder(hub).feed, 3)
            assert await numbers(alerts, 3) == [1, 2, 3]

    with_client({"hub": hub.socket}, do)


def test_one_that_is_forgotten_ends(hub: Hub) -> None:
    async def do(client: cadge.aio.Client) -> None:
        alerts = client.subscribe("forgotten")
        await asyncio.to_thread(Feeder(hub).feed, 3)
        assert await numbers(alerts, 3) == [1, 2, 3]
        assert await own_tasks() != []
        del alerts
        gc.collect()
        for _ in range(100):
            if not await own_tasks():
                return
            await asyncio.sleep(0.05)
        raise AssertionError("its task is still there")

    with_client({"hub": hub.socket}, do)


def test_the_client_s_end_is_that_of_its_subscriptions(hub: Hub) -> None:
    async def run() -> None:
        async with cadge.aio.connect(hub.socket) as client:
            alerts = client.subscribe()
        assert [alert async for alert in alerts] == []
        assert await own_tasks() == []

    asyncio.run(run())


def test_what_no_second_try_can_mend_is_raised(hub: Hub) -> None:
    async def do(client: cadge.aio.Client) -> None:
        async with client.subscribe(filter="no.such = field") as alerts:
            with pytest.raises(cadge.InvalidRequest, match="no.such"):
                await alerts.__anext__()
            assert [alert async for alert in alerts] == []
        with pytest.raises(cadge.InvalidRequest):
            [alert async for alert in client.get(filter="no.such = field")]

    with_client({"hub": hub.socket}, do)


def test_both_clients_work_beside_each_other(full_hub: Hub) -> None:
    async def do(client: cadge.aio.Client) -> None:
        # As in a notebook, whose loop is running: the one that blocks works there too.
        with cadge.connect(full_hub.socket) as other, other.subscribe(start="beginning") as alerts:
            assert number(next(alerts).output) == 1
        async with client.subscribe(start="beginning") as more:
            assert await numbers(more, 1) == [1]

    with_client(full_hub.mtls("consumer"), do)
