import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from cadge.v1 import subscribe_pb2 as _subscribe_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Dimension(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIMENSION_UNSPECIFIED: _ClassVar[Dimension]
    DIMENSION_RULE: _ClassVar[Dimension]
    DIMENSION_PRIORITY: _ClassVar[Dimension]
    DIMENSION_SENSOR: _ClassVar[Dimension]
    DIMENSION_HOST: _ClassVar[Dimension]
    DIMENSION_SOURCE: _ClassVar[Dimension]
    DIMENSION_NAMESPACE: _ClassVar[Dimension]
    DIMENSION_POD: _ClassVar[Dimension]
    DIMENSION_TAG: _ClassVar[Dimension]
DIMENSION_UNSPECIFIED: Dimension
DIMENSION_RULE: Dimension
DIMENSION_PRIORITY: Dimension
DIMENSION_SENSOR: Dimension
DIMENSION_HOST: Dimension
DIMENSION_SOURCE: Dimension
DIMENSION_NAMESPACE: Dimension
DIMENSION_POD: Dimension
DIMENSION_TAG: Dimension

class Where(_message.Message):
    __slots__ = ("dimension", "values")
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    dimension: Dimension
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, dimension: _Optional[_Union[Dimension, str]] = ..., values: _Optional[_Iterable[str]] = ...) -> None: ...

class Selection(_message.Message):
    __slots__ = ("where", "since", "until")
    WHERE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    where: _containers.RepeatedCompositeFieldContainer[Where]
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    def __init__(self, where: _Optional[_Iterable[_Union[Where, _Mapping]]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SearchRequest(_message.Message):
    __slots__ = ("selection", "oldest_first", "limit", "page", "filter", "fields")
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    OLDEST_FIRST_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    selection: Selection
    oldest_first: bool
    limit: int
    page: int
    filter: str
    fields: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, selection: _Optional[_Union[Selection, _Mapping]] = ..., oldest_first: bool = ..., limit: _Optional[int] = ..., page: _Optional[int] = ..., filter: _Optional[str] = ..., fields: _Optional[_Iterable[str]] = ...) -> None: ...

class SearchResponse(_message.Message):
    __slots__ = ("entries", "next_page", "indexed", "head")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_FIELD_NUMBER: _ClassVar[int]
    INDEXED_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[_subscribe_pb2.Entry]
    next_page: int
    indexed: int
    head: int
    def __init__(self, entries: _Optional[_Iterable[_Union[_subscribe_pb2.Entry, _Mapping]]] = ..., next_page: _Optional[int] = ..., indexed: _Optional[int] = ..., head: _Optional[int] = ...) -> None: ...

class CountRequest(_message.Message):
    __slots__ = ("selection", "group_by", "step_seconds", "filter")
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    GROUP_BY_FIELD_NUMBER: _ClassVar[int]
    STEP_SECONDS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    selection: Selection
    group_by: _containers.RepeatedScalarFieldContainer[Dimension]
    step_seconds: int
    filter: str
    def __init__(self, selection: _Optional[_Union[Selection, _Mapping]] = ..., group_by: _Optional[_Iterable[_Union[Dimension, str]]] = ..., step_seconds: _Optional[int] = ..., filter: _Optional[str] = ...) -> None: ...

class CountResponse(_message.Message):
    __slots__ = ("counts", "indexed", "head", "overflowed")
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    INDEXED_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    OVERFLOWED_FIELD_NUMBER: _ClassVar[int]
    counts: _containers.RepeatedCompositeFieldContainer[Count]
    indexed: int
    head: int
    overflowed: _containers.RepeatedScalarFieldContainer[Dimension]
    def __init__(self, counts: _Optional[_Iterable[_Union[Count, _Mapping]]] = ..., indexed: _Optional[int] = ..., head: _Optional[int] = ..., overflowed: _Optional[_Iterable[_Union[Dimension, str]]] = ...) -> None: ...

class Count(_message.Message):
    __slots__ = ("start", "values", "count")
    START_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    start: _timestamp_pb2.Timestamp
    values: _containers.RepeatedScalarFieldContainer[str]
    count: int
    def __init__(self, start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., values: _Optional[_Iterable[str]] = ..., count: _Optional[int] = ...) -> None: ...
