"""Puts the standing checks together: which there are, in which job, on which schedule. They judge beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from centra_assets.assets.marts import mart_key
from centra_assets.assets.metadata import core_key
from centra_assets.calendar import Calendar
from centra_assets.checks.completeness import build_completeness_checks
from centra_assets.checks.compliance import build_compliance_checks
from centra_assets.checks.freshness import build_freshness_checks, with_freshness_policies
from centra_assets.checks.source import build_source_checks
from centra_assets.checks.standing import build_standing_jobs, build_standing_schedules, selection_of
from centra_assets.checks.token import build_token_check
from centra_assets.checks.workbooks import build_workbooks_check
from centra_assets.entities.model import Entity
from centra_assets.marts.model import Mart
from centra_assets.sync_config import SyncConfig


@dataclass(frozen=True)
class Standing:
    """What of the standing checks is wired: the checks, their jobs and schedules."""

    checks: Sequence[dg.AssetChecksDefinition]
    jobs: Sequence[Any]
    schedules: Sequence[dg.ScheduleDefinition]
    entities: Sequence[Entity]
    sync: SyncConfig

    @property
    def selection(self) -> dg.AssetSelection:
        """All of them, for the jobs that leave them out."""
        return selection_of(self.checks)

    def with_freshness_policies(self, assets: Sequence[Any]) -> list[Any]:
        """The assets, with Dagster's own policy where it tells the truth."""
        return with_freshness_policies(assets, self.entities, self.sync)


def build_standing(
    entities: Sequence[Entity],
    marts: Sequence[Mart],
    calendar: Calendar,
    sync: SyncConfig,
    *,
    workbook: bool = False,
    token_expires_at: date | None = None,
) -> Standing:
    """The cheap ones and the rules by the hour, those that ask Centra or read everything by night.

    `workbook` is whether the finance workbook is wired.
    """
    hourly = [
        *build_freshness_checks(entities, sync),
        *build_completeness_checks(entities, marts, calendar, sync),
        *build_token_check(entities, token_expires_at),
        *([build_workbooks_check(calendar)] if workbook else []),
    ]
    nightly = [*build_source_checks(entities, calendar, sync), *build_compliance_checks(entities, marts)]
    of_rows = [core_key(contract.table) for entity in entities for contract in entity.tables]
    jobs = build_standing_jobs(hourly, nightly, [*of_rows, *map(mart_key, marts)])
    schedules = build_standing_schedules(jobs, sync, calendar)
    return Standing([*hourly, *nightly], jobs, schedules, entities, sync)
