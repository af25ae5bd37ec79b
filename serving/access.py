"""Who may ask: a bearer token over REST and gRPC, where one is set."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from serving.errors import NotAllowedError

_SCHEME = b"bearer "


class Access:
    """Checks tokens.

    Args:
      tokens: Those that are taken; none = everybody may ask.
    """

    def __init__(self, tokens: Iterable[str] = ()) -> None:
        self._tokens = [token.encode() for token in tokens]

    @property
    def is_open(self) -> bool:
        """Whether everybody may ask."""
        return not self._tokens

    def check_header(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Checks the headers of a REST request.

        Raises:
          NotAllowedError: No token, or another one.
        """
        if self._tokens:
            self.check(next((value for name, value in headers if name == b"authorization"), None))

    def check(self, authorization: bytes | None) -> None:
        """Checks the value of `Authorization`.

        Raises:
          NotAllowedError: No token, or another one.
        """
        if not self._tokens:
            return
        if authorization is None:
            raise NotAllowedError("This server asks for a token: send the header `Authorization: Bearer TOKEN`")
        sent = authorization[len(_SCHEME) :].strip() if authorization[: len(_SCHEME)].lower() == _SCHEME else b""
        # Every token is compared, each in constant time, so that the time taken tells nothing.
        if sum(hmac.compare_digest(sent, token) for token in self._tokens) == 0:
            raise NotAllowedError("The token is not the right one")
