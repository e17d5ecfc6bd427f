"""Client of a Cadge hub: get alerts, or subscribe and never miss one.

    import cadge

    with cadge.connect() as hub:
        for alert in hub.subscribe("my-service"):
            print(alert.output)

`cadge.aio` has the same for `asyncio`.
"""

import os as _os

# What gRPC itself writes to standard error says less than the errors here. It reads this when it is imported.
_os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from ._requests import Start, Where
from ._settings import Pem
from .alert import Alert, Priority
from .client import Client, connect
from .errors import Closed, Error, HubDown, InvalidRequest, PermissionDenied, ProtocolMismatch, WrongCertificate
from .event import Event, Refused
from .history import Count, Counted, Dimension, Page, Version
from .subscription import Subscription

__version__ = "0.1.0"

__all__ = [
    "Alert",
    "Client",
    "Closed",
    "Count",
    "Counted",
    "Dimension",
    "Error",
    "Event",
    "HubDown",
    "InvalidRequest",
    "Page",
    "Pem",
    "PermissionDenied",
    "Priority",
    "ProtocolMismatch",
    "Refused",
    "Start",
    "Subscription",
    "Version",
    "Where",
    "WrongCertificate",
    "connect",
]
