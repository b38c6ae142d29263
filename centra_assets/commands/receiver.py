"""The `receiver` command: settings become a running webhook receiver."""

from datetime import timedelta

from centra_assets.receiver.app import ReceiverOptions
from centra_assets.receiver.logs import configure
from centra_assets.receiver.plugins import webhook_plugins
from centra_assets.receiver.serve import run
from centra_assets.settings import Settings, SettingsError


def run_receiver(*, host: str | None = None, port: int | None = None) -> None:
    """Serve until interrupted. The database may be away: deliveries are answered 503 until it is there."""
    settings = Settings.load()
    if settings.database_url is None:
        raise SettingsError("CENTRA_DATABASE_URL is not set, so deliveries could not be stored.")
    plugins = webhook_plugins(settings.webhook_secrets)
    if not plugins:
        raise SettingsError("CENTRA_WEBHOOK_SECRETS names no plugin, so every delivery would be refused.")
    options = ReceiverOptions(
        plugins=plugins,
        database_url=settings.database_url.get_secret_value(),
        window=timedelta(seconds=settings.webhook_window_seconds),
        max_body_bytes=settings.webhook_max_bytes,
    )
    configure(secret for plugin in plugins.values() for secret in plugin.reveal())
    run(options, host or settings.receiver_host, settings.receiver_port if port is None else port)
