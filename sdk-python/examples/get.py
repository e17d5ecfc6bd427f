"""Prints every alert of the log after a position, and ends.

    python get.py [AFTER]
"""

import signal
import sys

import cadge


def main(after: str = "0") -> None:
    with cadge.connect() as hub:
        for alert in hub.get(int(after)):
            print(alert.position, alert.output, flush=True)


if __name__ == "__main__":
    # What ends a service ends this as ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main(*sys.argv[1:2])
    except KeyboardInterrupt:
        pass
    except cadge.Error as error:
        sys.exit(f"get: {type(error).__name__}: {error}")
