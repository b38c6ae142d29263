"""The root of every error this project raises: a stable code, a cause, a remedy. Families live beside their code."""

from typing import ClassVar


class CentraAssetsError(Exception):
    """An error a person can act on.

    `code` is stable and documented in docs/errors.md; the message is the cause, free of secrets and personal data;
    `remedy` says what to do. `transient` errors may succeed when tried again, all others must not be retried.
    """

    code: ClassVar[str] = "CENTRA_ASSETS_ERROR"
    remedy: ClassVar[str] = "Read the cause; it names what was refused."
    transient: ClassVar[bool] = False

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause

    def __str__(self) -> str:
        return f"{self.code}: {self.cause} Remedy: {self.remedy}"
