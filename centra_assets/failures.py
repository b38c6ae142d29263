"""Tells failures apart, once for all who may try again: is it transient, and under which code. Tries nothing again.

Every exception counts: ours say it themselves, PostgreSQL's by their SQLSTATE, the system's by their type and number,
HTTP's by their status. What none of these is, is permanent: trying again what nobody understands repeats the damage.
"""

import errno
import socket
import ssl
import traceback
from collections.abc import Iterator, Mapping
from types import ModuleType

import psycopg

import centra_assets
from centra_assets.errors import CentraAssetsError
from centra_assets.logins import login_refused

# The classes and states of SQL that say that the server or its connection is in trouble, and not the statement.
_SQL_PASSING = ("08", "25P03", "25P04", "40", "53", "55006", "55P03", "57", "58")
# Of those: a full disk and a configured limit do not go away by themselves.
_SQL_LASTING = ("53100", "53400", "57P04")
_SYSTEM_PASSING = frozenset(
    {
        errno.EAGAIN,
        errno.EBUSY,
        errno.ECONNABORTED,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.EINTR,
        errno.EMFILE,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.ENETUNREACH,
        errno.ENFILE,
        errno.EPIPE,
        errno.ESTALE,
        errno.ETIMEDOUT,
    }
)
_PASSING = (TimeoutError, ConnectionError, socket.gaierror, ssl.SSLEOFError)
# By name, so that nobody imports a library to look at its errors. What is listed as lasting counts first.
_NAMED_LASTING = frozenset(
    {
        "aiohttp.client_exceptions.ClientConnectorCertificateError",
        "aiohttp.client_exceptions.ClientConnectorSSLError",
        "botocore.exceptions.SSLError",
        "httpx.LocalProtocolError",
        "httpx.UnsupportedProtocol",
        "ssl.SSLCertVerificationError",
    }
)
_NAMED_PASSING = frozenset(
    {
        "aiohttp.client_exceptions.ClientConnectionError",
        "aiohttp.client_exceptions.ClientPayloadError",
        "botocore.exceptions.ConnectionError",
        "botocore.exceptions.HTTPClientError",
        "dagster_postgres.utils.DagsterPostgresException",
        "httpx.TransportError",
        "sqlalchemy.exc.InterfaceError",
        "sqlalchemy.exc.OperationalError",
        "sqlalchemy.exc.TimeoutError",
    }
)
_HTTP_PASSING = frozenset({408, 425, 429, 499})


class InternalError(CentraAssetsError):
    """Something failed that nobody foresaw. What it said is left out: it may quote a record."""

    code = "INTERNAL_ERROR"
    remedy = (
        "It is a fault of this project and trying again does not mend it: report the type and the place; "
        "to see the message, run the same partition on a machine of your own."
    )


class UnnamedOutageError(CentraAssetsError):
    """The network, the database or the system failed where no error of ours speaks for it."""

    code = "UNNAMED_OUTAGE"
    remedy = "See that network, database and disk are well; it is tried again by itself."
    transient = True


def is_transient(error: BaseException | None) -> bool:
    """Whether the same work may succeed when it is tried again without anybody doing something about it.

    An interruption is: whoever ends a process says nothing against its work. Too little memory is not: the same work
    needs as much again. None, no error, is not.
    """
    if error is None:
        return False
    if isinstance(error, CentraAssetsError):
        return error.transient
    if isinstance(error, BaseExceptionGroup):
        return all(is_transient(each) for each in error.exceptions)
    if not isinstance(error, Exception):
        return True
    if isinstance(error, psycopg.Error):
        return _is_passing_in_sql(error)
    if login_refused(getattr(error, "orig", None)):
        # As SQLAlchemy wraps it.
        return False
    status = _status_of(error)
    if status is not None:
        return status >= 500 or status in _HTTP_PASSING
    names = {f"{base.__module__}.{base.__qualname__}" for base in type(error).__mro__}
    if names & _NAMED_LASTING:
        return False
    # Libraries raise what the system raises, often without its number.
    if names & _NAMED_PASSING or isinstance(error, _PASSING):
        return True
    return isinstance(error, OSError) and error.errno in _SYSTEM_PASSING


def _status_of(error: Exception) -> int | None:
    """The status of an answer over HTTP, as httpx, requests and botocore tell it."""
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):
        told = response.get("ResponseMetadata")
        status = told.get("HTTPStatusCode") if isinstance(told, Mapping) else None
    else:
        status = getattr(response, "status_code", None)
    return status if isinstance(status, int) else None


def _is_passing_in_sql(error: psycopg.Error) -> bool:
    if error.sqlstate is None:
        # The connection broke, or there never was one; only then does the server give no state.
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and not login_refused(error)
    return error.sqlstate.startswith(_SQL_PASSING) and not error.sqlstate.startswith(_SQL_LASTING)


def translated(error: BaseException) -> CentraAssetsError:
    """The error, if it is ours; else one of ours that has its type and its place, and nothing that it says."""
    if isinstance(error, CentraAssetsError):
        return error
    place = next(iter(places(error)), "outside of this project")
    said = f"{_type_of(error)} at {place}."
    return UnnamedOutageError(said) if is_transient(error) else InternalError(said)


def code_of(error: BaseException) -> str:
    """The code under which the error is known."""
    return translated(error).code


def places(error: BaseException, package: ModuleType = centra_assets) -> Iterator[str]:
    """Where in our code it happened, `module:line` and function, the innermost first. No values are in them."""
    prefix = f"{package.__name__}."
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(prefix) and module != __name__:
            yield f"{module}:{line} in {frame.f_code.co_name}"


def _type_of(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
