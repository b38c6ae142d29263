"""Reads nested lists to their end, many lists per request. Which lists may have been cut is found out in `nested`."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from graphql import (
    FieldNode,
    NameNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    Visitor,
    print_ast,
    visit,
)

from centra_assets.centra.buckets import Priority
from centra_assets.centra.decode import PageBody, exact_decoder, exact_encoder
from centra_assets.centra.documents import Paging, Step, declared, operation_named, parsed, root_field
from centra_assets.centra.errors import NestedListCutError, PageDriftError
from centra_assets.centra.nested import FullList, full_lists
from centra_assets.centra.plans import Plan, PreparedQuery, fitting_page
from centra_assets.centra.transport import Transport

# Lists inside an object allow at most 100 or 200 elements; 100 is right for all of them.
_PAGE_LIMIT = 100

# A list that fills its limit seldom holds many times as much, and what is asked for is paid for, whether it comes or
# not. So lists are first asked for a few times their limit, many in one request, and only what is longer on its own.
_FIRST_TRY = 5
_FIRST_TRY_AT_LEAST = 20
_LISTS_PER_REQUEST = 20


class Completion:
    """Completes the pages of one prepared query."""

    def __init__(self, transport: Transport, prepared: PreparedQuery, *, priority: Priority, concurrency: int) -> None:
        self._transport = transport
        self._prepared = prepared
        self._priority = priority
        self._under_way = asyncio.Semaphore(concurrency)

    async def complete(self, plan: Plan, body: PageBody) -> None:
        """Replaces the nested lists that may have been cut, in place. NestedListCutError, PageDriftError."""
        records = {place: exact_decoder.decode(body.payloads[place]) for place in body.full}
        # Outer lists first: what they bring may hold full lists itself.
        for limited in sorted(plan.limited, key=lambda candidate: len(candidate.steps)):
            full = [
                (found, self._owner(found, body.ids[place]))
                for place, record in records.items()
                for found in full_lists(record, limited)
            ]
            chunks = [full[start : start + _LISTS_PER_REQUEST] for start in range(0, len(full), _LISTS_PER_REQUEST)]
            await asyncio.gather(*(self._chunk(chunk) for chunk in chunks))
        for place, record in records.items():
            body.payloads[place] = exact_encoder.encode(record).decode()

    def _owner(self, full: FullList, record_id: str) -> str:
        name = full.limited.name
        if name not in self._prepared.completions:
            raise NestedListCutError(
                f"{self._prepared.operation}: {name} has reached its limit of {full.limited.limit}, "
                "and no operation is named that reads it whole."
            )
        owner = record_id if full.owner_is_record else full.owner.get("id")
        if owner is None:
            raise NestedListCutError(f"{name} has reached its limit, and the object that holds it came without an id.")
        return str(owner)

    async def _chunk(self, lists: Sequence[tuple[FullList, str]]) -> None:
        """Completes lists of one kind: a first try for all together, and whatever is longer by itself."""
        limited = lists[0][0].limited
        plan = self._prepared.completions[limited.name]
        largest = fitting_page(plan, _PAGE_LIMIT, self._prepared.complexity_quota)
        size = min(largest, max(_FIRST_TRY * limited.limit, _FIRST_TRY_AT_LEAST))
        data = await self._together(plan, [owner for _, owner in lists], size)
        for place, (full, owner) in enumerate(lists):
            path = (replace(plan.shape.path[0], key=_alias(place)), *plan.shape.path[1:])
            elements, ended = _elements(plan, _descend(data, path), size)
            whole = elements if ended else await self._alone(plan, owner, largest)
            if len(whole) < full.seen:
                # An owner that was not found, say, must not pass for one whose list is empty.
                raise PageDriftError(
                    f"{plan.name} read {len(whole)} elements of {limited.name}, and {full.seen} came with the record."
                )
            full.replace(whole)

    async def _together(self, plan: Plan, owners: Sequence[str], size: int) -> Any:
        first = plan.request({}, size=size, place=1 if plan.shape.paging is Paging.LIST else None)
        ids = {f"id{place}": _as_declared(plan, owner) for place, owner in enumerate(owners)}
        request = replace(
            first,
            text=_many(plan.text, plan.name, len(owners)),
            variables={**first.variables, **ids},
            cost=replace(first.cost, complexity=first.cost.complexity * len(owners)),
        )
        async with self._under_way:
            reply = await self._transport.send(request, self._priority)
        return reply.envelope.data

    async def _alone(self, plan: Plan, owner: str, size: int) -> list[Any]:
        """All elements of one long list."""
        elements: dict[str, Any] = {}
        variables = {"id": _as_declared(plan, owner)}
        place: Any = 1 if plan.shape.paging is Paging.LIST else None
        while True:
            async with self._under_way:
                reply = await self._transport.send(plan.request(variables, size=size, place=place), self._priority)
            container = _descend(reply.envelope.data, plan.shape.path)
            found, ended = _elements(plan, container, size)
            for element in found:
                key = element.get("id") if isinstance(element, dict) else None
                elements[f"id {key}" if key is not None else f"place {len(elements)}"] = element
            if ended:
                return list(elements.values())
            place = container["pageInfo"]["endCursor"] if plan.shape.paging is Paging.CONNECTION else place + 1


def _elements(plan: Plan, container: Any, size: int) -> tuple[list[Any], bool]:
    """The elements of one answered page, and whether it is the last."""
    if container is None:
        return [], True
    if plan.shape.paging is Paging.CONNECTION:
        return [edge["node"] for edge in container["edges"]], not container["pageInfo"]["hasNextPage"]
    return container, plan.shape.paging is Paging.SINGLE or len(container) < size


def _alias(place: int) -> str:
    return f"of{place}"


@lru_cache(maxsize=256)
def _many(text: str, name: str, count: int) -> str:
    """The operation with its root field `count` times, each under an alias and with an `$id` of its own."""
    operation = operation_named(parsed(text), name)
    root = root_field(operation)
    definitions = [
        definition for definition in operation.variable_definitions if definition.variable.name.value != "id"
    ]
    of_id = next(d for d in operation.variable_definitions if d.variable.name.value == "id")
    fields = []
    for place in range(count):
        renamed: FieldNode = visit(root, _Rename("id", f"id{place}"))
        fields.append(_with(renamed, alias=NameNode(value=_alias(place))))
        definitions.append(_with(of_id, variable=VariableNode(name=NameNode(value=f"id{place}"))))
    many: OperationDefinitionNode = _with(
        operation,
        variable_definitions=tuple(definitions),
        selection_set=SelectionSetNode(selections=tuple(fields)),
    )
    return print_ast(many)


def _with(node: Any, **changed: Any) -> Any:
    """A copy of a syntax node with some parts replaced."""
    return type(node)(**{**{key: getattr(node, key) for key in node.keys}, **changed})


class _Rename(Visitor):
    def __init__(self, old: str, new: str) -> None:
        super().__init__()
        self._old, self._new = old, new

    def enter_variable(self, node: VariableNode, *_: Any) -> VariableNode | None:
        return VariableNode(name=NameNode(value=self._new)) if node.name.value == self._old else None


def _as_declared(plan: Plan, value: str) -> int | str:
    return int(value) if declared(plan.operation).get("id") in ("Int", "Int64") else value


def _descend(data: Mapping[str, Any] | None, path: Sequence[Step]) -> Any:
    """The container at the end of the path. Lists on the way have one element: what `$id` names."""
    here: Any = data
    for place, step in enumerate(path):
        here = None if here is None else here.get(step.key)
        if step.is_list and place < len(path) - 1:
            here = here[0] if here else None
    return here
