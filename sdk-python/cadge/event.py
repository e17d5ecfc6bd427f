"""Events that a program hands in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Mapping, Optional, Sequence

from .alert import Priority


@dataclass(frozen=True)
class Event:
    """What a program has seen. The hub keeps it as an alert: no rule is asked."""

    rule: str
    """What kind of thing happened: consumers find it as the rule's name. Not empty."""
    output: str
    """What happened, for people."""
    output_fields: Mapping[str, str] = field(default_factory=dict)
    """The same for machines: names as in Falco's fields, such as `user.name`, or others."""
    priority: Priority = Priority.NOTICE
    """How urgent it is."""
    time: Optional[datetime] = None
    """When it happened; without a time zone it is local time. `None`: when `push` is called."""
    hostname: str = ""
    """The host on which it happened. Empty: the caller's name."""
    tags: Sequence[str] = ()
    """Sorted by the hub."""
    source: str = ""
    """The source's name. Empty: `input`."""


@dataclass(frozen=True)
class Refused:
    """An event that the hub does not keep."""

    event: Event
    """The event."""
    reason: str
    """Why, and what to do."""
