"""Where the fields of Query find their values: tables of the world by type, and the instance's own state.

Derived from the schema: `orders` is the table of Order, `orderConnection` too, `order(id:)` one of them.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError, GraphQLField, get_named_type

from centra_assets.sandbox.analysis import is_list
from centra_assets.sandbox.data.table import Table
from centra_assets.sandbox.listing import Source, table_source
from centra_assets.sandbox.mutations import MUTATIONS
from centra_assets.sandbox.records import Counters
from centra_assets.sandbox.selection import Fetch, Run

if TYPE_CHECKING:
    from centra_assets.sandbox.instance import Instance


class Roots:
    """The root values of an instance."""

    def __init__(self, instance: "Instance") -> None:
        self._instance = instance

    def __call__(self, holder: str, name: str, field: GraphQLField) -> Fetch | None:
        """How to fetch a field of Query, Mutation or Counters; None for fields of other types."""
        if holder == "Mutation":
            return self._mutation(name)
        if holder == "Counters":
            return self._counter(name, field)
        if holder != "Query":
            return None
        own = self._own(name, field)
        return own if own is not None else self._table_field(name, field)

    def _own(self, name: str, field: GraphQLField) -> Fetch | None:
        """Fields that speak of the instance rather than of the shop."""
        instance = self._instance
        band = instance.schema.band("Query", name)
        sources: dict[str, Callable[[Run], Any]] = {
            "rateLimits": lambda run: instance.rate_limits(),
            "events": lambda run: instance.events.waiting(instance.integration(run.token)),
            "eventListeners": lambda run: instance.events.listeners(instance.integration(run.token)),
            "idConversions": lambda run: (),
            "translatableFields": lambda run: (),
        }
        if name == "counters":
            return lambda node, run, args: Counters()
        if name == "mediaBatch":
            return lambda node, run, args: None
        source = sources.get(name)
        if source is None:
            return None
        return lambda node, run, args: run.lister.page(Source(source(run)), field, args, band)

    def _table_field(self, name: str, field: GraphQLField) -> Fetch:
        type_name = get_named_type(field.type).name
        table_name = type_name.removesuffix("Connection")
        table = self._instance.world.tables.get(table_name) or Table(table_name)
        band = self._instance.schema.band("Query", name)
        if type_name.endswith("Connection"):
            return lambda node, run, args: run.lister.connection(table_source(table), field, args, band)
        if is_list(field.type):
            return lambda node, run, args: run.lister.page(table_source(table), field, args, band)
        return lambda node, run, args: table.get(args["id"])

    def _counter(self, name: str, field: GraphQLField) -> Fetch:
        tables = {"orders": "Order", "customers": "Customer", "products": "Product"}
        if name not in tables:
            return lambda node, run, args: self._instance.statistics.requests
        table = self._instance.world.tables.get(tables[name]) or Table(tables[name])
        return lambda node, run, args: run.lister.count(table_source(table), field, args)

    def _mutation(self, name: str) -> Fetch:
        mutate = MUTATIONS.get(name)
        if mutate is None:
            raise GraphQLError(f"{name} is not served by this sandbox.", extensions={"category": "internal"})
        return lambda node, run, args: mutate(self._instance, run.token, args)
