"""Forwards alerts to a topic of Kafka's, as Falco's JSON. What the broker does not have is not acknowledged.

    pip install confluent-kafka
    python kafka.py BROKERS TOPIC CURSOR
"""

import signal
import sys

from confluent_kafka import KafkaException, Producer

import cadge


def main(brokers: str, topic: str, cursor: str) -> None:
    def delivered(error: object, record: object) -> None:
        if error is not None:
            raise KafkaException(error)

    with cadge.connect() as hub, hub.subscribe(cursor, manual=True) as alerts:
        producer = Producer({"bootstrap.servers": brokers, "acks": "all", "enable.idempotence": True})
        # Many at once: as many as are there. One at a time would wait for the broker each time.
        while batch := alerts.batch():
            for alert in batch:
                producer.produce(topic, alert.falco_json(), alert.id, on_delivery=delivered)
            # Until the broker has all of them, with a look at the signals now and then.
            while producer.flush(0.2):
                pass
            alerts.acknowledge(batch[-1].position)


if __name__ == "__main__":
    # What ends a service ends this as ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        pass
    except (cadge.Error, KafkaException) as error:
        sys.exit(f"kafka: {type(error).__name__}: {error}")
