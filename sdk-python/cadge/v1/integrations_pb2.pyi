import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from cadge.v1 import alert_pb2 as _alert_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class IntegrationsStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class IntegrationsStatus(_message.Message):
    __slots__ = ("integrations", "head")
    INTEGRATIONS_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    integrations: _containers.RepeatedCompositeFieldContainer[IntegrationState]
    head: int
    def __init__(self, integrations: _Optional[_Iterable[_Union[IntegrationState, _Mapping]]] = ..., head: _Optional[int] = ...) -> None: ...

class IntegrationState(_message.Message):
    __slots__ = ("name", "label", "on", "delivering", "position", "lag", "circuit_open", "failures", "last_failure", "dead_letters")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    ON_FIELD_NUMBER: _ClassVar[int]
    DELIVERING_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    LAG_FIELD_NUMBER: _ClassVar[int]
    CIRCUIT_OPEN_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    LAST_FAILURE_FIELD_NUMBER: _ClassVar[int]
    DEAD_LETTERS_FIELD_NUMBER: _ClassVar[int]
    name: str
    label: str
    on: bool
    delivering: bool
    position: int
    lag: int
    circuit_open: bool
    failures: int
    last_failure: str
    dead_letters: int
    def __init__(self, name: _Optional[str] = ..., label: _Optional[str] = ..., on: bool = ..., delivering: bool = ..., position: _Optional[int] = ..., lag: _Optional[int] = ..., circuit_open: bool = ..., failures: _Optional[int] = ..., last_failure: _Optional[str] = ..., dead_letters: _Optional[int] = ...) -> None: ...

class DeadLetter(_message.Message):
    __slots__ = ("id", "destination", "position", "time", "cause", "alert")
    ID_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    ALERT_FIELD_NUMBER: _ClassVar[int]
    id: int
    destination: str
    position: int
    time: _timestamp_pb2.Timestamp
    cause: str
    alert: _alert_pb2.Alert
    def __init__(self, id: _Optional[int] = ..., destination: _Optional[str] = ..., position: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cause: _Optional[str] = ..., alert: _Optional[_Union[_alert_pb2.Alert, _Mapping]] = ...) -> None: ...

class DeadRequest(_message.Message):
    __slots__ = ("destination", "after", "limit")
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    destination: str
    after: int
    limit: int
    def __init__(self, destination: _Optional[str] = ..., after: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class DeadResponse(_message.Message):
    __slots__ = ("letters",)
    LETTERS_FIELD_NUMBER: _ClassVar[int]
    letters: _containers.RepeatedCompositeFieldContainer[DeadLetter]
    def __init__(self, letters: _Optional[_Iterable[_Union[DeadLetter, _Mapping]]] = ...) -> None: ...

class Letters(_message.Message):
    __slots__ = ("ids", "destination", "all")
    IDS_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[int]
    destination: str
    all: bool
    def __init__(self, ids: _Optional[_Iterable[int]] = ..., destination: _Optional[str] = ..., all: bool = ...) -> None: ...

class ReplayRequest(_message.Message):
    __slots__ = ("letters",)
    LETTERS_FIELD_NUMBER: _ClassVar[int]
    letters: Letters
    def __init__(self, letters: _Optional[_Union[Letters, _Mapping]] = ...) -> None: ...

class ReplayResponse(_message.Message):
    __slots__ = ("id", "destination", "answer", "failure", "left", "done", "total")
    ID_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    id: int
    destination: str
    answer: str
    failure: str
    left: int
    done: int
    total: int
    def __init__(self, id: _Optional[int] = ..., destination: _Optional[str] = ..., answer: _Optional[str] = ..., failure: _Optional[str] = ..., left: _Optional[int] = ..., done: _Optional[int] = ..., total: _Optional[int] = ...) -> None: ...

class DiscardRequest(_message.Message):
    __slots__ = ("letters",)
    LETTERS_FIELD_NUMBER: _ClassVar[int]
    letters: Letters
    def __init__(self, letters: _Optional[_Union[Letters, _Mapping]] = ...) -> None: ...

class DiscardResponse(_message.Message):
    __slots__ = ("discarded",)
    class DiscardedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    DISCARDED_FIELD_NUMBER: _ClassVar[int]
    discarded: _containers.ScalarMap[str, int]
    def __init__(self, discarded: _Optional[_Mapping[str, int]] = ...) -> None: ...
