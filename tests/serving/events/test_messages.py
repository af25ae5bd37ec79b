"""events.proto, which clients are made from, says what the server takes."""

from __future__ import annotations

import re
from pathlib import Path

from serving.events.messages import DESCRIPTOR

PROTO = Path(__file__).parents[3] / "serving" / "events" / "events.proto"
TYPES = {"double": 1, "int64": 3, "string": 9, "Event": 11}


def test_the_file_and_the_descriptor_are_the_same():
    text = re.sub(r"//.*", "", PROTO.read_text())
    written = {
        name: re.findall(r"(optional |repeated |)(\w+) (\w+) = (\d+);", body)
        for name, body in re.findall(r"message (\w+) \{(.*?)\}", text, re.DOTALL)
    }
    methods = dict(re.findall(r"rpc (\w+)\((\w+)\)", text))

    def kind(field):
        repeated = field.is_repeated if hasattr(field, "is_repeated") else field.label == 3
        return "repeated " if repeated else "optional " if field.containing_oneof else ""

    assert written == {
        name: [
            (
                kind(field),
                next(text for text, number in TYPES.items() if number == field.type),
                field.name,
                str(field.number),
            )
            for field in one.fields
        ]
        for name, one in DESCRIPTOR.message_types_by_name.items()
    }
    assert methods == {
        method.name: method.input_type.name for method in DESCRIPTOR.services_by_name["EventService"].methods
    }
