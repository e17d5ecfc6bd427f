"""Prints how many alerts each rule has raised in the last hours, most first.

    python count.py [HOURS]
"""

import signal
import sys
from datetime import datetime, timedelta, timezone

import cadge


def main(hours: str = "24") -> None:
    since = datetime.now(timezone.utc) - timedelta(hours=int(hours))
    with cadge.connect() as hub:
        # The hub counts: it has an index, and no alert is sent.
        counted = hub.count("rule", since=since)
    # A count has a value for each dimension that was asked for: here the rule's name.
    for count in sorted(counted.counts, key=lambda count: (-count.count, count.values)):
        print(count.count, *count.values, flush=True)


if __name__ == "__main__":
    # What ends a service ends this as ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main(*sys.argv[1:2])
    except KeyboardInterrupt:
        pass
    except cadge.Error as error:
        sys.exit(f"count: {type(error).__name__}: {error}")
