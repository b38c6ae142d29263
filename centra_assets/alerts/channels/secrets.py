"""Secrets of channels, read from the environment at the moment of sending. They are kept nowhere and quoted nowhere."""

import os

from centra_assets.alerts.errors import AlertSecretMissingError


def secret(variable: str) -> str:
    """The value of an environment variable; AlertSecretMissingError where there is none."""
    value = os.environ.get(variable, "").strip()
    if not value:
        raise AlertSecretMissingError(f"The environment variable {variable} is not set.")
    return value


def secret_url(variable: str) -> str:
    """The same for a URL."""
    value = secret(variable)
    if not value.startswith(("https://", "http://")) or any(part.isspace() for part in value):
        raise AlertSecretMissingError(f"The environment variable {variable} holds no URL.")
    return value
