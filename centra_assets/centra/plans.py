"""From a question to something that can be sent: operation chosen, pruned, priced, paged. Sending is the client's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import polars as pl
from graphql import GraphQLSchema, OperationDefinitionNode, print_ast

from centra_assets.centra.buckets import Cost
from centra_assets.centra.complexity import cost
from centra_assets.centra.decode import HeadKeys, PageReader
from centra_assets.centra.documents import (
    DocumentError,
    Paging,
    Query,
    Shape,
    declared,
    fields_below,
    operation_named,
    parsed,
    response_key,
    root_field,
    root_type,
    selected_at,
    shape_of,
)
from centra_assets.centra.errors import FilterMissingError, PermissionDeniedError, SchemaMismatchError
from centra_assets.centra.nested import LimitedList, effective_limit, limited_lists
from centra_assets.centra.pruning import Cuts, Pruned, prune
from centra_assets.centra.response_types import ResponseType, operation_type
from centra_assets.centra.rewriting import CHANGE_ORDER, besides
from centra_assets.centra.schema import bundled_schema
from centra_assets.centra.transport import Request

# A page may take this share of the complexity that ten seconds bring, so that several are under way at once.
_PAGE_SHARE = 0.25


@dataclass(frozen=True)
class Plan:
    """One operation, ready for one live schema and one token. Replaced as a whole when either turns out different."""

    name: str
    live: GraphQLSchema
    operation: OperationDefinitionNode
    text: str
    shape: Shape
    pruned: tuple[Pruned, ...]
    limited: tuple[LimitedList, ...]
    # Points of a page: `base_cost` and `record_cost` for each record.
    base_cost: int
    record_cost: int
    # Without paging, a root list of this length may have been cut.
    single_limit: int | None
    # Whether pages come in order of change, so that a keyset can be moved along it.
    in_order: bool = False

    def request(self, variables: Mapping[str, Any], *, size: int | None, place: Any, factor: float = 1.0) -> Request:
        """The request for one page. `place` is a cursor or a page number, None for the first page; `factor` is what
        experience says of the cost.
        """
        given = dict(variables)
        if self.shape.size_variable and self.shape.place_variable:
            given[self.shape.size_variable] = size
            given[self.shape.place_variable] = 1 if place is None and self.shape.paging is Paging.LIST else place
        known = declared(self.operation)
        return Request(
            self.text,
            {name: value for name, value in given.items() if name in known},
            self.name,
            Cost(complexity=round(self.page_cost(size or 0) * factor)),
        )

    def page_cost(self, size: int) -> int:
        """Points of a page of so many records, by the rule."""
        return self.base_cost + self.record_cost * size


@dataclass
class PreparedQuery:
    """A question fit to be streamed. `plan`, and with it `pruned`, is kept current while pages are read."""

    query: Query
    plan: Plan
    response: ResponseType
    # What ten seconds bring; None where Centra names no limit.
    complexity_quota: int | None
    reader: PageReader
    # Real complexity over computed complexity, as the last answer had it.
    cost_factor: float = 1.0
    completions: dict[str, Plan] = field(default_factory=dict)

    @property
    def operation(self) -> str:
        """Name of the chosen operation."""
        return self.plan.name

    @property
    def pruned(self) -> tuple[Pruned, ...]:
        """What is not asked for, and why. Complete after the first page."""
        return self.plan.pruned

    @property
    def in_order(self) -> bool:
        """Whether the pages of a keyset question come in order of change. Certain after the first page."""
        return self.plan.in_order

    @property
    def dtype(self) -> pl.Struct:
        """The type of a record, pruned fields included."""
        return self.response.dtype

    @property
    def float_keys(self) -> frozenset[str]:
        """Response keys whose numbers become text."""
        return self.response.float_keys

    @property
    def record_cost(self) -> int:
        """Complexity points of one record, by Centra's rule."""
        return self.plan.record_cost

    @property
    def page_size(self) -> int:
        """Records per page: as many as Centra allows and a quarter of ten seconds' complexity can carry, at least 1."""
        return fitting_page(self.plan, self.query.page_limit, self.complexity_quota, self.cost_factor)

    def adopt(self, plan: Plan) -> None:
        """Goes on with another plan."""
        self.plan = plan
        self.reader = page_reader(self.query, plan)
        self.completions.clear()

    def learn_cost(self, plan: Plan, size: int, actual: int) -> None:
        """Remembers how far the computed cost of a page is off."""
        computed = plan.page_cost(size)
        if computed > 0 and actual > 0:
            self.cost_factor = min(10.0, max(0.1, actual / computed))


def fitting_page(plan: Plan, page_limit: int, quota: int | None, factor: float = 1.0) -> int:
    """Records per page within the limit and the quota."""
    if quota is None or plan.record_cost == 0:
        return page_limit
    affordable = (quota * _PAGE_SHARE - plan.base_cost) / (plan.record_cost * factor)
    return max(1, min(page_limit, int(affordable)))


def choose(query: Query, live: GraphQLSchema, denied: Mapping[str, str]) -> Plan:
    """A plan for the first operation that the live schema and the token allow.

    PermissionDeniedError when only permissions stand in the way, else SchemaMismatchError with every reason; it is a
    FilterMissingError where the question would have to be asked without what narrows it.
    """
    refusals: list[SchemaMismatchError | PermissionDeniedError] = []
    for name in query.operations:
        try:
            plan = plan_operation(query.text, name, live, denied, record_id=query.record_id, drop=query.drop_paths)
            return replace(plan, in_order=_is_in_order(query, plan))
        except (SchemaMismatchError, PermissionDeniedError) as error:
            refusals.append(error)
    if not refusals:
        raise DocumentError("The question names no operation.")
    denials = [error for error in refusals if isinstance(error, PermissionDeniedError)]
    if denials:
        raise denials[0]
    unfiltered = query.narrowed_by is not None and any(isinstance(error, FilterMissingError) for error in refusals)
    kind = FilterMissingError if unfiltered else SchemaMismatchError
    raise kind(" ".join(error.cause for error in refusals))


def _is_in_order(query: Query, plan: Plan) -> bool:
    """Whether the operation still sorts by time of change, over all records and not below each of several parents."""
    if query.keyset is None or query.updated_at is None or len(plan.shape.path) != 1:
        return False
    records = selected_at(plan.live, plan.operation, plan.shape.record_path)
    keys = {
        response_key(node) for level in records for node, *_ in fields_below(plan.live, level.selections, level.parent)
    }
    orders = [
        print_ast(argument.value)
        for argument in root_field(plan.operation).arguments
        if argument.name.value == "sort" and query.updated_at in keys
    ]
    return any(order.strip("[]").split(",")[0] == CHANGE_ORDER for order in orders)


def plan_operation(
    text: str,
    name: str,
    live: GraphQLSchema,
    denied: Mapping[str, str],
    *,
    record_id: str | None,
    drop: Sequence[str] = (),
) -> Plan:
    """The plan of one operation."""
    whole = operation_named(parsed(text), name)
    # The bundled schema knows the way to the records also where the live one lacks a part of it.
    shape = shape_of(bundled_schema(), whole)
    way = shape.record_path
    dropped = {(*way, *path.split(".")) for path in drop}
    left = prune(live, whole, Cuts(way, record_id, denied, dropped))
    size = shape.size_variable
    one, two = (cost(live, left.operation, {size: n} if size else {}) for n in (1, 2))
    return Plan(
        name=name,
        live=live,
        operation=left.operation,
        text=left.text,
        shape=shape,
        pruned=left.pruned,
        limited=limited_lists(live, left.operation, way),
        base_cost=one - (two - one),
        record_cost=two - one,
        single_limit=_single_limit(live, left.operation) if shape.paging is Paging.SINGLE else None,
    )


def _single_limit(live: GraphQLSchema, operation: OperationDefinitionNode) -> int | None:
    for node, _, definition in fields_below(live, operation.selection_set, root_type(live, operation)):
        if node.name.value == root_field(operation).name.value:
            return effective_limit(node, definition, "limit", {})
    return None


def listing_of(query: Query, plan: Plan) -> Plan:
    """The same operation with no more than ids: the plan itself where payloads are all that tells records apart."""
    if not query.record_id:
        return plan
    drop = besides(query, [query.record_id])
    return plan_operation(query.text, plan.name, plan.live, {}, record_id=query.record_id, drop=drop)


def record_type(query: Query, operation: str) -> ResponseType:
    """The type of a record by the bundled schema and the whole document: the same whatever was pruned."""
    return _record_type(query.text, operation)


@lru_cache(maxsize=256)
def _record_type(text: str, operation: str) -> ResponseType:
    return operation_type(bundled_schema(), operation_named(parsed(text), operation))


def page_reader(query: Query, plan: Plan) -> PageReader:
    """A reader of the plan's answers."""
    return PageReader(plan.shape, HeadKeys(query.record_id, query.updated_at, query.created_at), plan.limited)
