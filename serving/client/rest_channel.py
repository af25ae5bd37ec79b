"""TensorFlow Serving's REST API, spoken by httpx."""

from __future__ import annotations

import base64
import binascii
import json
import ssl
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from serving.client.answers import ModelMetadata, ModelToServe, SignatureInfo, TensorInfo, VersionStatus
from serving.client.channel import Deadline, Question, Target, as_bytes, as_values
from serving.client.settings import Timeouts, Tls
from serving.errors import (
    AnswerError,
    InvalidRequestError,
    NotFoundError,
    Status,
    StatusError,
    UnreachableError,
)
from serving.events.actions import ADD, LIST

SHOWN_CHARACTERS = 200
"""Characters of an answer that an error quotes."""


class RestChannel:
    """Asks over HTTP; connections are kept and shared by threads.

    Args:
      url: `http://host:port` or `https://…`, with a path where the server stands behind one.
      target: Which model is asked.
      timeouts: How long to wait.
      token: Bearer token.
      tls: Whom to trust under https.
      transport: How httpx reaches the server; None = by the network.
    """

    def __init__(
        self,
        url: str,
        target: Target,
        timeouts: Timeouts,
        token: str | None,
        tls: Tls | None,
        transport: httpx.BaseTransport | None,
    ) -> None:
        self._timeouts = timeouts
        self._url = url.rstrip("/")
        self._model_path = f"/v1/models/{quote(target.model, safe='')}"
        self._path = self._model_path + _version_path(target)
        self._http = httpx.Client(
            headers={"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {}),
            verify=_ssl_context(tls or Tls()),
            transport=transport,
        )

    def predict(self, question: Question, deadline: Deadline) -> dict[str, Any]:
        """See `Channel`."""
        content = {
            "signature_name": question.signature,
            "inputs": {name: _as_json(values) for name, values in question.inputs.items()},
        }
        answer = self._ask("POST", self._path + ":predict", deadline, json.dumps(content).encode(), question.request_id)
        if "outputs" not in answer:
            raise AnswerError(f"the answer of {self._url} has no `outputs`, but {_names(answer)}")
        # TF Serving leaves the name out where a signature has one output only.
        outputs = answer["outputs"] if len(question.outputs) != 1 else {question.outputs[0]: answer["outputs"]}
        if not isinstance(outputs, dict) or not set(question.outputs) <= set(outputs):
            raise AnswerError(
                f"the answer of {self._url} should have the outputs {', '.join(question.outputs)}. "
                f"Received: {_names(outputs)}"
            )
        return {name: as_values(name, _from_json(outputs[name])) for name in question.outputs}

    def status(self, deadline: Deadline) -> list[VersionStatus]:
        """See `Channel`."""
        answer = self._ask("GET", self._path, deadline)
        try:
            return [
                VersionStatus(
                    version=int(one["version"]),
                    state=one["state"],
                    error_code=one["status"]["error_code"],
                    error_message=one["status"]["error_message"],
                )
                for one in answer["model_version_status"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise self._not_ours(error) from error

    def metadata(self, deadline: Deadline) -> ModelMetadata:
        """See `Channel`."""
        answer = self._ask("GET", self._path + "/metadata", deadline)
        try:
            signatures = answer["metadata"]["signature_def"]["signature_def"]
            return ModelMetadata(
                name=answer["model_spec"]["name"],
                version=int(answer["model_spec"]["version"]),
                signatures={name: _signature(one) for name, one in signatures.items()},
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._not_ours(error) from error

    def catalogue(self, deadline: Deadline) -> dict[str, Any]:
        """See `Channel`."""
        try:
            return self._ask("GET", "/catalogue.json", deadline)
        except (NotFoundError, AnswerError):  # the official TensorFlow Serving has none
            return {}

    def events(self, action: str, user: str, events: Sequence[Mapping[str, Any]], deadline: Deadline) -> dict[str, Any]:
        """See `Channel`."""
        if action == ADD:
            return self._ask("POST", "/v1/events", deadline, json.dumps({"events": list(events)}).encode())
        method = "GET" if action == LIST else "DELETE"
        return self._ask(method, f"/v1/users/{quote(user, safe='')}/events", deadline)

    def reload(self, models: Sequence[ModelToServe], deadline: Deadline) -> None:
        """See `Channel`."""
        raise InvalidRequestError(
            "TensorFlow Serving's REST API cannot change which models are served; ask over grpc://",
            Status.UNIMPLEMENTED,
        )

    def close(self) -> None:
        """See `Channel`."""
        self._http.close()

    def _ask(
        self, method: str, path: str, deadline: Deadline, content: bytes | None = None, request_id: str = ""
    ) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"} if content is not None else {}
        headers |= {"X-Request-ID": request_id} if request_id else {}
        try:
            response, body = self._send(method, path, deadline, content, headers)
        except httpx.ConnectTimeout as error:
            raise UnreachableError(
                f"no connection to {self._url} within {self._timeouts.connect_seconds:g} s"
            ) from error
        except httpx.TimeoutException as error:
            raise deadline.exceeded() from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise UnreachableError(f"{self._url} cannot be reached: {error}") from error
        except httpx.DecodingError as error:
            raise AnswerError(f"the answer of {self._url} cannot be unpacked: {error}") from error
        answer = _parsed(body)
        if response.status_code != httpx.codes.OK:
            raise self._refused(response, answer, body)
        if not isinstance(answer, dict):
            raise AnswerError(f"the answer of {self._url} should be a JSON object. Received: {_shown(body)}")
        return answer

    def _send(
        self, method: str, path: str, deadline: Deadline, content: bytes | None, headers: Mapping[str, str]
    ) -> tuple[httpx.Response, bytes]:
        left = deadline.left()
        timeout = httpx.Timeout(left, connect=min(left, self._timeouts.connect_seconds))
        body = bytearray()
        url = self._url + path
        with self._http.stream(method, url, content=content, headers=headers, timeout=timeout) as response:
            for chunk in response.iter_bytes():
                body += chunk
                deadline.left()  # httpx limits the wait for each piece, not for the whole
        return response, bytes(body)

    def _refused(self, response: httpx.Response, answer: Any, body: bytes) -> StatusError | AnswerError:
        code = response.status_code
        if code < 400:
            return AnswerError(f"{self._url} answers with HTTP {code} where 200 was expected; is the address right?")
        said = answer.get("error") if isinstance(answer, dict) else None
        message = said if isinstance(said, str) else f"HTTP {code} from {self._url}: {_shown(body)}"
        return StatusError.of(Status.of_http(code), message, retry_seconds=_retry_seconds(response))

    def _not_ours(self, error: Exception) -> AnswerError:
        return AnswerError(f"the answer of {self._url} is not TensorFlow Serving's: {type(error).__name__} {error}")


def _retry_seconds(response: httpx.Response) -> float | None:
    """When to ask again; of a 429 that does not say so, never: the question itself is too large."""
    told = response.headers.get("Retry-After", "")
    if told.isdecimal():
        return float(told)
    return None if response.status_code == httpx.codes.TOO_MANY_REQUESTS and not told else 0.0


def _version_path(target: Target) -> str:
    if target.version is not None:
        return f"/versions/{target.version}"
    return f"/labels/{quote(target.label, safe='')}" if target.label is not None else ""


def _ssl_context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(tls.ca_file) if tls.ca_file else None)
    if tls.certificate_file is not None:
        context.load_cert_chain(str(tls.certificate_file), str(tls.key_file))
    return context


def _signature(content: Mapping[str, Any]) -> SignatureInfo:
    return SignatureInfo(
        inputs={name: _tensor(one) for name, one in content["inputs"].items()},
        outputs={name: _tensor(one) for name, one in content["outputs"].items()},
    )


def _tensor(content: Mapping[str, Any]) -> TensorInfo:
    shape = content["tensor_shape"]
    sizes = tuple(int(dimension["size"]) for dimension in shape.get("dim", ()))
    return TensorInfo(dtype=content["dtype"], shape=None if shape.get("unknown_rank") else sizes)


def _as_json(values: Any) -> Any:
    if isinstance(values, (list, tuple)):
        return [_as_json(value) for value in values]
    if isinstance(values, str):
        return values if _is_text(values) else _as_json(as_bytes(values))
    if isinstance(values, bytes):
        return {"b64": base64.b64encode(values).decode()}
    return values


def _from_json(values: Any) -> Any:
    if isinstance(values, list):
        return [_from_json(value) for value in values]
    if isinstance(values, dict):
        try:
            return base64.b64decode(values["b64"], validate=True)
        except (KeyError, TypeError, binascii.Error) as error:
            raise AnswerError(f'a value of the answer should be {{"b64": …}}. Received: {_names(values)}') from error
    return values


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _names(content: Any) -> str:
    return ", ".join(content) or "nothing" if isinstance(content, dict) else f"a {type(content).__name__}"


def _shown(body: bytes) -> str:
    text = body[: 4 * SHOWN_CHARACTERS].decode("utf-8", "replace").strip()
    return text[:SHOWN_CHARACTERS] + ("…" if len(text) > SHOWN_CHARACTERS else "") or "an empty body"
