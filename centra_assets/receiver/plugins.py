"""The webhook plugins that an installation listens to, read from CENTRA_WEBHOOK_SECRETS. Nothing is verified here."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, TypeAdapter, ValidationError
from pydantic import model_validator as validator

from centra_assets.centra.webhooks import WebhookKind
from centra_assets.settings import SettingsError

_VARIABLE = "CENTRA_WEBHOOK_SECRETS"
_FIELDS = ("kind", "secrets")


class WebhookPlugin(BaseModel):
    """One webhook plugin in Centra: whose words it speaks, and every secret that is valid just now."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: WebhookKind = WebhookKind.INTEGRATION_API
    secrets: tuple[Annotated[SecretStr, Field(min_length=1)], ...] = Field(min_length=1)

    @validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"secrets": [value]}
        return {"secrets": value} if isinstance(value, list) else value

    def reveal(self) -> tuple[str, ...]:
        """The secrets themselves."""
        return tuple(secret.get_secret_value() for secret in self.secrets)


_PluginName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,64}$")]
_PLUGINS = TypeAdapter(dict[_PluginName, WebhookPlugin])


def webhook_plugins(secrets: SecretStr | None) -> Mapping[str, WebhookPlugin]:
    """Name -> plugin; none when the variable is not set.

    `{"shop": {"kind": "checkout_api", "secrets": ["new", "old"]}}`; `{"shop": "secret"}` and `{"shop": ["new", "old"]}`
    are short for the Integration API. Raises SettingsError, which quotes nothing that was written.
    """
    if secrets is None:
        return {}
    try:
        return _PLUGINS.validate_json(secrets.get_secret_value())
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        raise SettingsError("; ".join(dict.fromkeys(map(_problem, problems))) + ".") from None


def _problem(problem: Any) -> str:
    """Where and what, of which only words of ours: a name or a value may be a secret in the wrong place."""
    location, kind = problem["loc"], problem["type"]
    if kind == "json_invalid" or not location:
        return f'{_VARIABLE} is not a JSON object like {{"plugin": ["secret", ...]}}'
    if kind == "string_pattern_mismatch":
        return f"{_VARIABLE}: a plugin's name is not 1 to 64 of a-z, 0-9, _ and -"
    fields = [part for part in location[1:] if part in _FIELDS]
    if not fields:
        return f"{_VARIABLE}: a plugin is not a secret, a list of secrets or an object of {' and '.join(_FIELDS)}"
    if fields[0] == "kind":
        return f"{_VARIABLE}: a plugin's kind is none of {', '.join(WebhookKind)}"
    return f"{_VARIABLE}: a plugin's secrets are not a list of at least one text, none of them empty"
