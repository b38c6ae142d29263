"""The `sandbox` command: the stand-in Centra as a server of its own."""

from datetime import datetime

from centra_assets.errors import CentraAssetsError
from centra_assets.sandbox.quota import Plan
from centra_assets.sandbox.serve import SandboxOptions, run


class PlanUnknownError(CentraAssetsError):
    """The plan is none of Centra's."""

    code = "SANDBOX_PLAN_UNKNOWN"
    remedy = f"Choose one of {', '.join(Plan)}."


def run_sandbox(
    *, port: int, seed: int, scale: float, plan: str, latency_ms: int, traffic: float, built_at: datetime | None
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
            built_at=built_at.astimezone() if built_at else None,
        )
    )
