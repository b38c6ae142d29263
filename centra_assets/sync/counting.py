"""Counts of one entity on either side: by Centra's connection, by its counters, and by us. Compares nothing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import sql

from centra_assets.assets.tables import table_of
from centra_assets.centra.blocking import BlockingClient
from centra_assets.centra.documents import Paging
from centra_assets.centra.errors import PermissionDeniedError, RequestRefusedError
from centra_assets.centra.plans import PreparedQuery
from centra_assets.entities.model import Entity
from centra_assets.storage.warehouse import Warehouse

# Those that Centra's `counters` have.
_COUNTED = frozenset({"orders", "customers", "products"})

_COUNTERS = """
query Counted($from: DateTimeTz, $to: DateTimeTz) {{
  counters {{
    {name}(where: {{ createdAt: {{ from: $from, to: $to }} }})
  }}
}}
"""

# The first table of an entity has a row for every record; what waits in quarantine may have none.
_HELD = """
SELECT partition, count(DISTINCT id) AS records FROM (
  SELECT _partition AS partition, _record_id AS id FROM {table} WHERE _partition = ANY(%(partitions)s)
  UNION ALL
  SELECT partition, record_id FROM ops.quarantine WHERE entity = %(entity)s AND partition = ANY(%(partitions)s)
) held GROUP BY partition
"""


def total_count(client: BlockingClient, census: PreparedQuery, variables: Mapping[str, Any]) -> int | None:
    """How many records Centra says a question has; None where its answer has no count."""
    plan = census.plan
    if plan.shape.paging is not Paging.CONNECTION:
        return None
    request = plan.request(variables, size=1, place=None)
    data = client.execute(request.text, request.variables, operation=plan.name).data
    for step in plan.shape.path:
        data = data[step.key][0] if step.is_list else data[step.key]
    return int(data["totalCount"])


def counters_of(client: BlockingClient, entity: Entity, begin: datetime, end: datetime) -> int | None:
    """How many records Centra's counters know that were created in that time, both ends included.

    None where Centra does not count them, or not for this token.
    """
    if entity.name not in _COUNTED:
        return None
    variables = {"from": begin.isoformat(), "to": end.isoformat()}
    try:
        answer = client.execute(_COUNTERS.format(name=entity.name), variables)
    except (PermissionDeniedError, RequestRefusedError):
        return None
    return int(answer.data["counters"][entity.name])


def counted_by_us(warehouse: Warehouse, entity: Entity, partitions: Sequence[str]) -> dict[str, int]:
    """How many records core has of each of the partitions, quarantined ones included."""
    table = table_of(entity.tables[0])
    statement = sql.SQL(_HELD).format(table=sql.Identifier(table.schema, table.name))
    held = warehouse.query(statement.as_string(), {"partitions": list(partitions), "entity": entity.name})
    return dict(held.iter_rows())
