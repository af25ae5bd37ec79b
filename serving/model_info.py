"""What a server tells about its models: state and signatures, as protos and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from serving.errors import InvalidRequestError
from serving.servable import Servable
from serving.versions import VersionStatus

SIGNATURE_DEF = "signature_def"


def status_response(statuses: Iterable[VersionStatus]) -> Any:
    """A GetModelStatusResponse."""
    response = get_model_status_pb2.GetModelStatusResponse()
    for status in statuses:
        response.model_version_status.add(
            version=status.version,
            state=status.state.value,
            status={"error_code": status.status.number, "error_message": status.message},
        )
    return response


def status_json(statuses: Iterable[VersionStatus]) -> bytes:
    """The same for REST."""
    return json.dumps(_with_defaults(status_response(statuses), preserving_proto_field_name=False), indent=1).encode()


def metadata_response(servable: Servable, fields: Iterable[str]) -> Any:
    """A GetModelMetadataResponse.

    Raises:
      InvalidRequestError: Something else than the signatures is asked for, or nothing.
    """
    asked = list(fields)
    if not asked:
        raise InvalidRequestError("GetModelMetadataRequest must specify at least one metadata_field")
    for field in asked:
        if field != SIGNATURE_DEF:
            raise InvalidRequestError(f"Metadata field {field} is not supported")
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.model_spec.name = servable.name
    response.model_spec.version.value = servable.version
    response.metadata[SIGNATURE_DEF].Pack(_signature_map(servable))
    return response


def metadata_json(servable: Servable) -> bytes:
    """The same for REST."""
    response = metadata_response(servable, [SIGNATURE_DEF])
    spec, signatures = _with_defaults(response.model_spec), _with_defaults(_signature_map(servable))
    return json.dumps({"model_spec": spec, "metadata": {SIGNATURE_DEF: signatures}}, indent=1).encode()


def _with_defaults(message: Any, *, preserving_proto_field_name: bool = True) -> Any:
    options: dict[str, Any] = {"including_default_value_fields": True}
    return json_format.MessageToDict(message, preserving_proto_field_name=preserving_proto_field_name, **options)


def _signature_map(servable: Servable) -> Any:
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for key, definition in servable.signature_defs.items():
        signatures.signature_def[key].CopyFrom(definition)
    return signatures
