"""Hands in an event of one's own: the hub keeps it as an alert.

    python push.py RULE OUTPUT [NAME=VALUE]...

The certificate or token needs the role sensor, not consumer.
"""

import signal
import sys

import cadge


def main(rule: str, output: str, *fields: str) -> None:
    output_fields = dict(field.split("=", 1) for field in fields)
    event = cadge.Event(rule, output, output_fields, priority=cadge.Priority.NOTICE)
    with cadge.connect() as hub:
        # Returns once it is on the hub's disk, over broken connections too.
        hub.push(event)
    print("kept", flush=True)


if __name__ == "__main__":
    # What ends a service ends this as ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        pass
    except cadge.Error as error:
        sys.exit(f"push: {type(error).__name__}: {error}")
