"""What can go wrong in alerting, each with a code and a remedy. No text here holds an address, a URL or a secret."""

from centra_assets.errors import CentraAssetsError


class AlertError(CentraAssetsError):
    """The root of everything that goes wrong in telling what went wrong."""

    code = "ALERT_ERROR"


class AlertsConfigError(AlertError):
    """alerts.yaml cannot be used: every problem that was found, with its place and what is allowed there."""

    code = "ALERTS_CONFIG_INVALID"
    remedy = "Correct the named file as docs/alerts.md describes; CENTRA_ALERTS_FILE says which file is read."


class AlertSecretMissingError(AlertError):
    """A channel names an environment variable that is not set, or that holds nothing usable."""

    code = "ALERT_SECRET_MISSING"
    remedy = "Set the named variable where Dagster's code server runs, and start that again."


class AlertChannelRefusedError(AlertError):
    """A channel answered that it will not take the message: address, credentials or form."""

    code = "ALERT_CHANNEL_REFUSED"
    remedy = "Correct the channel's settings or renew its credentials, then run `centra-assets alerts test`."


class AlertChannelUnavailableError(AlertError):
    """A channel could not be reached, did not answer in time, or asked to wait."""

    code = "ALERT_CHANNEL_UNAVAILABLE"
    remedy = "See that the channel's server can be reached from here; messages wait and are tried again."
    transient = True

    def __init__(self, cause: str, *, wait_seconds: float | None = None) -> None:
        super().__init__(cause)
        self.wait_seconds = wait_seconds


class AlertUnknownError(AlertError):
    """A command named an alert or a channel that does not exist."""

    code = "ALERT_UNKNOWN"
    remedy = "See `centra-assets alerts list --all` for the keys, and alerts.yaml for the channels."
