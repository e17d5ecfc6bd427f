"""How long to wait before the next connection."""

from __future__ import annotations

import random

FIRST_SECONDS = 0.1
LONGEST_SECONDS = 10.0


class BackOff:
    """Waits that double until a connection holds, each a little different from everybody else's."""

    def __init__(self) -> None:
        self._wait = FIRST_SECONDS

    def reset(self) -> None:
        """The connection holds."""
        self._wait = FIRST_SECONDS

    def pause(self) -> float:
        """Seconds to wait now."""
        wait = self._wait
        self._wait = min(wait * 2, LONGEST_SECONDS)
        return random.uniform(wait / 2, wait)
