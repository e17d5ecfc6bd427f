"""How fast this package reads: prints `ALERTS SECONDS CPU_SECONDS`.

    python benches/consume.py N

Seconds are from the first alert to the last, and CPU that of this process in that time, user and system.
"""

import resource
import sys
import time

import cadge


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(wanted: int) -> None:
    begun = cpu = 0.0
    seen = touched = 0
    with cadge.connect() as hub, hub.subscribe(start="beginning") as alerts:
        for alert in alerts:
            if not seen:
                begun, cpu = time.monotonic(), cpu_seconds()
            seen += 1
            # What a user would look at.
            if alert.rule and alert.time.year and alert.priority <= cadge.Priority.DEBUG:
                touched += len(alert.output_fields.get("proc.name", ""))
            if seen == wanted:
                break
        print(seen, f"{time.monotonic() - begun:.3f}", f"{cpu_seconds() - cpu:.3f}", flush=True)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except KeyboardInterrupt:
        pass
    except cadge.Error as error:
        sys.exit(f"consume: {type(error).__name__}: {error}")
