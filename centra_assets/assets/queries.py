"""The client's view of an entity: its document, and what of it is not worth asking on this instance."""

from collections.abc import Sequence

from centra_assets.centra.blocking import BlockingClient
from centra_assets.centra.documents import Query
from centra_assets.centra.errors import PermissionDeniedError, RequestRefusedError
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
