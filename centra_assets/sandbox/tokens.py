"""API tokens: who may ask, for what, until when. How a missing permission is answered lives in the endpoint."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime

DEFAULT_TOKEN = "sandbox-token"  # noqa: S105  (a stand-in's token protects nothing and is printed at the start)


@dataclass(frozen=True)
class Token:
    """What a token may do. `permissions` None: everything; `store_ids` None: every store."""

    value: str = field(repr=False)
    permissions: frozenset[str] | None = None
    store_ids: frozenset[int] | None = None
    integration: str | None = None
    expires_at: datetime | None = None

    def may(self, permission: str) -> bool:
        return self.permissions is None or permission in self.permissions


class TokenBook:
    """Every token of the instance by its text."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self.put(Token(DEFAULT_TOKEN, integration="sandbox"))

    def put(self, token: Token) -> Token:
        self._tokens[token.value] = token
        return token

    def mint(
        self,
        *,
        permissions: frozenset[str] | None = None,
        store_ids: frozenset[int] | None = None,
        integration: str | None = None,
        expires_at: datetime | None = None,
    ) -> Token:
        """A new token with a text of its own."""
        return self.put(Token(secrets.token_hex(16), permissions, store_ids, integration, expires_at))

    def revoke(self, value: str) -> None:
        self._tokens.pop(value, None)

    def valid(self, value: str | None, now: datetime) -> Token | None:
        """The token of this text, unless it is unknown or has expired."""
        token = self._tokens.get(value) if value else None
        if token is None or (token.expires_at is not None and token.expires_at <= now):
            return None
        return token
