"""How the standing checks are wired: jobs by sync.yaml, most of them apart from all that loads, each with a remedy."""

from datetime import timedelta

import dagster as dg
import pytest

from centra_assets.assets.marts import mart_key
from centra_assets.assets.metadata import core_key, raw_key
from centra_assets.checks.compliance import PLAUSIBLE
from centra_assets.checks.rules import RULES
from centra_assets.checks.standing import NIGHTLY, ROWS, STANDING
from centra_assets.definitions import build_definitions
from centra_assets.entities.registry import ENTITIES
from centra_assets.jobs import JOB_NAMES, REFRESH_MARTS
from centra_assets.marts.registry import MARTS
from centra_assets.settings import Settings
from centra_assets.sync_config import CheckSettings
from centra_assets.sync_file import read_sync_config


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions(Settings())


def checks_of(definitions: dg.Definitions, job: str) -> set[dg.AssetCheckKey]:
    return set(definitions.resolve_job_def(job).asset_layer.asset_graph.asset_check_keys)


def test_what_loads_leaves_them_out_and_their_jobs_hold_nothing_else(definitions: dg.Definitions) -> None:
    standing = checks_of(definitions, STANDING) | checks_of(definitions, NIGHTLY)
    assert not checks_of(definitions, STANDING) & checks_of(definitions, NIGHTLY)
    for job in (*JOB_NAMES.values(), REFRESH_MARTS):
        others = checks_of(definitions, job)
        assert others
        assert not others & standing
    for job in (STANDING, NIGHTLY):
        assert not definitions.resolve_job_def(job).asset_layer.selected_asset_keys


def test_every_check_there_is_runs_by_itself(definitions: dg.Definitions) -> None:
    scheduled = {str(schedule.job_name) for schedule in definitions.schedules or ()}
    evaluated = set[dg.AssetCheckKey]().union(*(checks_of(definitions, job) for job in scheduled))
    assert set(definitions.resolve_asset_graph().asset_check_keys) - evaluated == set()


def test_rules_are_judged_every_hour_whatever_brought_the_rows(definitions: dg.Definitions) -> None:
    rows = checks_of(definitions, ROWS)
    assert not rows & (checks_of(definitions, STANDING) | checks_of(definitions, NIGHTLY))
    # What reads files again is left to the job that writes them.
    assert {key.asset_key.path[0] for key in rows} == {"core", "marts"}
    every = set(definitions.resolve_asset_graph().asset_check_keys)
    assert {key for key in every if key.name == "no_records_quarantined"} <= rows
    assert not definitions.resolve_job_def(ROWS).asset_layer.selected_asset_keys


def test_every_entity_is_watched(definitions: dg.Definitions) -> None:
    hourly, nightly = checks_of(definitions, STANDING), checks_of(definitions, NIGHTLY)
    for entity in ENTITIES:
        for name in ("is_fresh", "partitions_are_complete"):
            assert dg.AssetCheckKey(raw_key(entity), name) in hourly
        assert dg.AssetCheckKey(raw_key(entity), "holds_no_payment_secret") in nightly
        asked = dg.AssetCheckKey(core_key(entity.tables[0].table), "agrees_with_centra") in nightly
        assert asked == (entity.id_filter is not None or entity.axis in ("day", "month"))


def test_each_says_what_it_means_and_what_to_do(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.asset_check_keys:
        description = str(graph.get_check_spec(key).description)
        meaning, _, remedy = description.partition(" What to do: ")
        assert len(meaning) > 40, key
        assert len(remedy) > 20, key


def test_each_says_whether_it_tells_of_a_promise_or_of_its_breach(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    breaches = {dg.AssetCheckKey(core_key(rule.table), rule.name): rule.meaning for rule in RULES}
    breaches |= {dg.AssetCheckKey(mart_key(mart), rule.name): rule.meaning for mart in MARTS for rule in mart.rules}
    assert breaches.keys() <= set(graph.asset_check_keys)
    for key in graph.asset_check_keys:
        description = str(graph.get_check_spec(key).description)
        opening = f"A failure means: {breaches[key]}" if key in breaches else "What should be so: "
        assert description.startswith(opening), key


def test_only_lines_are_vouched_for_by_a_tax_rule(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    lines, rules = (
        str(graph.get_check_spec(dg.AssetCheckKey(core_key(table), PLAUSIBLE)).description)
        for table in ("order_lines", "tax_rules")
    )
    assert "as soon as a tax rule has it" in lines
    assert "as soon as" not in rules


def test_they_run_when_sync_yaml_says_so_and_never_where_it_says_null(definitions: dg.Definitions) -> None:
    said = read_sync_config().checks
    crons = {each.job_name: each.cron_schedule for each in definitions.schedules or ()}
    assert (crons[STANDING], crons[NIGHTLY], crons[ROWS]) == (said.standing, said.nightly, said.rows)
    quiet = read_sync_config().model_copy(update={"checks": CheckSettings(standing="1 2 * * *")})
    jobs = {each.job_name: each.cron_schedule for each in build_definitions(Settings(), sync=quiet).schedules or ()}
    assert jobs[STANDING] == "1 2 * * *"
    assert not {NIGHTLY, ROWS} & set(jobs)


def test_dagsters_policies_are_on_the_assets_that_a_full_refresh_materializes(definitions: dg.Definitions) -> None:
    config = read_sync_config()
    refreshed = {entity.name for entity in ENTITIES if config.of(entity.name).full_refresh}
    specs = list(definitions.resolve_all_asset_specs())
    with_policy = {spec.key for spec in specs if spec.freshness_policy is not None}
    assert {key.path[1] for key in with_policy if key.path[0] == "raw"} == refreshed
    tables = {contract.table for entity in ENTITIES if entity.name in refreshed for contract in entity.tables}
    assert {key.path[1] for key in with_policy if key.path[0] == "core"} == tables
    (policy,) = {spec.freshness_policy for spec in specs if spec.key == core_key("orders")}
    assert policy is not None
    assert policy.fail_window.to_timedelta() > timedelta(days=14)  # type: ignore[attr-defined]
