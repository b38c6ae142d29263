"""Tax rules as they are configured. What an order was really taxed is on the order."""

from collections.abc import Mapping

import dataframely as dy
import polars as pl

from centra_assets.entities.contract import Contract, flag, instant, rate, text, whole
from centra_assets.entities.frames import children, field, rows
from centra_assets.entities.frames import instant as read_instant
from centra_assets.entities.frames import rate as read_rate
from centra_assets.entities.model import TransformContext
from centra_assets.entities.reference.family import reference_entity


class TaxRules(Contract):
    """One tax rule: a rate for some places and some kinds of goods (inferred: the list of all was not seen)."""

    table = "tax_rules"
    id = whole("Id of the tax rule.", key=True)
    tax_group_id = whole("Tax group that the rule belongs to.", source="taxGroup.id")
    tax_group_name = text("Name of the tax group.", source="taxGroup.name")
    tax_group_status = text("ACTIVE or INACTIVE, of the tax group.", source="taxGroup.status")
    name = text("Name of the tax rule.")
    display_name = text("Name shown to customers.", source="displayName")
    code = text("Code of the tax rule, for bookkeeping.")
    rate = rate("Rate as Centra gives it, a percentage.")
    apply_tax_type = text("What the rate is applied to.", source="applyTaxType")
    apply_tax_to_shipping = flag("Whether shipping is taxed by the rule.", source="applyTaxToShipping")
    apply_tax_to_handling = flag("Whether handling is taxed by the rule.", source="applyTaxToHandling")
    apply_from = instant("From when the rule applies.", source="applyFrom")
    apply_to = instant("Until when the rule applies; null for no end.", source="applyTo")
    zip_code = text("Postal codes that the rule is for; null for all.", source="zipCode")
    city = text("City that the rule is for; null for all.")

    @dy.rule()
    def rate_not_negative(cls) -> pl.Expr:
        return pl.col("rate") >= 0

    @dy.rule()
    def ends_after_it_begins(cls) -> pl.Expr:
        return pl.col("apply_to") >= pl.col("apply_from")


class TaxRuleCountries(Contract):
    """One country that a tax rule is for."""

    table = "tax_rule_countries"
    tax_rule_id = whole("The tax rule.", source="id", key=True)
    country_id = whole("The country.", source="countries.id", key=True)
    country_code = text("ISO 3166 code of the country, two letters.", source="countries.code")


class TaxRuleStates(Contract):
    """One state that a tax rule is for."""

    table = "tax_rule_states"
    tax_rule_id = whole("The tax rule.", source="id", key=True)
    state_id = whole("The state.", source="states.id", key=True)
    state_code = text("Code of the state.", source="states.code")


class TaxRuleClasses(Contract):
    """One tax class, a kind of goods, that a tax rule is for."""

    table = "tax_rule_classes"
    tax_rule_id = whole("The tax rule.", source="id", key=True)
    position = whole("Place among the rule's classes, from 1.", source="taxClasses", key=True)
    tax_class_id = whole("Id of the tax class (inferred).", source="taxClasses.id")
    tax_class_name = text("Name of the tax class (inferred).", source="taxClasses.name")
    tax_class_code = text("Code of the tax class (inferred).", source="taxClasses.code")


def tax_rules(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Tax rules and what they are for: countries, states, tax classes."""
    tax_rule_id = {"tax_rule_id": pl.col("tax_rule_id")}
    return {
        "tax_rules": rows(
            records,
            {
                "id": field("id"),
                "tax_group_id": field("taxGroup.id"),
                "tax_group_name": field("taxGroup.name"),
                "tax_group_status": field("taxGroup.status"),
                "name": field("name"),
                "display_name": field("displayName"),
                "code": field("code"),
                "rate": read_rate("rate"),
                "apply_tax_type": field("applyTaxType"),
                "apply_tax_to_shipping": field("applyTaxToShipping"),
                "apply_tax_to_handling": field("applyTaxToHandling"),
                "apply_from": read_instant("applyFrom"),
                "apply_to": read_instant("applyTo"),
                "zip_code": field("zipCode"),
                "city": field("city"),
            },
        ),
        "tax_rule_countries": rows(
            children(records, "countries", tax_rule_id=field("id")),
            {**tax_rule_id, "country_id": field("id"), "country_code": field("code")},
        ),
        "tax_rule_states": rows(
            children(records, "states", tax_rule_id=field("id")),
            {**tax_rule_id, "state_id": field("id"), "state_code": field("code")},
        ),
        "tax_rule_classes": rows(
            children(records, "taxClasses", position="position", tax_rule_id=field("id")),
            {
                **tax_rule_id,
                "position": pl.col("position"),
                "tax_class_id": field("id"),
                "tax_class_name": field("name"),
                "tax_class_code": field("code"),
            },
        ),
    }


TAX_RULES = reference_entity(
    name="tax_rules",
    description="Tax rules and the places and kinds of goods that they are for.",
    document="tax_rules",
    operations=("TaxRules",),
    tables=(TaxRules, TaxRuleCountries, TaxRuleStates, TaxRuleClasses),
    transform=tax_rules,
)
