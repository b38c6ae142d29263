"""Secrets of channels, read from the environment at the moment of sending. They are quoted nowhere: what is read is
marked, so that no line of the process shows it.
"""

import os
import re
from collections.abc import Iterable, Iterator

from centra_assets.alerts.errors import AlertSecretMissingError
from centra_assets.logs import mark

# Part of a URL that is so long is a key, and no word.
_KEY = re.compile(r"[^/?&=#:@]{16,}")


def setting(variable: str) -> str:
    """The value of an environment variable that is no secret; AlertSecretMissingError where there is none."""
    value = _read(variable)
    if not value:
        raise AlertSecretMissingError(f"The environment variable {variable} is not set.")
    return value


def secret(variable: str) -> str:
    """The same for a secret."""
    value = setting(variable)
    mark(*_forms(value))
    return value


def hide_secrets(variables: Iterable[str]) -> None:
    """Mark what these environment variables hold, as far as they are set."""
    for variable in variables:
        mark(*_forms(_read(variable)))


def _read(variable: str) -> str:
    return os.environ.get(variable, "").strip()


def _forms(value: str) -> Iterator[str]:
    """The value, and of a URL the keys in it, which libraries name without its server."""
    yield value
    scheme, separator, rest = value.partition("://")
    if scheme and separator:
        yield from _KEY.findall(rest.partition("/")[2])


def secret_url(variable: str) -> str:
    """The same for a URL."""
    value = secret(variable)
    if not value.startswith(("https://", "http://")) or any(part.isspace() for part in value):
        raise AlertSecretMissingError(f"The environment variable {variable} holds no URL.")
    return value
