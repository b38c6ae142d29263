"""Everything that can go wrong between us and Centra, as typed errors. Deciding what to do about them is elsewhere."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from centra_assets.errors import CentraAssetsError

_LONGEST_MESSAGE = 240
_INVALID_VALUE = re.compile(r"(invalid value|cannot represent[^:]*:|Unexpected value)\s.*", re.IGNORECASE | re.DOTALL)
_EMAIL = re.compile(r"[^\s\"'<>]+@[^\s\"'<>]+")


def scrub(message: str, variables: Mapping[str, Any] | None = None) -> str:
    """The first line of a server's message without what the caller sent: values may be personal data."""
    lines = message.strip().splitlines()
    text = lines[0] if lines else ""
    for value in sorted(set(_texts(variables)), key=len, reverse=True):
        text = text.replace(value, "…")
    text = _EMAIL.sub("…", _INVALID_VALUE.sub(r"\1 …", text))
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        # One or two characters are no secret, and replacing them would make every message unreadable.
        if len(value) > 2:
            yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from _texts(inner)


class CentraError(CentraAssetsError):
    """The root of this family."""

    code = "CENTRA_ERROR"


class AuthenticationError(CentraError):
    """Centra does not know the token, or it has expired (HTTP 403)."""

    code = "CENTRA_AUTHENTICATION"
    remedy = "Make a new token in Centra (System > API tokens) and set CENTRA_API_TOKEN."


@dataclass(frozen=True)
class Denial:
    """One field that the token may not read: its response path, or its name where no path came, and what it needs."""

    path: tuple[str, ...]
    permission: str


class PermissionDeniedError(CentraError):
    """The token lacks a permission without which nothing useful is left to ask for."""

    code = "CENTRA_PERMISSION"
    remedy = "Grant the token the named permission in Centra (System > API tokens); `centra-assets doctor` lists them."

    def __init__(self, denials: Sequence[Denial]) -> None:
        self.denials = tuple(denials)
        self.path = ".".join(self.denials[0].path)
        self.permission = self.denials[0].permission
        named = "; ".join(sorted({f"{'.'.join(d.path)} needs {d.permission}" for d in self.denials}))
        super().__init__(f"The token may not read {named}.")


class RequestRefusedError(CentraError):
    """Centra refused the request as wrong: syntax, schema, arguments (HTTP 400 and its like)."""

    code = "CENTRA_REQUEST_REFUSED"
    remedy = "Compare the document with the instance's schema (`centra-assets doctor`); it may have changed."


class EndpointError(CentraError):
    """Whoever answers at this address is no GraphQL endpoint (HTTP 404, 405, or a redirection)."""

    code = "CENTRA_ENDPOINT"
    remedy = "Correct CENTRA_API_URL: the whole address, such as https://brand.centra.com/graphql."


class RateLimitedError(CentraError):
    """The quota is used up for longer than the client was told to wait."""

    code = "CENTRA_RATE_LIMITED"
    remedy = "Run again after the named moment, or find out which integration spends the environment's quota."
    transient = True

    def __init__(self, resume_at: datetime) -> None:
        self.resume_at = resume_at
        super().__init__(f"Centra's rate limit is used up; it may be asked again at {resume_at.isoformat()}.")


class ServerError(CentraError):
    """Centra failed while it worked (HTTP 5xx, or 499 for an answer that took too long)."""

    code = "CENTRA_SERVER"
    remedy = "Run again later; if it lasts, smaller pages help against slow answers, Centra's support against the rest."
    transient = True


class TransportError(CentraError):
    """The answer did not arrive whole: network, cut body, malformed JSON."""

    code = "CENTRA_TRANSPORT"
    remedy = "Check the network between this host and Centra, and CENTRA_API_URL; then run again."
    transient = True


class MutationFailedError(CentraError):
    """A mutation was executed and refused: its `userErrors` are not empty."""

    code = "CENTRA_MUTATION_FAILED"
    remedy = "Correct what the message names; the mutation changed nothing unless Centra says otherwise."


class SchemaMismatchError(CentraError):
    """The live schema lacks something that the question cannot do without."""

    code = "CENTRA_SCHEMA_MISMATCH"
    remedy = "The instance runs another version of the API than this release knows; see `centra-assets doctor`."


class FilterMissingError(SchemaMismatchError):
    """The live schema lacks the filter that narrows a question; without it everything would be read."""

    code = "CENTRA_FILTER_MISSING"
    remedy = "Choose another strategy for this entity in sync.yaml; docs/client.md says which questions need a filter."


class NestedListCutError(CentraError):
    """A list inside a record is as long as its limit, so the rest may be missing, and nothing says how to read it."""

    code = "CENTRA_NESTED_LIST_CUT"
    remedy = "Map the list's path to an operation that reads it whole (`Entity.nested`), or raise its limit."


class PageDriftError(CentraError):
    """Pages together held fewer records than Centra counted, twice in a row; or a whole list less than its part."""

    code = "CENTRA_PAGE_DRIFT"
    remedy = "Run again at a quieter time; records were moving while they were read."
    transient = True


class ResponseShapeError(CentraError):
    """The answer is JSON but not what the document asked for."""

    code = "CENTRA_RESPONSE_SHAPE"
    remedy = "Report it with the operation's name; the instance's schema may have changed while it was read."


class SharedStateUnavailableError(CentraError):
    """The database that holds budget and memory cannot be reached, or broke off."""

    code = "CENTRA_STATE_UNAVAILABLE"
    remedy = "See that PostgreSQL runs and takes connections; then run again."
    transient = True


class SharedStateRefusedError(CentraError):
    """The database refused to read or write budget or memory: rights, missing tables, a malformed URL."""

    code = "CENTRA_STATE_REFUSED"
    remedy = (
        "Apply the migrations (`centra-assets migrate`), and see that CENTRA_DATABASE_URL is whole "
        "and that its user may read and write the schema ops."
    )
