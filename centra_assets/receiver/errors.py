"""What can go wrong in the receiver, each with a code and a remedy. What is wrong with a delivery: centra.webhooks."""

from centra_assets.errors import CentraAssetsError


class ReceiverError(CentraAssetsError):
    """Anything that the receiver itself refuses."""

    code = "RECEIVER_ERROR"


class PluginUnknownError(ReceiverError):
    """A delivery came for a plugin that is not in the settings."""

    code = "RECEIVER_PLUGIN_UNKNOWN"
    remedy = "Compare the plugin's URL in Centra with the names in CENTRA_WEBHOOK_SECRETS; start the receiver again."


class BodyTooLargeError(ReceiverError):
    """The body has more bytes than may be."""

    code = "RECEIVER_BODY_TOO_LARGE"
    remedy = "Lower the plugin's number of events per call in Centra, or raise CENTRA_WEBHOOK_MAX_BYTES."


class BodyTooSlowError(ReceiverError):
    """The body did not arrive in time, or not whole."""

    code = "RECEIVER_BODY_TOO_SLOW"
    remedy = "Look at the network and at proxies before the receiver; Centra itself gives up after 5 seconds."
    transient = True


class OverloadedError(ReceiverError):
    """More deliveries wait to be stored than may."""

    code = "RECEIVER_OVERLOADED"
    remedy = "See that PostgreSQL commits fast enough, and who sends so much; Centra tries again."
    transient = True


class StoringTooSlowError(ReceiverError):
    """The database did not say in time that the delivery is stored. If it is, a repeat is recognised."""

    code = "RECEIVER_STORING_TOO_SLOW"
    remedy = "See that PostgreSQL runs and is not blocked; Centra tries again, and sweeps find what it gave up."
    transient = True


class ReceiverNotStartedError(ReceiverError):
    """The receiver cannot listen."""

    code = "RECEIVER_NOT_STARTED"
    remedy = "Choose another port with --port or CENTRA_RECEIVER_PORT, or end what listens there."
