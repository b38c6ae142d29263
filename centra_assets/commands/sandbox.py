"""The `sandbox` command: the stand-in Centra as a server of its own."""

from centra_assets.errors import CentraAssetsError
from centra_assets.sandbox.serve import PLANS, SandboxOptions, run


class PlanUnknownError(CentraAssetsError):
    """The plan is none of Centra's."""

    code = "SANDBOX_PLAN_UNKNOWN"
    remedy = "Choose growth, enhanced, high-volume, enterprise or off."


def run_sandbox(*, port: int, seed: int, scale: float, plan: str, latency_ms: int, traffic: float) -> None:
    """Serve until interrupted."""
    if plan not in PLANS:
        raise PlanUnknownError(f"There is no plan {plan!r}.")
    run(SandboxOptions(port=port, seed=seed, scale=scale, plan=plan, latency_ms=latency_ms, traffic=traffic))
