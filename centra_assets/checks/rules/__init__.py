"""Promises that hold across rows and tables, by what they are about. How they run is in `checks/build.py`."""

from centra_assets.checks.rules.assortment import ASSORTMENT_RULES
from centra_assets.checks.rules.fulfilment import FULFILMENT_RULES
from centra_assets.checks.rules.moments import MOMENT_RULES
from centra_assets.checks.rules.payments import PAYMENT_RULES
from centra_assets.checks.rules.references import REFERENCE_RULES
from centra_assets.checks.rules.rule import Rule
from centra_assets.checks.rules.sales import SALES_RULES
from centra_assets.checks.rules.stock import STOCK_RULES

__all__ = ["RULES", "Rule"]

RULES: tuple[Rule, ...] = (
    *SALES_RULES,
    *FULFILMENT_RULES,
    *PAYMENT_RULES,
    *STOCK_RULES,
    *ASSORTMENT_RULES,
    *MOMENT_RULES,
    *REFERENCE_RULES,
)
