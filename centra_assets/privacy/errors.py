"""What can go wrong while somebody is forgotten. No value of anybody's data is in it."""

from centra_assets.errors import CentraAssetsError


class ForgettingBusyError(CentraAssetsError):
    """Another process is forgetting people at this moment."""

    code = "FORGETTING_BUSY"
    remedy = "The request is kept. Wait for the other process, then run `centra-assets forget --pending`."
    transient = True


class RewriteRefusedError(CentraAssetsError):
    """A rewritten lake file does not say what it should; the old one is still in place."""

    code = "LAKE_REWRITE_REFUSED"
    remedy = "See that the disk is sound and has room, then run `centra-assets forget --pending`."


class ForgetRequestError(CentraAssetsError):
    """A request to forget names nobody, or nobody who asks."""

    code = "FORGET_REQUEST_INVALID"
    remedy = "Name customers or buyers by Centra's ids (`--customer 1017`, `--buyer 17`) and say who asks (`--by`)."
