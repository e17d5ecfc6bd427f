"""What searching and counting the hub's log answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Optional

from .alert import Alert


class Dimension(str, Enum):
    """By what alerts are searched and counted. Its text, such as `"rule"`, does as well."""

    RULE = "rule"
    """The rule's name."""
    PRIORITY = "priority"
    """The priority's name as Falco writes it, such as `Informational`."""
    SENSOR = "sensor"
    """The sensor's name."""
    HOST = "host"
    """The host on which it happened."""
    SOURCE = "source"
    """The source's name."""
    NAMESPACE = "namespace"
    """The Kubernetes namespace."""
    POD = "pod"
    """The pod."""
    TAG = "tag"
    """One of the rule's tags."""


@dataclass(frozen=True)
class Page:
    """A page of alerts."""

    alerts: tuple[Alert, ...]
    """In the order that was asked for. May be fewer than the limit, or none, although there is a next page."""
    next_page: int
    """Where the next page begins; 0 is that there is none."""
    indexed: int
    """The log's position up to which the hub's index has come."""
    head: int
    """The log's last position."""


@dataclass(frozen=True)
class Count:
    """The alerts of one group."""

    values: tuple[str, ...]
    """A value for each dimension of the group; an empty one is that alerts have none."""
    count: int
    """How many."""
    start: Optional[datetime] = None
    """When its span begins, in UTC; `None` without a step."""


@dataclass(frozen=True)
class Counted:
    """Counts of alerts."""

    counts: tuple[Count, ...]
    """By time, then values. Groups without alerts are left out."""
    indexed: int
    """The log's position up to which the hub's index has come."""
    head: int
    """The log's last position."""
    overflowed: tuple[Dimension, ...]
    """Dimensions with more values than the hub tells apart: further ones are in the group `(other)`."""


@dataclass(frozen=True)
class Version:
    """The versions of a hub and of its rule engine."""

    hub: str
    """The hub's, such as `0.1.0`."""
    engine: str
    """The rule language's, such as `0.63.0`."""
