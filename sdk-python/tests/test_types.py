"""What needs no hub: alerts of any kind, and bytes that nobody would send."""

from __future__ import annotations

import copy
import pickle
import random
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

import cadge
from cadge import _requests
from cadge._course import Course
from cadge._pushing import Pushing
from cadge._settings import resolve
from cadge.v1 import alert_pb2, history_pb2, subscribe_pb2

SETTINGS = resolve("unix:///none.sock", None, None, None, None)


def alert(**fields: Any) -> cadge.Alert:
    return _requests.alert(1, alert_pb2.Alert(**fields))


@pytest.mark.parametrize(
    "seconds, nanos, time, written",
    [
        (1_769_860_800, 123_456_789, "2026-01-31T12:00:00.123456+00:00", "2026-01-31T12:00:00.123456789Z"),
        (0, 0, "1970-01-01T00:00:00+00:00", "1970-01-01T00:00:00.000000000Z"),
        (-1, 500_000_000, "1969-12-31T23:59:59.500000+00:00", "1969-12-31T23:59:59.500000000Z"),
        (-62_135_596_800, 0, "0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00.000000000Z"),
        (253_402_300_799, 999_999_999, "9999-12-31T23:59:59.999999+00:00", "9999-12-31T23:59:59.999999999Z"),
        # What no calendar has.
        (2**63 - 1, 0, "9999-12-31T23:59:59.999999+00:00", "1970-01-01T00:00:00.000000000Z"),
        (-(2**63), -(2**31), "0001-01-01T00:00:00+00:00", "1970-01-01T00:00:00.000000000Z"),
    ],
)
def test_any_time_can_be_read(seconds: int, nanos: int, time: str, written: str) -> None:
    made = alert(time={"seconds": seconds, "nanos": nanos})
    assert (made.time.isoformat(), made.time_ns) == (time, seconds * 10**9 + nanos)
    assert f'"time":"{written}"' in made.falco_json()
    answer = history_pb2.CountResponse(counts=[{"start": {"seconds": seconds, "nanos": nanos}}])
    assert _requests.counted(answer).counts[0].start == made.time


def test_a_time_of_any_zone_keeps_its_moment() -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    assert _requests.nanoseconds(datetime(2026, 1, 31, 17, 30, 0, 1, zone)) == 1_769_860_800_000_001_000
    assert _requests.nanoseconds(datetime(1969, 12, 31, 23, 59, 59, 500_000, timezone.utc)) == -500_000_000


def test_priorities_have_falco_s_names() -> None:
    assert [str(priority) for priority in cadge.Priority] == [
        "Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug",
    ]  # fmt: skip
    assert f"{cadge.Priority.WARNING}" == "Warning"
    assert cadge.Priority.ERROR < cadge.Priority.WARNING
    assert [alert(priority=number).priority.value for number in (0, 7, 8, -1)] == [0, 7, 7, 7]


def test_an_alert_is_a_value() -> None:
    one = alert(rule="R", sensor="s", epoch=2, sequence=3, tags=["a"], output_fields={"x": "y"})
    assert one == pickle.loads(pickle.dumps(one)) == copy.deepcopy(one)
    assert len({one, copy.copy(one)}) == 1 and one.id == "s/2/3"
    assert not hasattr(one, "__dict__")
    with pytest.raises(AttributeError):
        one.rule = "other"  # type: ignore[misc]


def test_bytes_that_nobody_would_send() -> None:
    response = subscribe_pb2.SubscribeResponse(resumed=3, head=9)
    response.entries.add(position=4).alert.CopyFrom(alert_pb2.Alert(rule="žluť", output_fields={"a": "b"}))
    good = response.SerializeToString()
    seed = random.Random(5)
    kinds = set()
    for _ in range(20_000):
        wrong = bytearray(good)
        for _ in range(seed.randrange(1, 4)):
            wrong[seed.randrange(len(wrong))] = seed.randrange(256)
        course = Course(SETTINGS, "cursor", None, "", ())
        course.begin()
        try:
            for made in course.take(bytes(wrong[: seed.randrange(1, len(wrong) + 1)])):
                made.falco_json()
                course.acknowledge(made.position)
            course.due()
            kinds.add("read")
        except cadge.ProtocolMismatch:
            kinds.add("refused")
        pushing = Pushing(SETTINGS, cadge.Event("R", "o"), None)
        pushing.request()
        try:
            pushing.take(bytes(wrong))
            pushing.finish()
        except cadge.Error:
            pass
    assert kinds == {"read", "refused"}


def test_what_an_earlier_connection_brought_is_acknowledged_once_it_has_come_again() -> None:
    def response(*positions: int) -> bytes:
        entries = [subscribe_pb2.Entry(position=position, alert=alert_pb2.Alert()) for position in positions]
        return subscribe_pb2.SubscribeResponse(entries=entries, position=positions[-1]).SerializeToString()

    def due() -> int | None:
        request = course.due()
        return None if request is None else subscribe_pb2.SubscribeRequest.FromString(request).acknowledge

    course = Course(SETTINGS, "cursor", None, "", ())
    course.begin()
    assert [made.position for made in course.take(response(4, 10))] == [4, 10]
    course.begin()
    course.acknowledge(10)
    assert due() is None
    assert course.take(response(4, 6)) == [] and due() == 6 and due() is None
    assert [made.position for made in course.take(response(10, 12))] == [12]
    assert due() == 10
    course.acknowledge(5)
    assert due() is None
    course.acknowledge(12)
    assert due() == 12
