"""A minute of chaos in the whole platform: killed processes, lost deliveries; afterwards nothing may differ."""

import pytest

from benchmarks import chaos


@pytest.mark.slow
def test_whatever_is_killed_and_lost_the_warehouse_equals_the_shop_in_the_end() -> None:
    outcome = chaos.run(minutes=0.75, seed=3, scale=0.05, traffic=120, days=40)
    assert outcome.failed_runs == []
    assert outcome.differences == {}
    assert outcome.stale_marts == {}
    assert sum(outcome.kills.values()) > 0
    assert outcome.hints["done"] > 0
