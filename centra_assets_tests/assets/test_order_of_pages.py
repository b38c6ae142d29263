"""A live schema without the order that a document asks for: days end with their range, and nothing is lost."""

from centra_assets.entities.registry import entity
from centra_assets_tests.assets.conftest import MakePlatform
from centra_assets_tests.fixtures.sandbox import MakeSandbox


def test_days_are_whole_although_the_schema_cannot_sort_by_creation(
    make_platform: MakePlatform, make_sandbox: MakeSandbox
) -> None:
    platform = make_platform(sandbox=make_sandbox(), entities=[entity("orders")], days=60)
    platform.admin("schema", removed=["OrderSort.createdAt_ASC"])
    assert platform.refresh().success
    assert platform.differences() == {}
    assert platform.truth()["orders"]["count"] > 20
