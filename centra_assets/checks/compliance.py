"""What must not be held at all, and taxes that no country has: payment secrets, traces of anonymised customers, VAT."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import dagster as dg

from centra_assets.assets.check_words import described
from centra_assets.assets.failures import TRANSIENT_RETRIES, failures_told_apart
from centra_assets.assets.groups import group_of
from centra_assets.assets.marts import mart_key
from centra_assets.assets.metadata import core_key, raw_key
from centra_assets.assets.raw import source_key
from centra_assets.checks import anonymised, secret_scan
from centra_assets.checks.secret_scan import Relation
from centra_assets.checks.standing import told
from centra_assets.checks.vat_rates import ENDS, is_plausible
from centra_assets.entities.model import Entity
from centra_assets.marts.model import Mart
from centra_assets.resources.storage import LakeResource, WarehouseResource
from centra_assets.storage.warehouse import Warehouse

NO_SECRETS = "holds_no_payment_secret"
NO_TRACES = "anonymised_customers_left_no_trace"
PLAUSIBLE = "vat_rate_is_plausible"

Clock = Callable[[], datetime]

_SECRETS = described(
    "No card number (issuer, length and check digit), verification code, payment provider's key, private key or bearer "
    "token stands in any text of {where}. Holding one breaks the card schemes' rules.",
    "take it out in Centra, where somebody typed it, then materialize raw and core of the partition; what raw and "
    "history have of it goes with `centra-assets forget` or a retention of zero days for them.",
)
_TRACES = described(
    "Of customers whom Centra has anonymised, and of customers and buyers whom we were told to forget, longer than a "
    "day ago, nothing personal is left in core, history and raw, nor what was delivered about them before.",
    "see that the sensor `forgetting` is on and the newest run of `forget_customer` succeeded; "
    "`centra-assets forget --customer ID` does it at once.",
)
_RATES_OF_LINES = described(
    "Every rate on a line of an order is zero, one of the country's own, or one of the merchant's tax rules there; "
    "where no table of rates is known, not above 27 %. Orders without any tax are left out: one that was deducted is "
    "another country's.",
    "compare the tax rule in Centra with the country's rates before anything is declared; the table in "
    f"checks/vat_rates.py ends in {ENDS}, and a rate that is newer is plausible on lines as soon as a tax rule has it.",
)
_RATES_OF_RULES = described(
    "Every rate of a tax rule is zero or one of the country's own; where no table of rates is known, not above 27 %. A "
    "rule does not vouch for itself.",
    "compare the rule with the country's rates before anything is declared; the table in checks/vat_rates.py ends in "
    f"{ENDS}, and a rule that is right and newer stays a warning until the table has its rate.",
)

_TAXED = """
SELECT o.country_code AS country, l.tax_percent AS rate, count(*) AS lines,
  array_to_string((array_agg(DISTINCT o.number ORDER BY o.number DESC))[1:3], ', ') AS orders,
  extract(year FROM min(o.created_at))::int AS since
FROM core.order_lines l JOIN core.orders o ON o.number = l.order_number
WHERE o.country_code IS NOT NULL AND l.tax_percent > 0 AND coalesce(o.tax_deducted, 0) = 0
  AND coalesce(o.tax_added, 0) + coalesce(o.tax_included, 0) > 0
GROUP BY 1, 2 ORDER BY 1, 2
"""
_CONFIGURED = """
SELECT c.country_code AS country, r.rate, r.id FROM core.tax_rules r
JOIN core.tax_rule_countries c ON c.tax_rule_id = r.id WHERE c.country_code IS NOT NULL ORDER BY 1, 2
"""


def build_compliance_checks(
    entities: Sequence[Entity], marts: Sequence[Mart], *, clock: Clock = lambda: datetime.now(UTC)
) -> list[dg.AssetChecksDefinition]:
    """All of them, each kind with a step of its own: one that fails holds up no other."""
    wired = {contract.table for entity in entities for contract in entity.tables}
    checks = [_secret_checks(entities, marts)] if entities else []
    if "customers" in wired:
        checks.append(_trace_check(clock))
    if {"order_lines", "orders"} <= wired or "tax_rules" in wired:
        checks.append(_rate_checks(wired))
    return checks


def _secret_checks(entities: Sequence[Entity], marts: Sequence[Mart]) -> dg.AssetChecksDefinition:
    by_key = {dg.AssetCheckKey(raw_key(entity), NO_SECRETS): entity for entity in entities}
    of_marts = {dg.AssetCheckKey(mart_key(mart), NO_SECRETS): mart.name for mart in marts}
    # Whatever is no entity's and no mart's is the platform's own, and shown where Centra itself is.
    first = min(entities, key=lambda entity: (entity.name != "stores", entity.name))
    of_platform = dg.AssetCheckKey(source_key(group_of(first)), NO_SECRETS)
    claimed = {contract.table for entity in entities for contract in entity.tables} | set(of_marts.values())
    where = {
        **{key: f"raw/{entity.name}, its core tables and their history" for key, entity in by_key.items()},
        **{key: f"marts.{name}" for key, name in of_marts.items()},
        of_platform: "the platform's own tables, the inbox above all, and of tables that no contract has any more",
    }
    specs = [
        dg.AssetCheckSpec(key.name, asset=key.asset_key, description=_SECRETS.format(where=text))
        for key, text in where.items()
    ]

    @dg.multi_asset_check(name="payment_secrets", specs=specs, can_subset=True, retry_policy=TRANSIENT_RETRIES)
    def checks(
        context: dg.AssetCheckExecutionContext, lake: LakeResource, warehouse: WarehouseResource
    ) -> Iterator[dg.AssetCheckResult]:
        chosen = context.selected_asset_check_keys
        results = []
        with failures_told_apart():
            store, files = warehouse.open(), lake.open()
            relations = secret_scan.relations(store)
            for key, entity in by_key.items():
                if key in chosen:
                    names = {contract.table for contract in entity.tables}
                    ours = _of(relations, ("core", "history"), names)
                    scan = secret_scan.in_raw(entity.name, files, store, run_id=context.run.run_id)
                    found = [*scan.found, *_in_tables(ours, store)]
                    results.append(told(key, found, tables=len(ours), **secret_scan.summary(scan)))
            for key, name in of_marts.items():
                if key in chosen:
                    ours = _of(relations, ("marts",), {name})
                    results.append(told(key, _in_tables(ours, store), tables=len(ours)))
            if of_platform in chosen:
                rest = [each for each in relations if each.schema == "ops" or each.name not in claimed]
                results.append(told(of_platform, _in_tables(rest, store), tables=len(rest)))
        yield from results

    return checks


def _of(relations: Sequence[Relation], schemas: Sequence[str], names: set[str]) -> list[Relation]:
    return [each for each in relations if each.schema in schemas and each.name in names]


def _in_tables(relations: Sequence[Relation], store: Warehouse) -> list[str]:
    return [found for relation in relations for found in secret_scan.in_table(relation, store)]


def _trace_check(clock: Clock) -> dg.AssetChecksDefinition:
    key = dg.AssetCheckKey(core_key("customers"), NO_TRACES)
    spec = dg.AssetCheckSpec(key.name, asset=key.asset_key, description=_TRACES)

    @dg.multi_asset_check(
        name="traces_of_anonymised_customers", specs=[spec], can_subset=True, retry_policy=TRANSIENT_RETRIES
    )
    def checks(
        context: dg.AssetCheckExecutionContext, lake: LakeResource, warehouse: WarehouseResource
    ) -> Iterator[dg.AssetCheckResult]:
        with failures_told_apart():
            store = warehouse.open()
            if _are_there(store, ["customers"]):
                now = clock()
                known = anonymised.anonymised(store, now)
                left = [*anonymised.remains(known.due, lake.open(), store), *anonymised.in_inbox(store, now)]
                result = told(key, left, people_judged=len(known.due), not_judged=known.waiting)
            else:
                result = told(key, [], not_materialized=True)
        yield result

    return checks


def _rate_checks(wired: set[str]) -> dg.AssetChecksDefinition:
    keys = {
        table: dg.AssetCheckKey(core_key(table), PLAUSIBLE) for table in ("order_lines", "tax_rules") if table in wired
    }
    texts = {"order_lines": _RATES_OF_LINES, "tax_rules": _RATES_OF_RULES}
    specs = [dg.AssetCheckSpec(key.name, asset=key.asset_key, description=texts[table]) for table, key in keys.items()]

    @dg.multi_asset_check(name="vat_rates", specs=specs, can_subset=True, retry_policy=TRANSIENT_RETRIES)
    def checks(context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource) -> Iterator[dg.AssetCheckResult]:
        with failures_told_apart():
            store = warehouse.open()
            judged = {"order_lines": implausible_lines, "tax_rules": implausible_rules}
            results = [
                told(key, judged[table](store), severity=dg.AssetCheckSeverity.WARN)
                for table, key in keys.items()
                if key in context.selected_asset_check_keys
            ]
        yield from results

    return checks


def implausible_lines(store: Warehouse) -> list[str]:
    """`SE 33 %: 12 lines, orders 1017, 1018`; of a rate that came after the table's end, that as well."""
    if not _are_there(store, ["order_lines", "orders"]):
        return []
    rates = _configured(store)
    return [
        f"{country} {_plain(rate)} %: {lines} lines, orders {orders}{_newer(since)}"
        for country, rate, lines, orders, since in store.query(_TAXED).iter_rows()
        if not is_plausible(country, rate, rates.get(country, frozenset()))
    ]


def implausible_rules(store: Warehouse) -> list[str]:
    """`SE 33 %: tax rule 7`. A rule does not vouch for itself."""
    if not _are_there(store, ["tax_rules", "tax_rule_countries"]):
        return []
    rows = store.query(_CONFIGURED).iter_rows()
    return [
        f"{country} {_plain(rate)} %: tax rule {rule}"
        for country, rate, rule in rows
        if not is_plausible(country, rate)
    ]


def _configured(store: Warehouse) -> dict[str, frozenset[Decimal]]:
    if not _are_there(store, ["tax_rules", "tax_rule_countries"]):
        return {}
    found: dict[str, set[Decimal]] = {}
    for country, rate, _ in store.query(_CONFIGURED).iter_rows():
        found.setdefault(country, set()).add(rate)
    return {country: frozenset(rates) for country, rates in found.items()}


def _newer(since: int | None) -> str:
    return f"; none before {since}, and the table of rates ends in {ENDS}" if since is not None and since > ENDS else ""


def _plain(rate: Decimal) -> str:
    return f"{rate.normalize():f}"


def _are_there(store: Warehouse, tables: Sequence[str]) -> bool:
    names = [f"core.{table}" for table in tables]
    absent = store.query(
        "SELECT count(*) AS n FROM unnest(%s::text[]) AS t (name) WHERE to_regclass(name) IS NULL", [names]
    )
    return bool(absent["n"][0] == 0)
