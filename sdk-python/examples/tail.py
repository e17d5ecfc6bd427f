"""Prints new alerts as they come.

    python tail.py

Where the hub is comes from the environment: CADGE_HUB, CADGE_CA, CADGE_CERT, CADGE_KEY, CADGE_TOKEN.
"""

import signal
import sys

import cadge


def main() -> None:
    # Without a cursor the hub remembers nothing: this starts with the next alert, and `with` ends it.
    with cadge.connect() as hub, hub.subscribe() as alerts:
        for alert in alerts:
            print(alert.output, flush=True)


if __name__ == "__main__":
    # What ends a service ends this as ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except KeyboardInterrupt:
        pass
    except cadge.Error as error:
        sys.exit(f"tail: {type(error).__name__}: {error}")
