"""The same client for `asyncio`.

    import cadge.aio

    async with cadge.aio.connect() as hub:
        async for alert in hub.subscribe("my-service"):
            print(alert.output)
"""

from .client import Client, Connecting, connect
from .subscription import Subscription

__all__ = ["Client", "Connecting", "Subscription", "connect"]
