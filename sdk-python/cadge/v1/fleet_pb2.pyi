import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FleetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FleetStatus(_message.Message):
    __slots__ = ("version", "started", "now", "log", "sensors", "consumers", "sensors_forgotten", "counters_refused")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    SENSORS_FIELD_NUMBER: _ClassVar[int]
    CONSUMERS_FIELD_NUMBER: _ClassVar[int]
    SENSORS_FORGOTTEN_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_REFUSED_FIELD_NUMBER: _ClassVar[int]
    version: str
    started: _timestamp_pb2.Timestamp
    now: _timestamp_pb2.Timestamp
    log: LogState
    sensors: _containers.RepeatedCompositeFieldContainer[Sensor]
    consumers: _containers.RepeatedCompositeFieldContainer[ConsumerState]
    sensors_forgotten: int
    counters_refused: int
    def __init__(self, version: _Optional[str] = ..., started: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., now: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., log: _Optional[_Union[LogState, _Mapping]] = ..., sensors: _Optional[_Iterable[_Union[Sensor, _Mapping]]] = ..., consumers: _Optional[_Iterable[_Union[ConsumerState, _Mapping]]] = ..., sensors_forgotten: _Optional[int] = ..., counters_refused: _Optional[int] = ...) -> None: ...

class LogState(_message.Message):
    __slots__ = ("kind", "path", "first", "head", "bytes")
    KIND_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    kind: str
    path: str
    first: int
    head: int
    bytes: int
    def __init__(self, kind: _Optional[str] = ..., path: _Optional[str] = ..., first: _Optional[int] = ..., head: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class Sensor(_message.Message):
    __slots__ = ("sensor", "hostname", "version", "kernel", "rules_digest", "sources", "connected", "since", "last_heartbeat", "last_seen", "counters", "spooled", "epoch", "acknowledged", "batches", "silent")
    class CountersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    SENSOR_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    KERNEL_FIELD_NUMBER: _ClassVar[int]
    RULES_DIGEST_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    LAST_HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    SPOOLED_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    SILENT_FIELD_NUMBER: _ClassVar[int]
    sensor: str
    hostname: str
    version: str
    kernel: str
    rules_digest: str
    sources: _containers.RepeatedScalarFieldContainer[str]
    connected: bool
    since: _timestamp_pb2.Timestamp
    last_heartbeat: _timestamp_pb2.Timestamp
    last_seen: _timestamp_pb2.Timestamp
    counters: _containers.ScalarMap[str, int]
    spooled: int
    epoch: int
    acknowledged: int
    batches: int
    silent: bool
    def __init__(self, sensor: _Optional[str] = ..., hostname: _Optional[str] = ..., version: _Optional[str] = ..., kernel: _Optional[str] = ..., rules_digest: _Optional[str] = ..., sources: _Optional[_Iterable[str]] = ..., connected: bool = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_heartbeat: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_seen: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., counters: _Optional[_Mapping[str, int]] = ..., spooled: _Optional[int] = ..., epoch: _Optional[int] = ..., acknowledged: _Optional[int] = ..., batches: _Optional[int] = ..., silent: bool = ...) -> None: ...

class ConsumerState(_message.Message):
    __slots__ = ("name", "position", "lag", "streams")
    NAME_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    LAG_FIELD_NUMBER: _ClassVar[int]
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    name: str
    position: int
    lag: int
    streams: int
    def __init__(self, name: _Optional[str] = ..., position: _Optional[int] = ..., lag: _Optional[int] = ..., streams: _Optional[int] = ...) -> None: ...

class ForgetCursorRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ForgetCursorResponse(_message.Message):
    __slots__ = ("was_there",)
    WAS_THERE_FIELD_NUMBER: _ClassVar[int]
    was_there: bool
    def __init__(self, was_there: bool = ...) -> None: ...

class ForgetSensorRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ForgetSensorResponse(_message.Message):
    __slots__ = ("was_there",)
    WAS_THERE_FIELD_NUMBER: _ClassVar[int]
    was_there: bool
    def __init__(self, was_there: bool = ...) -> None: ...

class FleetFile(_message.Message):
    __slots__ = ("hub", "sensors")
    HUB_FIELD_NUMBER: _ClassVar[int]
    SENSORS_FIELD_NUMBER: _ClassVar[int]
    hub: int
    sensors: _containers.RepeatedCompositeFieldContainer[Sensor]
    def __init__(self, hub: _Optional[int] = ..., sensors: _Optional[_Iterable[_Union[Sensor, _Mapping]]] = ...) -> None: ...
