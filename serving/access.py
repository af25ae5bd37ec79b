"""Who may ask: a bearer token over REST and gRPC, where one is set; and one of their own for administrators.

A file of tokens may be changed while the server runs: it is read again (serving/rotation.py).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from serving.errors import NotAllowedError, Status

_SCHEME = b"bearer "


class Access:
    """Checks tokens.

    Args:
      tokens: Those that are taken; none = everybody may ask.
      admin_tokens: Those that may change what is served; none = whoever may ask may do that, too.
    """

    def __init__(self, tokens: Iterable[str] = (), admin_tokens: Iterable[str] = ()) -> None:
        self.set_tokens(tokens)
        self.set_admin_tokens(admin_tokens)

    def set_tokens(self, tokens: Iterable[str]) -> None:
        """Takes these tokens from now on."""
        self._tokens = [token.encode() for token in tokens]

    def set_admin_tokens(self, tokens: Iterable[str]) -> None:
        """Takes these tokens of administrators from now on."""
        self._admin_tokens = [token.encode() for token in tokens]

    @property
    def is_open(self) -> bool:
        """Whether everybody may ask."""
        return not self._tokens

    def check(self, authorization: bytes | None) -> None:
        """Checks the value of `Authorization`. An administrator may ask, too.

        Raises:
          NotAllowedError: No token, or another one.
        """
        if self._tokens and not _is_one_of(authorization, self._tokens + self._admin_tokens):
            raise _refusal(authorization, "a token")

    def check_admin(self, authorization: bytes | None) -> None:
        """Checks who wants to change what is served.

        Raises:
          NotAllowedError: No token, another one (UNAUTHENTICATED), or one that may only ask (PERMISSION_DENIED).
        """
        if not self._admin_tokens:
            self.check(authorization)
        elif not _is_one_of(authorization, self._admin_tokens):
            if self._tokens and _is_one_of(authorization, self._tokens):
                raise NotAllowedError("This token may ask, not change what is served", Status.PERMISSION_DENIED)
            raise _refusal(authorization, "an administrator's token")


def _is_one_of(authorization: bytes | None, tokens: list[bytes]) -> bool:
    if authorization is None or authorization[: len(_SCHEME)].lower() != _SCHEME:
        return False
    sent = authorization[len(_SCHEME) :].strip()
    # Every token is compared, each in constant time, so that the time taken tells nothing.
    return sum(hmac.compare_digest(sent, token) for token in tokens) > 0


def _refusal(authorization: bytes | None, what: str) -> NotAllowedError:
    if authorization is None:
        return NotAllowedError(f"This server asks for {what}: send the header `Authorization: Bearer TOKEN`")
    return NotAllowedError("The token is not the right one")
