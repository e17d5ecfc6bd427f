"""Alerts, with Python's own types."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import IntEnum
from typing import Any, Mapping

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_SECONDS_MIN = -62_135_596_800
_SECONDS_MAX = 253_402_300_799


class Priority(IntEnum):
    """How urgent an alert is: 0 is the most urgent. Its text is Falco's name, such as `Informational`."""

    EMERGENCY = 0
    ALERT = 1
    CRITICAL = 2
    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFORMATIONAL = 6
    DEBUG = 7

    def __str__(self) -> str:
        return self.name.capitalize()


@dataclass(frozen=True)
class Alert:
    """What a rule has raised. (`sensor`, `epoch`, `sequence`) names it for ever, and so does `id`."""

    # By hand, because `dataclass` makes them only from Python 3.10 on.
    __slots__ = (
        "position", "time_ns", "priority", "rule", "output", "output_fields", "hostname", "tags", "source",
        "sensor", "epoch", "sequence",
    )  # fmt: skip

    position: int
    """Its place in the hub's log; 0 where that is not known. Positions grow, not necessarily by 1."""
    time_ns: int
    """When the event happened, on the sensor's clock, in nanoseconds since 1970; 0 where that is not known."""
    priority: Priority
    """The rule's priority."""
    rule: str
    """The rule's name."""
    output: str
    """The formatted text, with time and priority in front."""
    output_fields: Mapping[str, str]
    """Each field that the rule's output names, as text."""
    hostname: str
    """The host on which the event happened."""
    tags: tuple[str, ...]
    """The rule's tags, sorted."""
    source: str
    """The source's name: `syscall`, `k8s_audit`, `internal`, …"""
    sensor: str
    """The sensor's name."""
    epoch: int
    """Names one life of the sensor's spool."""
    sequence: int
    """Counts the alerts of one epoch from 1."""

    @property
    def time(self) -> datetime:
        """When the event happened, in UTC; whole microseconds. A year that `datetime` lacks is its nearest."""
        return moment(self.time_ns)

    @property
    def id(self) -> str:
        """`SENSOR/EPOCH/SEQUENCE`: the alert's name for ever."""
        return f"{self.sensor}/{self.epoch}/{self.sequence}"

    def falco_json(self) -> str:
        """One line of JSON as Falco writes it."""
        return json.dumps(
            {
                "hostname": self.hostname,
                "output": self.output,
                "output_fields": dict(sorted(self.output_fields.items())),
                "priority": str(self.priority),
                "rule": self.rule,
                "source": self.source,
                "tags": list(self.tags),
                "time": falco_time(self.time_ns),
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )

    # The fields are a mapping, which has no hash; the name alone is enough of one.
    def __hash__(self) -> int:
        return hash((self.sensor, self.epoch, self.sequence))

    # What is frozen and has slots can be pickled and copied only so.
    def __reduce__(self) -> tuple[Any, ...]:
        return (Alert, tuple(getattr(self, name) for name in self.__slots__))


def moment(time_ns: int) -> datetime:
    """A time of the wire in UTC."""
    try:
        return _EPOCH + timedelta(microseconds=time_ns // 1000)
    except OverflowError:
        return (datetime.min if time_ns < 0 else datetime.max).replace(tzinfo=timezone.utc)


def falco_time(time_ns: int) -> str:
    """Such as `2026-01-31T12:00:00.123456789Z`. A time that no calendar has reads as 1970."""
    seconds, nanos = divmod(time_ns, 1_000_000_000)
    if not _SECONDS_MIN <= seconds <= _SECONDS_MAX:
        seconds, nanos = 0, 0
    whole = _EPOCH + timedelta(seconds=seconds)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{nanos:09}Z" if whole.year >= 1000 else f"{whole.isoformat()[:19]}.{nanos:09}Z"
