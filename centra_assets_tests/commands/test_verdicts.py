"""What the demonstration says of the checks: each by its last word, and what did not pass by name and meaning."""

import io
from typing import Any

import dagster as dg
import pytest
from rich.console import Console

from centra_assets.commands.filling import execute
from centra_assets.commands.verdicts import Verdicts, meanings_of

WARN = dg.AssetCheckSeverity.WARN
ORDERS = dg.AssetCheckKey(dg.AssetKey(["core", "orders"]), "totals_add_up")


def said(asset: str, check: str, *, passed: bool = True, **given: Any) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(dg.AssetKey(asset.split("/")), check, passed, **given)


def printed(verdicts: Verdicts, meanings: dict[dg.AssetCheckKey, str]) -> list[str]:
    told = io.StringIO()
    verdicts.print(Console(file=told, width=160), meanings)
    return [line.strip() for line in told.getvalue().splitlines()]


def test_what_was_said_before_the_parents_were_there_counts_no_more() -> None:
    verdicts = Verdicts()
    verdicts.add([said("core/lines", "size_is_known", passed=False, severity=WARN), said("core/lines", "columns")])
    assert verdicts.counts() == {"passed": 1, "warned": 1, "failed": 0}
    verdicts.add([said("core/lines", "size_is_known")])
    assert verdicts.counts() == {"passed": 2, "warned": 0, "failed": 0}
    assert verdicts.not_passed({}) == []
    # And the other way round.
    verdicts.add([said("core/lines", "columns", passed=False)])
    assert verdicts.counts() == {"passed": 1, "warned": 0, "failed": 1}


def test_what_did_not_pass_is_named_with_its_count_and_its_meaning_failures_first() -> None:
    verdicts = Verdicts()
    verdicts.add(
        [
            said("core/a", "soft", passed=False, severity=WARN, metadata={"failures": 1234}),
            said("core/orders", "totals_add_up", passed=False, metadata={"failures": 3}),
            said("raw/orders", "is_fresh", passed=False, severity=WARN),
            said("marts/daily_sales", "agrees"),
        ]
    )
    lines = printed(verdicts, {ORDERS: "Every total is the sum of its [lines]. What to do: look at them."})
    at = lines.index("failed core/orders: totals_add_up, 3 found")
    assert lines[at + 1] == "Every total is the sum of its [lines]."
    assert lines.index("warned core/a: soft, 1,234 found") > at
    assert "warned raw/orders: is_fresh" in lines
    rows = {line.split("│")[0].split(":")[0].strip(): line.split("│")[1:] for line in lines if "│" in line}
    assert [int(cell) for cell in rows["core"]] == [0, 1, 1]
    assert [int(cell) for cell in rows["all"]] == [1, 2, 1]


def test_each_check_says_what_it_means() -> None:
    @dg.asset
    def some() -> None: ...

    @dg.asset_check(asset=some, description="It is so. What to do: mend it.")
    def holds() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    definitions = dg.Definitions(assets=[some], asset_checks=[holds])
    assert list(meanings_of(definitions).values()) == ["It is so. What to do: mend it."]


def test_who_stops_a_run_does_not_get_the_next_one() -> None:
    @dg.op
    def stopped() -> None:
        raise KeyboardInterrupt

    @dg.job(executor_def=dg.in_process_executor)
    def some() -> None:
        stopped()

    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(KeyboardInterrupt):
        execute(dg.Definitions(jobs=[some]), instance, "some")
