"""The messages and the service of events over gRPC, as serving/events/events.proto has them for who makes a client.

They are described here, not generated: generated code belongs to one range of versions of protobuf.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "tfx_recommenders"
EVENT_SERVICE = f"{PACKAGE}.EventService"
FILE = "serving/events/events.proto"

_STRING = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
_DOUBLE = descriptor_pb2.FieldDescriptorProto.TYPE_DOUBLE
_INT64 = descriptor_pb2.FieldDescriptorProto.TYPE_INT64
_OPTIONAL = "?"
_EVENTS = "Event*"
_MESSAGES: dict[str, dict[str, Any]] = {
    "Event": {
        "user": _STRING,
        "item": _STRING,
        "event": _STRING,
        "timestamp" + _OPTIONAL: _DOUBLE,
        "rating" + _OPTIONAL: _DOUBLE,
        "id": _STRING,
        "request_id": _STRING,
    },
    "AddEventsRequest": {"events": _EVENTS},
    "AddEventsResponse": {"stored": _INT64, "repeated": _INT64},
    "UserRequest": {"user": _STRING},
    "UserEventsResponse": {"events": _EVENTS},
    "EraseEventsResponse": {"erased": _INT64},
}
METHODS = {
    "AddEvents": ("AddEventsRequest", "AddEventsResponse"),
    "UserEvents": ("UserRequest", "UserEventsResponse"),
    "EraseEvents": ("UserRequest", "EraseEventsResponse"),
}


def _described() -> Any:
    proto = descriptor_pb2.FileDescriptorProto(name=FILE, package=PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = proto.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields.items(), 1):
            declared = message.field.add(name=field.rstrip(_OPTIONAL), number=number, label=1)
            if kind == _EVENTS:
                declared.label, declared.type, declared.type_name = 3, declared.TYPE_MESSAGE, f".{PACKAGE}.Event"
            else:
                declared.type = kind
            if field.endswith(_OPTIONAL):
                declared.proto3_optional, declared.oneof_index = True, len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{declared.name}")
    service = proto.service.add(name=EVENT_SERVICE.rpartition(".")[2])
    for method, (request, response) in METHODS.items():
        service.method.add(name=method, input_type=f".{PACKAGE}.{request}", output_type=f".{PACKAGE}.{response}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(proto)
    return pool.FindFileByName(FILE)


DESCRIPTOR = _described()


def message(name: str) -> Any:
    """The class of a message."""
    return class_of(DESCRIPTOR.message_types_by_name[name])


def class_of(descriptor: Any) -> Any:
    """The class of a message that is described in a pool of its own."""
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    factory: Any = message_factory.MessageFactory(descriptor.file.pool)  # protobuf 3
    return factory.GetPrototype(descriptor)
