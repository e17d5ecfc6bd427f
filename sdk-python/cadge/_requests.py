"""Requests out of Python's types, and Python's types out of responses. Knows nothing of connections."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Callable, Iterable, Mapping, Optional, Sequence, TypeVar, Union, cast

from google.protobuf.timestamp_pb2 import Timestamp

from .alert import Alert, Priority, moment
from .errors import InvalidRequest
from .falco import schema_pb2, version_pb2
from .history import Count, Counted, Dimension, Page, Version
from .v1 import alert_pb2, history_pb2, subscribe_pb2

Start = Union[str, int, datetime]
"""Where a subscription starts: "now", "beginning", behind a position, or with what came since a moment."""

_Values = Union[str, Sequence[str]]

Where = Union[Mapping[str, _Values], Mapping[Dimension, _Values], Mapping[Union[Dimension, str], _Values]]
"""Dimensions, and of each the value or values of which an alert has one. An empty text: alerts without one."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_DIMENSIONS = tuple(Dimension)
_WIRE_DIMENSIONS = {
    each: cast("history_pb2.Dimension", number) for number, each in enumerate(_DIMENSIONS, history_pb2.DIMENSION_RULE)
}
_PRIORITIES = tuple(Priority)

T = TypeVar("T")


def made(make: Callable[[], T]) -> T:
    """A request; what protobuf does not take is the caller's mistake."""
    try:
        return make()
    except ValueError as error:
        raise InvalidRequest(f"the request has a value that it can't have: {error}") from error


def nanoseconds(time: datetime) -> int:
    """Since 1970. Without a time zone it is local time."""
    return (time.astimezone(timezone.utc) - _EPOCH) // _MICROSECOND * 1000


def timestamp(time_ns: int) -> Timestamp:
    """A time of the wire."""
    seconds, nanos = divmod(time_ns, 1_000_000_000)
    return Timestamp(seconds=seconds, nanos=nanos)


def wire_priority(priority: Union[Priority, int]) -> "schema_pb2.priority":
    """A priority of the wire. The hub refuses what it does not know."""
    return cast("schema_pb2.priority", int(priority))


def _names(names: Sequence[str]) -> Sequence[str]:
    # A text is a sequence of texts too, and never meant so.
    return [names] if isinstance(names, str) else names


def _optional(time: Optional[datetime]) -> Optional[Timestamp]:
    return None if time is None else timestamp(nanoseconds(time))


def get(
    after: int,
    limit: int,
    since: Optional[datetime],
    until: Optional[datetime],
    filter: str,
    fields: Sequence[str],
) -> bytes:
    """A range of the log."""
    return made(
        lambda: subscribe_pb2.GetRequest(
            after=after,
            limit=limit,
            since=_optional(since),
            until=_optional(until),
            filter=filter,
            fields=_names(fields),
        ).SerializeToString()
    )


def open_request(cursor: Optional[str], start: Start, filter: str, fields: Sequence[str]) -> subscribe_pb2.Open:
    """Opens a subscription."""

    def make() -> subscribe_pb2.Open:
        opened = subscribe_pb2.Open(cursor=cursor, transient=cursor is None, filter=filter, fields=_names(fields))
        if isinstance(start, datetime):
            opened.since.CopyFrom(timestamp(nanoseconds(start)))
        elif isinstance(start, int):
            opened.after = start
        elif start == "beginning":
            opened.start = subscribe_pb2.START_BEGINNING
        elif start != "now":
            raise ValueError(f'`start` is `{start}`: it can be "now", "beginning", a position or a datetime')
        return opened

    return made(make)


def _selection(where: Optional[Where], since: Optional[datetime], until: Optional[datetime]) -> history_pb2.Selection:
    named: Iterable[tuple[str, _Values]] = () if where is None else where.items()
    conditions = [
        history_pb2.Where(dimension=dimension(name), values=_names(values))
        for name, values in named
    ]
    return history_pb2.Selection(where=conditions, since=_optional(since), until=_optional(until))


def dimension(name: Union[Dimension, str]) -> history_pb2.Dimension:
    """A dimension by its name."""
    try:
        return _WIRE_DIMENSIONS[Dimension(name)]
    except ValueError:
        known = ", ".join(each.value for each in Dimension)
        raise InvalidRequest(f"there is no dimension `{name}`: there are {known}") from None


def search(
    where: Optional[Where],
    since: Optional[datetime],
    until: Optional[datetime],
    filter: str,
    fields: Sequence[str],
    oldest_first: bool,
    limit: int,
    page: int,
) -> bytes:
    """A page of alerts."""
    return made(
        lambda: history_pb2.SearchRequest(
            selection=_selection(where, since, until),
            oldest_first=oldest_first,
            limit=limit,
            page=page,
            filter=filter,
            fields=_names(fields),
        ).SerializeToString()
    )


def count(
    by: Sequence[Union[Dimension, str]],
    where: Optional[Where],
    since: Optional[datetime],
    until: Optional[datetime],
    step: Optional[timedelta],
    filter: str,
) -> bytes:
    """Counts."""
    return made(
        lambda: history_pb2.CountRequest(
            selection=_selection(where, since, until),
            group_by=[dimension(name) for name in _names(by)],
            step_seconds=0 if step is None else int(step.total_seconds()),
            filter=filter,
        ).SerializeToString()
    )


def version(answer: version_pb2.response) -> Version:
    """The versions."""
    return Version(hub=answer.version, engine=answer.engine_version)


def counted(answer: history_pb2.CountResponse) -> Counted:
    """The counts."""
    counts = tuple(
        Count(
            values=tuple(group.values),
            count=group.count,
            start=moment(_time_ns(group.start)) if group.HasField("start") else None,
        )
        for group in answer.counts
    )
    overflowed = tuple(_DIMENSIONS[number - 1] for number in answer.overflowed if 0 < number <= len(_DIMENSIONS))
    return Counted(counts=counts, indexed=answer.indexed, head=answer.head, overflowed=overflowed)


def page(answers: Sequence[history_pb2.SearchResponse]) -> Page:
    """A page, which comes in parts."""
    last = answers[-1] if answers else history_pb2.SearchResponse()
    alerts = tuple(alert(entry.position, entry.alert) for answer in answers for entry in answer.entries)
    return Page(alerts=alerts, next_page=last.next_page, indexed=last.indexed, head=last.head)


def _time_ns(time: Timestamp) -> int:
    # Protobuf's own conversions refuse what is no date.
    return time.seconds * 1_000_000_000 + time.nanos


def alert(position: int, wire: alert_pb2.Alert) -> Alert:
    """An alert of the wire."""
    priority = wire.priority
    return Alert(
        position,
        _time_ns(wire.time),
        _PRIORITIES[priority] if 0 <= priority <= 7 else Priority.DEBUG,
        wire.rule,
        wire.output,
        dict(wire.output_fields.items()),
        wire.hostname,
        tuple(wire.tags),
        wire.source,
        wire.sensor,
        wire.epoch,
        wire.sequence,
    )
