"""Warehouses and the rules that choose among them. What is in the warehouses is the stock family's."""

from collections.abc import Mapping

import dataframely as dy
import polars as pl

from centra_assets.entities.contract import Contract, flag, rate, text, whole
from centra_assets.entities.frames import children, field, rows
from centra_assets.entities.frames import rate as read_rate
from centra_assets.entities.model import TransformContext
from centra_assets.entities.reference.family import reference_entity


class Warehouses(Contract):
    """One warehouse, or a shop that ships from its own stock."""

    table = "warehouses"
    id = whole("Id of the warehouse.", key=True)
    name = text("Name of the warehouse.")
    status = text("ACTIVE or INACTIVE.")
    stock_ownership = text("Whose stock it holds.", source="stockOwnership")
    allocation_policy = text(
        "How an order is allocated there: DIRECT, CHECK_FIRST or DIRECT_THEN_CONFIRM.", source="allocationPolicy"
    )
    stock_master = text("Which system decides on the stock level.", source="stockMaster")
    is_hidden_from_stock_view = flag("Whether Centra's stock view leaves it out.", source="isHiddenFromStockView")
    is_consignation = flag("Whether it holds goods on consignment.", source="isConsignation")
    threshold = whole(
        "Units of each size held back from sale; subtract them from what is free to allocate to see what a shop shows."
    )
    brick_and_mortar_id = whole("Physical shop that the warehouse belongs to.", source="brickAndMortar.id")
    country_id = whole("Country of the warehouse.", source="country.id")
    country_code = text("ISO 3166 code of the country, two letters.", source="country.code")
    state_id = whole("State of the warehouse.", source="state.id")
    state_code = text("Code of the state.", source="state.code")
    zip_code = text("Postal code of the warehouse.", source="zipCode")
    external_id = text("Id of the warehouse in the system of the token's integration.", source="externalId")


class AllocationRules(Contract):
    """One allocation rule: which warehouses serve an order, and in which order they are asked."""

    table = "allocation_rules"
    id = whole("Id of the allocation rule.", key=True)
    name = text("Name of the allocation rule.")
    is_default = flag("Whether it applies where no other rule is set (inferred).", source="isDefault")
    fallback_rule_id = whole("Rule to try when this one finds nothing (inferred).", source="fallbackRule.id")
    allocation_type = text("How units are spread over the warehouses (inferred).", source="allocationType")


class AllocationRulePriorities(Contract):
    """One warehouse in one of a rule's priority sets; each set is for some locations (inferred)."""

    table = "allocation_rule_priorities"
    priority_set_id = whole("The priority set.", source="geographyAllocationPrioritySets.id", key=True)
    position = whole(
        "Place within the set, from 1, sorted by priority number.",
        source="geographyAllocationPrioritySets.priorities",
        key=True,
    )
    allocation_rule_id = whole("The allocation rule.", source="id")
    priority_number = whole(
        "Priority of the warehouse: the lowest is asked first.",
        source="geographyAllocationPrioritySets.priorities.priorityNumber",
    )
    warehouse_id = whole("The warehouse.", source="geographyAllocationPrioritySets.priorities.warehouse.id")
    stock_ownership = text("Whose stock it holds.", source="geographyAllocationPrioritySets.priorities.stockOwnership")
    allocation_policy = text(
        "How an order is allocated there.", source="geographyAllocationPrioritySets.priorities.allocationPolicy"
    )
    timeout_in_hours = rate(
        "Hours after which an allocation that nobody confirmed is given up.",
        source="geographyAllocationPrioritySets.priorities.timeoutInHours",
    )
    demand_visible_in_warehouse_id = whole(
        "Warehouse in which demand that could not be allocated is shown.",
        source="geographyAllocationPrioritySets.demandVisibleInWarehouse.id",
    )

    @dy.rule()
    def timeout_not_negative(cls) -> pl.Expr:
        return pl.col("timeout_in_hours") >= 0


class AllocationRuleLocations(Contract):
    """One country or state that a priority set is for (inferred). A set without locations is for everywhere."""

    table = "allocation_rule_locations"
    priority_set_id = whole("The priority set.", source="geographyAllocationPrioritySets.id", key=True)
    position = whole("Place within the set, from 1.", source="geographyAllocationPrioritySets.locations", key=True)
    allocation_rule_id = whole("The allocation rule.", source="id")
    country_id = whole("The country.", source="geographyAllocationPrioritySets.locations.country.id")
    country_code = text(
        "ISO 3166 code of the country, two letters.", source="geographyAllocationPrioritySets.locations.country.code"
    )
    state_id = whole("The state.", source="geographyAllocationPrioritySets.locations.state.id")
    state_code = text("Code of the state.", source="geographyAllocationPrioritySets.locations.state.code")


def warehouses(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Warehouses, one row each."""
    return {
        "warehouses": rows(
            records,
            {
                "id": field("id"),
                "name": field("name"),
                "status": field("status"),
                "stock_ownership": field("stockOwnership"),
                "allocation_policy": field("allocationPolicy"),
                "stock_master": field("stockMaster"),
                "is_hidden_from_stock_view": field("isHiddenFromStockView"),
                "is_consignation": field("isConsignation"),
                "threshold": field("threshold"),
                "brick_and_mortar_id": field("brickAndMortar.id"),
                "country_id": field("country.id"),
                "country_code": field("country.code"),
                "state_id": field("state.id"),
                "state_code": field("state.code"),
                "zip_code": field("zipCode"),
                "external_id": field("externalId"),
            },
        )
    }


def allocation_rules(records: pl.DataFrame, context: TransformContext) -> Mapping[str, pl.DataFrame]:
    """Allocation rules with the priorities and locations of their priority sets."""
    sets = children(records, "geographyAllocationPrioritySets", allocation_rule_id=field("id"))
    of_set = {
        "priority_set_id": field("id"),
        "allocation_rule_id": pl.col("allocation_rule_id"),
        "demand_visible_in_warehouse_id": field("demandVisibleInWarehouse.id"),
    }
    priorities = children(sets, "priorities", position="position", **of_set)
    locations = children(sets, "locations", position="position", **of_set)
    return {
        "allocation_rules": rows(
            records,
            {
                "id": field("id"),
                "name": field("name"),
                "is_default": field("isDefault"),
                "fallback_rule_id": field("fallbackRule.id"),
                "allocation_type": field("allocationType"),
            },
        ),
        "allocation_rule_priorities": rows(
            priorities,
            {
                "priority_set_id": pl.col("priority_set_id"),
                "position": pl.col("position"),
                "allocation_rule_id": pl.col("allocation_rule_id"),
                "priority_number": field("priorityNumber"),
                "warehouse_id": field("warehouse.id"),
                "stock_ownership": field("stockOwnership"),
                "allocation_policy": field("allocationPolicy"),
                "timeout_in_hours": read_rate("timeoutInHours"),
                "demand_visible_in_warehouse_id": pl.col("demand_visible_in_warehouse_id"),
            },
        ),
        "allocation_rule_locations": rows(
            locations,
            {
                "priority_set_id": pl.col("priority_set_id"),
                "position": pl.col("position"),
                "allocation_rule_id": pl.col("allocation_rule_id"),
                "country_id": field("country.id"),
                "country_code": field("country.code"),
                "state_id": field("state.id"),
                "state_code": field("state.code"),
            },
        ),
    }


WAREHOUSES = reference_entity(
    name="warehouses",
    description="Warehouses, and shops that ship from their own stock.",
    document="warehouses",
    operations=("Warehouses",),
    tables=(Warehouses,),
    transform=warehouses,
)
ALLOCATION_RULES = reference_entity(
    name="allocation_rules",
    description="Allocation rules: which warehouses serve an order, in which order and for which places.",
    document="allocation_rules",
    operations=("AllocationRules",),
    tables=(AllocationRules, AllocationRulePriorities, AllocationRuleLocations),
    transform=allocation_rules,
)
