"""For every rule: rows that keep it, rows that break it, and the keys that it must name then."""

from centra_assets_tests.checks.cases.assortment import ASSORTMENT_CASES
from centra_assets_tests.checks.cases.case import Case
from centra_assets_tests.checks.cases.families import FAMILY_CASES
from centra_assets_tests.checks.cases.fulfilment import FULFILMENT_CASES
from centra_assets_tests.checks.cases.payments import PAYMENTS_CASES
from centra_assets_tests.checks.cases.sales import SALES_CASES
from centra_assets_tests.checks.cases.stock import STOCK_CASES

CASES: dict[str, Case] = {
    **SALES_CASES,
    **FULFILMENT_CASES,
    **PAYMENTS_CASES,
    **STOCK_CASES,
    **ASSORTMENT_CASES,
    **FAMILY_CASES,
}
