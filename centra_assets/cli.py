"""The command line `centra-assets`: how commands are spelled. What they do is in `commands`."""

import logging
from datetime import datetime
from typing import Annotated

import typer

from centra_assets import logs
from centra_assets.errors import CentraAssetsError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Centra commerce data as Dagster assets: checked, partitioned, replayable, in PostgreSQL.",
)


@app.command()
def demo(
    scale: Annotated[float, typer.Option(min=0.01, help="Size of the sandbox's shop; 1 is about 6,000 orders.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Seed of the sandbox's data.")] = 7,
) -> None:
    """Load a year of a sandbox shop through Dagster, run the checks, compare with the shop's own truth."""
    from centra_assets.commands.demo import run_demo

    raise typer.Exit(run_demo(scale=scale, seed=seed))


@app.command()
def dev(
    port: Annotated[int, typer.Option(help="Port of Dagster's web interface.")] = 3000,
    receiver_port: Annotated[int, typer.Option(help="Port of the webhook receiver.")] = 8801,
    scale: Annotated[float, typer.Option(min=0.01, help="Size of the sandbox's shop.")] = 1.0,
    traffic: Annotated[float, typer.Option(min=0, help="Changes per minute in the sandbox.")] = 12.0,
) -> None:
    """Run everything on loopback until Ctrl-C: PostgreSQL, sandbox with traffic, webhook receiver, Dagster."""
    from centra_assets.commands.dev import run_dev

    raise typer.Exit(run_dev(port=port, receiver_port=receiver_port, scale=scale, traffic=traffic))


@app.command()
def audit(
    since: Annotated[
        str | None, typer.Option(help="A duration such as 2h, or a moment; without an offset it is the merchant's.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="A duration or a moment as well.")] = None,
    entity: Annotated[
        str | None, typer.Option(help="An entity with all its tables, an asset such as core/order_lines, or an id.")
    ] = None,
    run: Annotated[str | None, typer.Option(help="The run, or how its id begins.")] = None,
    kind: Annotated[str | None, typer.Option(help="load, forget and so on.")] = None,
    actor: Annotated[str | None, typer.Option(help="Who asked, or how it begins: schedule, sensor:inbox.")] = None,
    outcome: Annotated[str | None, typer.Option(help="begun, done, refused or failed.")] = None,
    partition: Annotated[str | None, typer.Option(help="The partition.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Entries at most.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Show what was done to the data, newest first: when, what, by which run, who asked, what came of it."""
    from centra_assets.commands.audit import AuditQuestion, run_audit

    question = AuditQuestion(since, until, entity, run, kind, actor, outcome, partition)
    raise typer.Exit(run_audit(question, limit=limit, as_json=as_json))


@app.command("catch-up")
def catch_up(
    since: Annotated[
        str, typer.Option(help="A duration such as 2h, or a moment; without an offset it is the merchant's.")
    ],
    entity: Annotated[list[str] | None, typer.Option(help="Only this entity; may be given several times.")] = None,
) -> None:
    """Look for everything that changed since a moment, whether or not Dagster's daemon runs; exit code 1 if not all."""
    from centra_assets.commands.catch_up import run_catch_up

    raise typer.Exit(run_catch_up(since=since, entities=entity or []))


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check settings, database, token, permissions, schema and rate limits; exit code 1 when something is broken."""
    from centra_assets.commands.doctor import run_doctor

    raise typer.Exit(run_doctor(as_json=as_json))


@app.command()
def forget(
    customer: Annotated[
        list[int] | None, typer.Option(help="Centra's customer id; may be given several times.")
    ] = None,
    buyer: Annotated[
        list[int] | None, typer.Option(help="Centra's id of an account's buyer; may be given several times.")
    ] = None,
    by: Annotated[
        str, typer.Option(help="Who asks: an employee or a ticket. The audit keeps it for ever: name no customer.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be erased, and change nothing.")] = False,
    same_email: Annotated[
        bool, typer.Option("--same-email", help="Also the customers and buyers who have the same e-mail address.")
    ] = False,
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Also an id of which nothing is known here; else that is refused.")
    ] = False,
    pending: Annotated[bool, typer.Option("--pending", help="Carry out what was asked for and is due.")] = False,
) -> None:
    """Erase a customer's or a buyer's personal data wherever it lies, and keep it out from then on; docs/privacy.md."""
    from centra_assets.commands.forget import run_forget

    raise typer.Exit(
        run_forget(
            customers=customer or (),
            buyers=buyer or (),
            by=by,
            dry_run=dry_run,
            same_email=same_email,
            unknown=unknown,
            pending=pending,
        )
    )


@app.command()
def roles(
    apply: Annotated[bool, typer.Option("--apply", help="Carry the statements out instead of printing them.")] = False,
) -> None:
    """The database roles of analysts: who may read what, from the contracts' marks of personal data."""
    from centra_assets.commands.roles import run_roles

    raise typer.Exit(run_roles(apply=apply))


quarantine = typer.Typer(no_args_is_help=True, help="Records that break their contract: list, show, retry.")
app.add_typer(quarantine, name="quarantine")


@quarantine.command("list")
def quarantine_list(
    entity: Annotated[str | None, typer.Option(help="Only this entity.")] = None,
    partition: Annotated[str | None, typer.Option(help="Only this partition: a day, a month, an id.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """What is set aside, since when and why, and whether anything waits for it."""
    from centra_assets.commands.quarantine import run_list

    raise typer.Exit(run_list(entity=entity, partition=partition, as_json=as_json))


@quarantine.command("show")
def quarantine_show(
    entity: Annotated[str, typer.Argument(help="The entity, such as orders.")],
    record_id: Annotated[str, typer.Argument(help="The record's id; the number, for orders.")],
    payload: Annotated[bool, typer.Option("--payload", help="Also what Centra sent, personal data masked.")] = False,
    unmasked: Annotated[
        bool, typer.Option("--unmasked", help="The payload with personal data; whoever looks is in the audit.")
    ] = False,
) -> None:
    """All that is known of one record, with the files and rows of the lake that it was read from."""
    from centra_assets.commands.quarantine import run_show

    raise typer.Exit(run_show(entity=entity, record_id=record_id, payload=payload, unmasked=unmasked))


@quarantine.command("retry")
def quarantine_retry(
    entity: Annotated[list[str] | None, typer.Option(help="Only this entity; may be given several times.")] = None,
    record_id: Annotated[list[str] | None, typer.Option("--id", help="Only this record; several times.")] = None,
    refetch: Annotated[bool, typer.Option(help="Ask Centra again; without, parse what the lake has.")] = True,
) -> None:
    """Try again what is set aside; exit code 1 when something stayed."""
    from centra_assets.commands.quarantine import run_retry

    raise typer.Exit(run_retry(entities=entity or (), ids=record_id or (), refetch=refetch))


@app.command()
def migrate() -> None:
    """Bring the database of CENTRA_DATABASE_URL up to date; for installations that `dev` does not start."""
    from centra_assets.settings import Settings, SettingsError
    from centra_assets.storage.migrate import upgrade

    url = Settings.load().database_url
    if url is None:
        raise SettingsError("CENTRA_DATABASE_URL is not set.")
    upgrade(url.get_secret_value())
    typer.echo("The database is up to date.")


@app.command()
def receiver(
    host: Annotated[str | None, typer.Option(help="Address to listen on; CENTRA_RECEIVER_HOST or loopback.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; CENTRA_RECEIVER_PORT or 8801.")] = None,
) -> None:
    """Receive Centra's webhooks into the inbox until interrupted; docs/receiver.md says what must stand before it."""
    from centra_assets.commands.receiver import run_receiver

    run_receiver(host=host, port=port)


@app.command()
def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing, and say what would be removed.")] = False,
) -> None:
    """Remove what is older than sync.yaml keeps: hints, logs of runs, raw versions, history; docs/retention.md."""
    from centra_assets.commands.retention import run_retention

    raise typer.Exit(run_retention(rehearse=dry_run))


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="Port to listen on, on loopback.")] = 8800,
    seed: Annotated[int, typer.Option(help="Seed of the data.")] = 7,
    scale: Annotated[float, typer.Option(min=0.01, help="Size of the shop; 1 is about 6,000 orders.")] = 1.0,
    plan: Annotated[str, typer.Option(help="growth, enhanced, high-volume, enterprise or off.")] = "growth",
    latency_ms: Annotated[int, typer.Option(min=0, help="Time added to each answer.")] = 0,
    traffic: Annotated[float, typer.Option(min=0, help="Changes per minute.")] = 0.0,
    webhook: Annotated[
        list[str] | None, typer.Option(help="A webhook plugin as name:kind:url; may be given several times.")
    ] = None,
    webhook_secret_env: Annotated[
        str | None, typer.Option(help="Environment variable with the secret that signs the webhooks.")
    ] = None,
    webhook_retries: Annotated[int, typer.Option(min=0, max=3, help="How often a refused webhook is sent again.")] = 0,
    built_at: Annotated[
        datetime | None,
        typer.Option(
            help="Moment up to which the shop has lived already; now unless told.",
            formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S"],
        ),
    ] = None,
) -> None:
    """Run the stand-in Centra on its own; docs/sandbox.md says what it can do."""
    from centra_assets.commands.sandbox import run_sandbox

    run_sandbox(
        port=port,
        seed=seed,
        scale=scale,
        plan=plan,
        latency_ms=latency_ms,
        traffic=traffic,
        built_at=built_at,
        webhooks=webhook or (),
        webhook_secret_env=webhook_secret_env,
        webhook_retries=webhook_retries,
    )


alerts = typer.Typer(no_args_is_help=True, help="Alerts: what stands, silences, and whether messages arrive.")
app.add_typer(alerts, name="alerts")


@alerts.command("test")
def alerts_test(
    channel: Annotated[str | None, typer.Option(help="Only this channel of alerts.yaml.")] = None,
) -> None:
    """Send a marked message through each channel and say what each answered; exit code 1 when one did not take it."""
    from centra_assets.commands.alerts import run_test

    raise typer.Exit(run_test(channel=channel))


@alerts.command("list")
def alerts_list(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over or not told yet.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """Show the alerts that stand, the worst first."""
    from centra_assets.commands.alerts import run_list

    raise typer.Exit(run_list(everything=everything, as_json=as_json))


@alerts.command("silence")
def alerts_silence(
    key: Annotated[str, typer.Argument(help="An alert's key, or a pattern with * such as 'check/core/*'.")],
    length: Annotated[str, typer.Option("--for", help="A duration such as 2h; 0m ends the silence.")] = "2h",
) -> None:
    """Send nothing about an alert for a while; what still stands after that is told then."""
    from centra_assets.commands.alerts import run_silence

    raise typer.Exit(run_silence(key=key, length=length))


@alerts.command("resolve")
def alerts_resolve(
    key: Annotated[str, typer.Argument(help="The key of an alert about failed runs or a check.")],
) -> None:
    """End an alert about failed work that nobody will do again."""
    from centra_assets.commands.alerts import run_resolve

    raise typer.Exit(run_resolve(key=key))


@alerts.command("watchdog")
def alerts_watchdog(
    longest: Annotated[str, typer.Option(help="How long ago the sensor may have looked last.")] = "10m",
) -> None:
    """For cron, outside of Dagster: tell when nobody looks for alerts any more; exit code 1 while nobody does."""
    from centra_assets.commands.alerts import run_watchdog

    raise typer.Exit(run_watchdog(longest=longest))


def main() -> None:
    """Run the command line; an error of ours prints as its code, cause and remedy, without a traceback."""
    # What a library warns of comes in our form; a command's own words are its output.
    logs.configure(logging.WARNING)
    try:
        app()
    except CentraAssetsError as error:
        typer.secho(str(error), err=True, fg=typer.colors.RED)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
