import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from cadge.v1 import alert_pb2 as _alert_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Start(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    START_NOW: _ClassVar[Start]
    START_BEGINNING: _ClassVar[Start]
START_NOW: Start
START_BEGINNING: Start

class SubscribeRequest(_message.Message):
    __slots__ = ("open", "acknowledge")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGE_FIELD_NUMBER: _ClassVar[int]
    open: Open
    acknowledge: int
    def __init__(self, open: _Optional[_Union[Open, _Mapping]] = ..., acknowledge: _Optional[int] = ...) -> None: ...

class Open(_message.Message):
    __slots__ = ("cursor", "start", "transient", "after", "since", "filter", "fields", "heartbeat_ms")
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    TRANSIENT_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_MS_FIELD_NUMBER: _ClassVar[int]
    cursor: str
    start: Start
    transient: bool
    after: int
    since: _timestamp_pb2.Timestamp
    filter: str
    fields: _containers.RepeatedScalarFieldContainer[str]
    heartbeat_ms: int
    def __init__(self, cursor: _Optional[str] = ..., start: _Optional[_Union[Start, str]] = ..., transient: bool = ..., after: _Optional[int] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., filter: _Optional[str] = ..., fields: _Optional[_Iterable[str]] = ..., heartbeat_ms: _Optional[int] = ...) -> None: ...

class SubscribeResponse(_message.Message):
    __slots__ = ("entries", "head", "resumed", "position", "lag")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    LAG_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    head: int
    resumed: int
    position: int
    lag: int
    def __init__(self, entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., head: _Optional[int] = ..., resumed: _Optional[int] = ..., position: _Optional[int] = ..., lag: _Optional[int] = ...) -> None: ...

class Entry(_message.Message):
    __slots__ = ("position", "alert")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ALERT_FIELD_NUMBER: _ClassVar[int]
    position: int
    alert: _alert_pb2.Alert
    def __init__(self, position: _Optional[int] = ..., alert: _Optional[_Union[_alert_pb2.Alert, _Mapping]] = ...) -> None: ...

class GetRequest(_message.Message):
    __slots__ = ("after", "limit", "since", "until", "filter", "fields")
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    after: int
    limit: int
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    filter: str
    fields: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, after: _Optional[int] = ..., limit: _Optional[int] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., filter: _Optional[str] = ..., fields: _Optional[_Iterable[str]] = ...) -> None: ...
