"""The job `forget_customer`: carries out requests to forget, whoever made them. How lies in `privacy`."""

from collections.abc import Sequence

import dagster as dg

from centra_assets.assets.executor import living_process
from centra_assets.assets.failures import TRANSIENT_RETRIES, failures_told_apart
from centra_assets.privacy.forgetting import Forgetting
from centra_assets.privacy.requests import Request
from centra_assets.resources.storage import LakeResource, WarehouseResource
from centra_assets.sync.alive import watched

FORGET_CUSTOMER = "forget_customer"
# One pass through raw serves so many; a first start may find years of anonymised customers.
ANONYMISED_AT_ONCE = 500

_ANONYMISED = "anonymised in Centra"
# Every file of raw may have to be rewritten; what is not done by then is taken up where it was left.
_LONGEST_SECONDS = 6 * 3600


class ForgetConfig(dg.Config):
    """Whom to forget and who asks. With nobody named, what is due is carried out."""

    customers: list[int] = []
    # Of wholesale accounts.
    buyers: list[int] = []
    # An employee or a ticket: the trail and the run's config keep it.
    requested_by: str = ""
    # Also ids of which nothing is known here.
    unknown: bool = False
    # Also those whom Centra has anonymised since the last time.
    anonymised: bool = False


def build_forget_job() -> dg.JobDefinition:
    """The job."""

    @dg.op(
        description="Masks the people's records in raw, empties their columns in core, history and inbox, and keeps "
        "them out from then on.",
        retry_policy=TRANSIENT_RETRIES,
    )
    def forget(
        context: dg.OpExecutionContext, config: ForgetConfig, lake: LakeResource, warehouse: WarehouseResource
    ) -> None:
        with failures_told_apart():
            forgetting = Forgetting(lake.open(), warehouse.open(), warehouse.database_url, context.run_id)
            # A retry finds its request made already.
            if context.retry_number == 0:
                _ask(context, config, forgetting)
            done = forgetting.carry_out()
        context.log.info(f"{len(done)} requests carried out.")
        context.add_output_metadata(dict(_told(done)))

    # A process for the step would cost as much as the run itself.
    @dg.job(
        name=FORGET_CUSTOMER,
        description="Forgets customers, and buyers of accounts: erases their personal data and keeps it out. "
        "Irreversible. The config names them and who asks; the sensor `forgetting` starts it for customers whom Centra "
        "has anonymised.",
        tags={"centra_assets/lane": "privacy", **watched(_LONGEST_SECONDS)},
        executor_def=living_process,
    )
    def job() -> None:
        forget()

    return job


def _ask(context: dg.OpExecutionContext, config: ForgetConfig, forgetting: Forgetting) -> None:
    if config.customers or config.buyers:
        number = forgetting.ask(
            config.customers, buyer_ids=config.buyers, by=config.requested_by, even_unknown=config.unknown
        )
        context.log.info(f"Request {number}: {len(config.customers)} customers, {len(config.buyers)} buyers.")
    if config.anonymised:
        found = forgetting.anonymised(ANONYMISED_AT_ONCE)
        if found:
            number = forgetting.ask(found, by="sensor:forgetting", reason=_ANONYMISED, even_unknown=True)
            context.log.info(f"Request {number}: {len(found)} customers that Centra has anonymised.")


def _told(done: Sequence[Request]) -> dict[str, int]:
    """Counts in sum; an id or a count is all that a request knows."""
    return {
        "requests": len(done),
        "customers": sum(len(request.customer_ids) for request in done),
        "buyers": sum(len(request.buyer_ids) for request in done),
        "files_rewritten": sum(count for r in done for place, count in r.counts.items() if place.endswith(" files")),
    }
