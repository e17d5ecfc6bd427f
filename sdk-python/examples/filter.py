"""Prints the alerts that a condition in Falco's language is true for, from the log's beginning on.

    python filter.py 'alert.priority_num <= 3 and k8s.ns.name = shop'
"""

import signal
import sys

import cadge


def main(condition: str = "") -> None:
    # The hub looks at the condition: what it is not true for is never sent.
    with cadge.connect() as hub, hub.subscribe(start="beginning", filter=condition) as alerts:
        for alert in alerts:
            # A priority's text is its name as Falco writes it.
            print(alert.position, alert.priority, alert.rule, flush=True)


if __name__ == "__main__":
    # What ends a service ends this as ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main(*sys.argv[1:2])
    except KeyboardInterrupt:
        pass
    except cadge.Error as error:
        sys.exit(f"filter: {type(error).__name__}: {error}")
