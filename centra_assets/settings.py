"""What an installation is told by its environment. Nothing is read before `Settings.load` is called."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, AnyHttpUrl, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from centra_assets.errors import CentraAssetsError
from centra_assets.logs import mark


class SettingsError(CentraAssetsError):
    """A setting is missing or cannot be understood."""

    code = "SETTINGS_INVALID"
    remedy = "Set the named environment variables as docs/configuration.md describes, then run `centra-assets doctor`."


def _zone(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value!r} is not an IANA time zone such as Europe/Stockholm") from error
    return value


def _spelled(value: Any) -> Any:
    # As logs.form reads it.
    return value.strip().lower() if isinstance(value, str) else value


def _not_in_the_future(value: date) -> date:
    # A start after today would leave Dagster without a single partition, which it reports obscurely.
    if value > date.today():  # noqa: DTZ011 - the merchant's calendar day is near enough for a sanity check
        raise ValueError("lies in the future")
    return value


def _postgres_url(value: SecretStr) -> SecretStr:
    # Whoever is given a malformed URL later quotes it, with the password in it; so it is refused here, unquoted.
    try:
        parts = conninfo_to_dict(value.get_secret_value())
    except psycopg.ProgrammingError:
        parts = {}
    url = value.get_secret_value().startswith(("postgresql://", "postgres://"))
    if not url or not parts or "@" in str(parts.get("host", "")):
        raise ValueError(
            "is not like postgresql://user:password@host/database; in a password, write %, @, /, : and # as "
            "%25, %40, %2F, %3A and %23"
        )
    return value


class Settings(BaseSettings):
    """One field per environment variable `CENTRA_<NAME>`; docs/configuration.md lists them.

    Secrets are `SecretStr`: they print as asterisks.
    """

    model_config = SettingsConfigDict(env_prefix="CENTRA_", extra="ignore", arbitrary_types_allowed=True)

    api_url: AnyHttpUrl | None = Field(None, description="GraphQL endpoint, such as https://brand.centra.com/graphql.")
    api_token: SecretStr | None = Field(None, description="Integration API token.")
    api_token_expires_at: date | None = Field(None, description="The token's last day, as AMS showed it.")
    database_url: Annotated[SecretStr, AfterValidator(_postgres_url)] | None = Field(
        None, description="PostgreSQL for Dagster, inbox, core tables and marts."
    )
    lake_url: str = Field(".centra/lake", description="Folder or s3:// URL of the raw log.")
    out_url: str = Field(".centra/out", description="Folder or s3:// URL of finished files, such as workbooks.")
    timezone: Annotated[ZoneInfo, BeforeValidator(_zone)] = Field(
        ZoneInfo("Europe/Stockholm"), description="The merchant's own time zone; days and months are cut in it."
    )
    start_date: Annotated[date, AfterValidator(_not_in_the_future)] = Field(
        default_factory=lambda: date.today().replace(day=1) - timedelta(days=365),  # noqa: DTZ011
        description="First day of the daily partitions; months begin with its month.",
    )
    api_concurrency: int = Field(4, ge=1, le=32, description="Requests in flight at once, per run.")
    partitions_per_run: int = Field(31, ge=1, le=1000, description="Partitions that one backfill run takes at most.")
    webhook_secrets: SecretStr | None = Field(
        None, description="JSON object of webhook plugin name to its kind and secrets; receiver/plugins.py reads it."
    )
    webhook_window_seconds: int = Field(300, ge=1, le=86_400, description="How far from now a delivery may be signed.")
    webhook_max_bytes: int = Field(2**20, ge=1_024, le=64 * 2**20, description="The largest body that is taken.")
    receiver_host: str = Field("127.0.0.1", description="Address that the webhook receiver listens on.")
    receiver_port: int = Field(8801, ge=0, le=65_535, description="Port of the webhook receiver; 0 takes a free one.")

    log_format: Annotated[Literal["text", "json"], BeforeValidator(_spelled)] = Field(
        "text", description="How lines of logs are written: for people, or one JSON object each."
    )
    sync_file: Path | None = Field(None, description="The merchant's own sync.yaml, read over the project's.")
    alerts_file: Path | None = Field(None, description="The merchant's own alerts.yaml, read over the project's.")
    dagster_url: AnyHttpUrl = Field(
        AnyHttpUrl("http://127.0.0.1:3000"), description="Where Dagster's web interface is, for links in alerts."
    )

    @classmethod
    def load(cls) -> Self:
        """Read the environment; SettingsError names what is wrong, never the value of a secret.

        From here on no line of this process shows one.
        """
        try:
            settings = cls()
        except ValidationError as error:
            problems = "; ".join(
                f"CENTRA_{'_'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
                for problem in error.errors(include_input=False, include_url=False)
            )
            raise SettingsError(problems + ".") from None
        mark(*settings.secrets())
        return settings

    def secrets(self) -> Iterator[str]:
        """All that must not be shown, in every form in which it may be written."""
        if self.api_token is not None:
            yield self.api_token.get_secret_value()
        if self.database_url is not None:
            yield from _passwords(self.database_url.get_secret_value())
        if self.webhook_secrets is not None:
            yield from _webhook_secrets(self.webhook_secrets.get_secret_value())


def _passwords(url: str) -> Iterator[str]:
    """The passwords in a database's URL: as they are, as they stand in the URL, and as others would write them there.

    One that is the name of the user or the database is nobody's secret, and hiding it would make logs unreadable.
    """
    parts = conninfo_to_dict(url)
    names = {parts.get(name) for name in ("user", "dbname", "host")}
    for name in ("password", "sslpassword"):
        password = str(parts.get(name) or "")
        if password and password not in names:
            yield from (password, quote(password, safe=""))
            if name == "password":
                yield urlsplit(url).password or ""


def _webhook_secrets(written: str) -> Iterator[str]:
    """The secrets in CENTRA_WEBHOOK_SECRETS, however its plugins are written; of what is no JSON, the whole."""
    yield written
    try:
        plugins = json.loads(written)
    except ValueError:
        return
    for plugin in plugins.values() if isinstance(plugins, dict) else ():
        secrets = plugin.get("secrets") if isinstance(plugin, dict) else plugin
        yield from (
            secret for secret in (secrets if isinstance(secrets, list) else [secrets]) if isinstance(secret, str)
        )
