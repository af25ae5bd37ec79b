"""The client: typed questions to a recommender behind TensorFlow Serving's API, over REST or gRPC."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from serving import contract
from serving.client.answers import AVAILABLE, ModelMetadata, ModelToServe, SignatureInfo, VersionStatus
from serving.client.channel import Channel, Deadline, Question, Target
from serving.client.settings import Retries, Timeouts, Tls
from serving.errors import (
    DeadlineExceededError,
    InvalidRequestError,
    NotFoundError,
    UnavailableError,
    UnreachableError,
)
from serving.events.actions import ADD, ERASE, LIST
from serving.missing_extra import needs_extra
from serving.public_signatures import OPTIONAL_SIGNATURES, SIGNATURES
from serving.questions import BundleQuestions

if TYPE_CHECKING:
    import httpx

REST_SCHEMES = ("http", "https")
GRPC_SCHEMES = ("grpc", "grpcs")
GRPC_PORT = 8500
DEFAULT_TIMEOUTS = Timeouts()
DEFAULT_RETRIES = Retries()

T = TypeVar("T")


class RecommenderClient(BundleQuestions):
    """Asks a server, ours or the official TensorFlow Serving with a bundle of ours.

    Methods may be called from several threads; connections are kept. Every method raises the errors of
    serving/errors.py and no others.

    Args:
      server: `http://host:8501`, `https://…` (REST) or `grpc://host:8500`, `grpcs://…` (gRPC, TLS).
      model: The model's name on the server.
      version: Ask this version; None = the newest.
      label: Ask the version that carries this label.
      token: Bearer token, where the server asks for one.
      timeouts: How long to wait.
      retries: How often questions without an answer are repeated.
      tls: Whom to trust under `https` and `grpcs`; None = the system's certificates.
      transport: REST only: how httpx reaches the server; None = by the network.

    Raises:
      ValueError: A server, version or label that cannot be.
    """

    def __init__(
        self,
        server: str,
        *,
        model: str = contract.MODEL_NAME,
        version: int | None = None,
        label: str | None = None,
        token: str | None = None,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        retries: Retries = DEFAULT_RETRIES,
        tls: Tls | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.server = server
        self.model = model
        self._timeouts = timeouts
        self._retries = retries
        target = Target(model=model, version=version, label=label)
        self._channel = _open(server, target, timeouts, token, tls, transport)
        self._described: dict[str, SignatureInfo] = {}

    def __enter__(self) -> RecommenderClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the connections back."""
        self._channel.close()

    # Events; a server of ours that keeps them.

    def add_events(self, events: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
        """Tells what people did; it counts in their next answers.

        An event without an `id` gets one here, so that a repetition of the request never counts twice.

        Args:
          events: At most 1,000, all kept or none: `user`, `item`, and where they are known `event` (default view),
            `timestamp` (seconds since 1970, default now), `rating`, `id`, `request_id`.

        Returns:
          How many were new, and how many were known by their id.
        """
        named = [{**event, "id": event.get("id") or uuid.uuid4().hex} for event in events]
        answer = self._repeated(lambda deadline: self._channel.events(ADD, "", named, deadline))
        return int(answer["stored"]), int(answer["repeated"])

    def user_events(self, user_id: str) -> list[dict[str, Any]]:
        """The events of a user that are kept, oldest first; where the server has them, for administrators only."""
        return list(self._repeated(lambda deadline: self._channel.events(LIST, user_id, (), deadline))["events"])

    def erase_events(self, user_id: str) -> int:
        """Forgets the events of a user; how many there were. What the bundle was trained on stays there."""
        return int(self._repeated(lambda deadline: self._channel.events(ERASE, user_id, (), deadline))["erased"])

    # Questions to any model.

    def predict(self, signature: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Asks any signature of any model.

        Args:
          signature: Its name.
          inputs: All its inputs by name: nested lists of str, bytes, bool, int or float, or one such value.

        Returns:
          All its outputs by name, in the same form; strings are bytes where the output's name ends in `_bytes`.

        Raises:
          InvalidRequestError: No such signature, or not its inputs.
        """
        known = self._signature(signature)
        if set(inputs) != set(known.inputs):
            raise InvalidRequestError(
                f"the signature `{signature}` should be given the inputs {', '.join(sorted(known.inputs))}. "
                f"Received: {', '.join(sorted(inputs)) or 'none'}"
            )
        dtypes = {name: tensor.dtype for name, tensor in known.inputs.items()}
        return self._predict(
            Question(signature=signature, inputs=inputs, dtypes=dtypes, outputs=tuple(sorted(known.outputs)))
        )

    def status(self) -> list[VersionStatus]:
        """The versions of the model that the server knows of."""
        return self._repeated(self._channel.status)

    def ready(self) -> bool:
        """Whether the model can be asked now; False too where no server answers."""
        try:
            return any(one.state == AVAILABLE for one in self._channel.status(self._deadline()))
        except (DeadlineExceededError, NotFoundError, UnavailableError, UnreachableError):
            return False

    def metadata(self) -> ModelMetadata:
        """The version that answers, with its signatures."""
        return self._repeated(self._channel.metadata)

    def catalogue(self) -> dict[str, Any]:
        """Items (id, title, features) and some user ids; empty where the server offers none (gRPC, official server)."""
        return self._repeated(self._channel.catalogue)

    def reload(self, models: Sequence[ModelToServe]) -> None:
        """Makes the server serve these models and no others (gRPC only); never repeated by itself."""
        self._channel.reload(models, self._deadline())

    def _outputs(self, signature: str, inputs: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        known = SIGNATURES.get(signature) or OPTIONAL_SIGNATURES[signature]
        dtypes = {name: tensor.dtype for name, tensor in known.inputs.items()}
        return self._predict(
            Question(
                signature=signature,
                inputs=inputs,
                dtypes=dtypes,
                outputs=tuple(known.outputs),
                request_id=request_id,
            )
        )

    def _predict(self, question: Question) -> dict[str, Any]:
        return self._repeated(lambda deadline: self._channel.predict(question, deadline))

    def _signature(self, name: str) -> SignatureInfo:
        """A signature of the model as the server describes it, asked once."""
        if name not in self._described:
            self._described = dict(self.metadata().signatures)
        if name not in self._described:
            raise InvalidRequestError(
                f"the model `{self.model}` has no signature `{name}`, but {', '.join(sorted(self._described))}"
            )
        return self._described[name]

    def _deadline(self) -> Deadline:
        return Deadline(self._timeouts.total_seconds)

    def _repeated(self, attempt: Callable[[Deadline], T]) -> T:
        """Asks until there is an answer, a refusal that will not change, or no try or time left."""
        deadline = self._deadline()
        for pause in self._retries.pauses():
            try:
                return attempt(deadline)
            except (UnavailableError, UnreachableError) as error:
                told = error.retry_seconds if isinstance(error, UnavailableError) else 0.0
                if told is None or told + pause >= deadline.left():
                    raise
                time.sleep(told + pause)
        return attempt(deadline)


def _open(
    server: str,
    target: Target,
    timeouts: Timeouts,
    token: str | None,
    tls: Tls | None,
    transport: httpx.BaseTransport | None,
) -> Channel:
    scheme, address = _parsed(server)
    if tls is not None and scheme not in ("https", "grpcs"):
        raise ValueError(f"`tls` needs an https:// or grpcs:// address. Received: {server}")
    if scheme in REST_SCHEMES:
        with needs_extra("RecommenderClient over REST", "client"):
            from serving.client.rest_channel import RestChannel

        return RestChannel(server, target, timeouts, token, tls, transport)
    if transport is not None:
        raise ValueError(f"`transport` is for http:// and https://. Received: {server}")
    with needs_extra("RecommenderClient over gRPC", "serving"):
        from serving.client.grpc_channel import GrpcChannel

    return GrpcChannel(address, target, timeouts, token, tls or Tls() if scheme == "grpcs" else None)


def _parsed(server: str) -> tuple[str, str]:
    """Scheme and `host:port`."""
    wanted = "`server` should be like http://host:8501, https://host, grpc://host:8500 or grpcs://host:8500."
    try:
        parts = urlsplit(server)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{wanted} Received: {server} ({error})") from error
    if parts.scheme not in REST_SCHEMES + GRPC_SCHEMES or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{wanted} Received: {server}")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{wanted} Received one with a password in it: give a bearer token instead")
    if parts.scheme in GRPC_SCHEMES and parts.path not in ("", "/"):
        raise ValueError(f"{wanted} Received: {server}, which has a path")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return parts.scheme, f"{host}:{port or GRPC_PORT}"
