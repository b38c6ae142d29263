"""The `sandbox` command: the stand-in Centra as a server of its own."""

import os
from collections.abc import Sequence
from datetime import datetime

from centra_assets.errors import CentraAssetsError
from centra_assets.sandbox.quota import Plan
from centra_assets.sandbox.serve import SandboxOptions, run
from centra_assets.sandbox.webhooks import WebhookKind, WebhookPlugin


class PlanUnknownError(CentraAssetsError):
    """The plan is none of Centra's."""

    code = "SANDBOX_PLAN_UNKNOWN"
    remedy = f"Choose one of {', '.join(Plan)}."


class WebhookInvalidError(CentraAssetsError):
    """A webhook plugin is not told as name:kind:url, or its secret is nowhere to be found."""

    code = "SANDBOX_WEBHOOK_INVALID"
    remedy = (
        f"Write `--webhook name:kind:url` with one of {', '.join(WebhookKind)} as the kind, and name an environment "
        "variable that is set with `--webhook-secret-env`."
    )


def run_sandbox(
    *,
    port: int,
    seed: int,
    scale: float,
    plan: str,
    latency_ms: int,
    traffic: float,
    built_at: datetime | None,
    webhooks: Sequence[str] = (),
    webhook_secret_env: str | None = None,
    webhook_retries: int = 0,
) -> None:
    """Serve until interrupted. `built_at` carries an offset, or is local time."""
    if plan not in list(Plan):
        raise PlanUnknownError(f"There is no plan {plan!r}.")
    run(
        SandboxOptions(
            port=port,
            seed=seed,
            scale=scale,
            plan=Plan(plan),
            latency_ms=latency_ms,
            traffic_per_minute=traffic,
            webhooks=webhook_plugins(webhooks, webhook_secret_env, webhook_retries),
            built_at=built_at.astimezone() if built_at else None,
        )
    )


def webhook_plugins(told: Sequence[str], secret_env: str | None, retries: int) -> Sequence[WebhookPlugin]:
    """The plugins told as `name:kind:url`, all with the secret that the environment holds under that name."""
    secret = os.environ.get(secret_env, "") if secret_env else ""
    if secret_env and not secret:
        raise WebhookInvalidError(f"The environment variable {secret_env} is not set.")
    plugins = []
    for text in told:
        name, _, rest = text.partition(":")
        kind, _, url = rest.partition(":")
        if kind not in list(WebhookKind):
            raise WebhookInvalidError(f"The webhook {name!r} is of no kind that there is.")
        try:
            plugins.append(WebhookPlugin(name=name, kind=WebhookKind(kind), url=url, secret=secret, retries=retries))
        except ValueError as problem:
            raise WebhookInvalidError(f"{problem}.") from None
    if len({plugin.name for plugin in plugins}) < len(plugins):
        raise WebhookInvalidError("Two webhooks have the same name.")
    return plugins
