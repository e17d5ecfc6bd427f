"""Appends the id of every alert to a file. Killed at any moment and started again, it misses none.

    python resume.py CURSOR FILE

The hub keeps the cursor: how far this identity has acknowledged under this name. What is written and not yet
acknowledged when this is killed is written once more.
"""

import signal
import sys

import cadge


def main(cursor: str, file: str) -> None:
    with open(file, "a", encoding="utf-8") as kept, cadge.connect() as hub:
        with hub.subscribe(cursor, manual=True) as alerts:
            for alert in alerts:
                print(alert.id, file=kept, flush=True)
                # Only now: an alert that is acknowledged does not come again.
                alerts.acknowledge(alert.position)


if __name__ == "__main__":
    # What ends a service ends this as ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        pass
    except cadge.Error as error:
        sys.exit(f"resume: {type(error).__name__}: {error}")
