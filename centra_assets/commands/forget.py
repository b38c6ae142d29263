"""`centra-assets forget`: asks for people to be forgotten, and sees to it at once. How is in `privacy`."""

from collections.abc import Sequence
from typing import TypedDict

from rich.console import Console
from rich.table import Table

from centra_assets.privacy.errors import UnknownPersonError
from centra_assets.privacy.forgetting import Forgetting, Plan
from centra_assets.privacy.forgotten import Admission, ForgottenList
from centra_assets.privacy.links import Kind, Reference, named, people
from centra_assets.privacy.requests import Request, check_by, check_people
from centra_assets.settings import Settings, SettingsError
from centra_assets.storage.audit import local_actor
from centra_assets.storage.lake import Lake
from centra_assets.storage.warehouse import Warehouse


def run_forget(
    *,
    customers: Sequence[int] = (),
    buyers: Sequence[int] = (),
    by: str,
    dry_run: bool,
    same_email: bool,
    pending: bool,
    unknown: bool = False,
) -> int:
    """Forgets, and prints what was found where; 0 when every step was taken. Raises SettingsError, privacy's errors."""
    url = Settings.load().database_url
    if url is None:
        raise SettingsError("CENTRA_DATABASE_URL is not set.")
    chosen = people(customers, buyers)
    if chosen or not pending:
        check_people(customers, buyers)
    # Before the search, which takes its time.
    if chosen and not dry_run:
        check_by(by)
    forgetting, console = _forgetting(url.get_secret_value()), Console()
    if chosen:
        strangers = forgetting.unknown(**_ids(chosen))
        if strangers:
            told = f"Nothing is known here of {named(strangers)}"
            if not unknown:
                raise UnknownPersonError(f"{told}.")
            console.print(f"{told}; whoever gets such an id in Centra comes in without personal data.")
        plan = forgetting.plan(**_ids(chosen))
        if same_email and plan.others:
            chosen = [*chosen, *plan.others]
            plan = forgetting.plan(**_ids(chosen))
        _print_plan(console, chosen, plan)
    if dry_run:
        console.print("Nothing was changed.")
        return 0
    if chosen:
        forgetting.ask(**_ids(chosen), by=f"{local_actor('forget')} for {by.strip()}", even_unknown=unknown)
    done = forgetting.carry_out()
    for request in done:
        _print_done(console, request)
    if not done:
        console.print("Nothing is due.")
    return 0


class _Ids(TypedDict):
    customer_ids: list[int]
    buyer_ids: list[int]


def _ids(chosen: Sequence[Reference]) -> _Ids:
    return {
        "customer_ids": [int(person.value) for person in chosen if person.kind is Kind.CUSTOMER],
        "buyer_ids": [int(person.value) for person in chosen if person.kind is Kind.BUYER],
    }


def _forgetting(url: str) -> Forgetting:
    lake = Lake(Settings.load().lake_url, Admission(ForgottenList(url)))
    return Forgetting(lake, Warehouse(url), url)


def _print_plan(console: Console, chosen: Sequence[Reference], plan: Plan) -> None:
    table = Table(title=f"What belongs to {named(chosen)}", show_edge=False)
    table.add_column("records of")
    table.add_column("found", justify="right")
    for name, count in plan.records.items():
        table.add_row(name, f"{count:,}")
    console.print(table)
    if plan.others:
        console.print(
            f"{named(plan.others)} ha{'s' if len(plan.others) == 1 else 've'} the same e-mail address and "
            "will not be forgotten, nor its subscriptions; --same-email includes them."
        )


def _print_done(console: Console, request: Request) -> None:
    table = Table(title=f"Request {request.id}: {named(request.people)}", show_edge=False)
    table.add_column("place")
    table.add_column("held", justify="right")
    for place, count in request.counts.items():
        table.add_row(place, f"{count:,}")
    console.print(table)
    if request.look_again_at is not None and request.state == "done":
        console.print(
            f"Looked at once more after {request.look_again_at.isoformat(timespec='minutes')} by the sensor "
            "`forgetting`, or by `centra-assets forget --pending`."
        )
