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
    """A request to forget names nobody, an id that cannot be one, or nobody who asks; or it tells too much of who."""

    code = "FORGET_REQUEST_INVALID"
    remedy = (
        "Name customers or buyers by Centra's ids (`--customer 1017`, `--buyer 17`) and say who asks (`--by`): "
        "an employee or a ticket, no e-mail address and no secret."
    )


class UnknownPersonError(CentraAssetsError):
    """Nothing is known here of an id that is to be forgotten; Centra may give it to somebody some day."""

    code = "FORGET_UNKNOWN_PERSON"
    remedy = (
        "See whether the id was mistyped, or is an order's. To keep somebody out of whom nothing has come in yet, add "
        "`--unknown`, in the job's config `unknown: true`."
    )
