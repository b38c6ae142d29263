"""Attributes are left out only where the instance says that there are none; not knowing is no reason."""

import httpx
import pytest

from centra_assets.assets.queries import attribute_paths_to_drop
from centra_assets.centra.blocking import connect
from centra_assets.entities.registry import entity
from centra_assets_tests.fixtures.sandbox import MakeSandbox

PRODUCTS = entity("products")


@pytest.mark.parametrize(
    ("side", "change"),
    [
        ("faults", {"denied_permissions": ["Attribute:read"]}),
        ("schema", {"removed": ["Query.attributeTypes"]}),
        ("schema", {"removed": ["AttributeTypeFilter.objectType"]}),
    ],
)
def test_a_token_or_schema_that_does_not_tell_of_attributes_loses_none(
    make_sandbox: MakeSandbox, side: str, change: dict[str, list[str]]
) -> None:
    sandbox = make_sandbox()
    httpx.post(f"{sandbox.admin_url}/{side}", json=change).raise_for_status()
    with connect(url=sandbox.url, token=sandbox.token) as client:
        assert attribute_paths_to_drop(client, PRODUCTS) == ()
