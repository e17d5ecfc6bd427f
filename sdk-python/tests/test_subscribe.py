"""Subscriptions: where they start, what they acknowledge, and what they do when the hub goes away."""

from __future__ import annotations

import gc
import resource
import threading
import time
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Any

import pytest
from hub import Feeder, Hub, number, wait_for

import cadge


def numbers(subscription: cadge.Subscription, count: int) -> list[int]:
    return [number(alert.output) for alert in islice(subscription, count)]


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "cadge-subscription"}


def test_a_transient_one_starts_where_it_is_told(arguments: dict[str, Any]) -> None:
    hour = timedelta(hours=1)
    starts: list[tuple[cadge.Start, int]] = [
        ("beginning", 1),
        (17, 18),
        (datetime.now(timezone.utc) - hour, 1),
    ]
    with cadge.connect(**arguments) as hub:
        for start, first in starts:
            with hub.subscribe(start=start) as alerts:
                assert numbers(alerts, 3) == [first, first + 1, first + 2]


def test_a_durable_one_starts_at_the_beginning_and_goes_on_behind_what_was_dealt_with(
    arguments: dict[str, Any],
) -> None:
    with cadge.connect(**arguments) as hub:
        cursor = f"automatic-{arguments['hub'][:4]}"
        with hub.subscribe(cursor) as alerts:
            assert numbers(alerts, 2000) == list(range(1, 2001))
        # The last one was given, but no other one asked for.
        with hub.subscribe(cursor) as alerts:
            assert numbers(alerts, 1001) == list(range(2000, 3001))


def test_a_new_one_has_only_what_comes_from_now_on(hub: Hub) -> None:
    feeder = Feeder(hub)
    feeder.feed(10)
    with cadge.connect(hub.socket) as client, client.subscribe() as alerts:
        client.version()
        # It may open a moment later than this feeds: then it misses these, and has the next.
        fed = threading.Event()

        def feed() -> None:
            while not fed.is_set():
                feeder.feed(1)

        thread = threading.Thread(target=feed)
        thread.start()
        try:
            first, second = numbers(alerts, 2)
        finally:
            fed.set()
            thread.join()
        assert first > 10 and second == first + 1


def test_in_manual_mode_only_what_is_acknowledged_is_dealt_with(hub: Hub) -> None:
    Feeder(hub).feed(100)
    with cadge.connect(**hub.mtls("consumer")) as client:
        with client.subscribe("manual", manual=True) as alerts:
            taken = list(islice(alerts, 50))
            alerts.acknowledge(taken[29].position)
        with client.subscribe("manual", manual=True) as alerts:
            assert numbers(alerts, 1) == [31]


def test_acknowledgements_are_sent_without_close(hub: Hub) -> None:
    Feeder(hub).feed(100)
    with cadge.connect(**hub.mtls("consumer")) as client, client.subscribe("soon", manual=True) as alerts:
        alerts.acknowledge(list(islice(alerts, 50))[-1].position)

        def place() -> bool:
            # Another reader of the same cursor starts at its place.
            with client.subscribe("soon", manual=True) as second:
                return numbers(second, 1) == [51]

        wait_for("acknowledgement", place)


def test_it_filters(arguments: dict[str, Any]) -> None:
    condition = 'alert.priority = Debug and alert.rule = "Synthetic rule 0"'
    with cadge.connect(**arguments) as hub:
        with hub.subscribe(start="beginning", filter=condition, fields=["proc.pid"]) as alerts:
            found = list(islice(alerts, 75))
    assert [number(alert.output) for alert in found] == list(range(15, 3001, 40))
    assert found[0].output_fields == {"proc.pid": "15"}


@pytest.mark.parametrize("cursor", [None, "durable"])
@pytest.mark.parametrize("way", ["unix", "mtls"])
def test_it_goes_on_over_the_hub_s_restarts(hub: Hub, cursor: str | None, way: str) -> None:
    feeder = Feeder(hub)
    feeder.feed(5000)
    seen: list[int] = []
    with cadge.connect(**({"hub": hub.socket} if way == "unix" else hub.mtls("consumer"))) as client:
        with client.subscribe(cursor, start="beginning") as alerts:
            for _ in range(3):
                seen += numbers(alerts, 1000)
                hub.kill()
                hub.start()
                feeder.feed(100)
            seen += numbers(alerts, 2300)
    assert seen == list(range(1, 5301))


def test_it_goes_on_after_the_hub_was_stopped_and_started(hub: Hub) -> None:
    feeder = Feeder(hub)
    feeder.feed(10)
    with cadge.connect(hub.socket) as client, client.subscribe("idle") as alerts:
        assert numbers(alerts, 10) == list(range(1, 11))
        hub.stop()
        time.sleep(1)
        hub.start()
        feeder.feed(10)
        assert numbers(alerts, 10) == list(range(11, 21))


def test_one_that_is_killed_has_everything_again(hub: Hub) -> None:
    feeder = Feeder(hub)
    feeder.feed(2000)
    with cadge.connect(hub.socket) as client:
        alerts = client.subscribe("forgotten")
        first = numbers(alerts, 500)
        del alerts
        gc.collect()
        wait_for("end of its thread", lambda: not threads())
        with client.subscribe("forgotten") as alerts:
            again = next(alerts)
            assert number(again.output) <= 500
            assert first + numbers(alerts, 2000 - number(again.output))[500 - number(again.output) :] == list(
                range(1, 2001)
            )


def test_close_ends_who_waits_and_leaves_no_thread(hub: Hub) -> None:
    client = cadge.connect(hub.socket)
    alerts = client.subscribe("waiting")
    ended: list[int] = []
    waiting = threading.Thread(target=lambda: ended.append(len(list(alerts))))
    waiting.start()
    time.sleep(0.3)
    alerts.close()
    waiting.join(10)
    assert ended == [0] and not threads()
    # And the client's end is that of what it has left.
    other = client.subscribe()
    client.close()
    assert list(other) == [] and not threads()


def test_close_waits_for_no_hub_that_is_away(hub: Hub) -> None:
    Feeder(hub).feed(10)
    with cadge.connect(hub.socket) as client:
        alerts = client.subscribe("away")
        assert numbers(alerts, 3) == [1, 2, 3]
        hub.kill()
        time.sleep(0.5)
        begun = time.monotonic()
        alerts.close()
        assert time.monotonic() - begun < 10
        assert not threads()


def test_a_slow_caller_holds_the_hub_up_and_memory_does_not_grow(hub: Hub) -> None:
    feeder = Feeder(hub)

    def large(number: int) -> Any:
        from hub import alert

        made = alert(number)
        made.output_fields["proc.cmdline"] = "x" * 60_000
        return made

    feeder.feed(1000, 20, large)
    with cadge.connect(hub.socket) as client, client.subscribe(start="beginning") as alerts:
        assert numbers(alerts, 1) == [1]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # 60 MB wait in the hub: had they come, this would show them.
        time.sleep(3)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000
        assert numbers(alerts, 999) == list(range(2, 1001))


def test_what_no_second_try_can_mend_is_raised_once(hub: Hub) -> None:
    with cadge.connect(hub.socket) as client, client.subscribe(filter="no.such = field") as alerts:
        with pytest.raises(cadge.InvalidRequest, match="no.such"):
            next(alerts)
        assert list(alerts) == []
