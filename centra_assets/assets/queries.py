"""The questions that an entity's document gives, and what of it is not worth asking on this instance. Asks nothing."""

from collections.abc import Sequence

from centra_assets.centra.blocking import BlockingClient
from centra_assets.centra.documents import Query
from centra_assets.centra.errors import PermissionDeniedError, RequestRefusedError
from centra_assets.centra.rewriting import by_ids, census, changed_since
from centra_assets.entities.model import Entity

# An entity's attributes cost more than the rest of it; on most instances most kinds of objects have none.
_ATTRIBUTE_TYPES = """
query AttributeTypesOf($objectType: [AttributeObjectType!]) {
  attributeTypes(where: { objectType: $objectType }) {
    name
  }
}
"""


def query_of(entity: Entity, *, drop_paths: Sequence[str] = ()) -> Query:
    """The client's view of an entity's document."""
    return Query(
        text=entity.document_text(),
        operations=entity.operations,
        record_id=entity.record_id,
        updated_at=entity.updated_at,
        created_at=entity.created_at,
        page_limit=entity.page_limit,
        nested=entity.nested,
        drop_paths=drop_paths,
    )


def lookup_query(entity: Entity, *, drop_paths: Sequence[str] = ()) -> Query | None:
    """These records by id: variables `ids` (record ids, as texts or numbers) and the axis's `key`, no window.

    A record that is gone does not come. Without ids nothing is asked. None where records cannot be asked for by id.
    """
    if entity.id_filter is None:
        return None
    return by_ids(query_of(entity, drop_paths=drop_paths), entity.id_filter)


def changes_query(entity: Entity, *, drop_paths: Sequence[str] = ()) -> Query | None:
    """What changed at `from` or later: variables `from` (never null) and the axis's `key`; `to` may close it.

    With `keyset` the pages come in order of change, as long as `PreparedQuery.in_order` says so (see
    `centra.keyset`); without, in any order. None where Centra cannot tell what changed.
    """
    return changed_since(query_of(entity, drop_paths=drop_paths))


def census_query(entity: Entity, also: Sequence[str] = ()) -> Query:
    """What exists: the base question, its variables included, with no more than ids and times, and `also` these paths.

    Entities whose records have no id of their own are asked for whole: their ids are digests of the payload.
    """
    return census(query_of(entity), also)


def attribute_paths_to_drop(client: BlockingClient, entity: Entity) -> Sequence[str]:
    """The entity's attribute paths when the instance defines no attributes for its objects.

    Where the token or the schema does not let it tell, they are asked for: dear, but nothing is missed in silence.
    """
    if not entity.attributes_of:
        return ()
    try:
        answer = client.execute(_ATTRIBUTE_TYPES, {"objectType": list(entity.attributes_of)})
    except (PermissionDeniedError, RequestRefusedError):
        return ()
    return () if answer.data["attributeTypes"] else entity.attribute_paths
