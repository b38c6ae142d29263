"""One sync.yaml says how each entity is kept fresh; whatever is wrong in it is told at once, with place and remedy."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from centra_assets.assets.queries import changes_query
from centra_assets.centra.buckets import Priority
from centra_assets.entities.hints import EVENTS
from centra_assets.entities.model import Axis, Entity
from centra_assets.entities.registry import ENTITIES
from centra_assets.settings import Settings
from centra_assets.sync_config import SHORTEST_INTERVAL, Strategy, SyncConfig, strategies_of
from centra_assets.sync_file import SyncConfigError, load_sync_config, read_sync_config

Written = Callable[[str], Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """A merchant's own file."""

    def write(text: str) -> Path:
        path = tmp_path / "ours.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def refused(path: Path) -> str:
    with pytest.raises(SyncConfigError) as caught:
        read_sync_config(path)
    return caught.value.cause


@pytest.fixture(scope="module")
def config() -> SyncConfig:
    return read_sync_config()


class TestDefaults:
    def test_every_entity_has_a_setting(self, config: SyncConfig) -> None:
        assert set(config.entities) == {each.name for each in ENTITIES}

    @pytest.mark.parametrize("each", ENTITIES, ids=lambda each: each.name)
    def test_every_entity_is_swept_in_a_way_that_it_can_be(self, each: Entity, config: SyncConfig) -> None:
        sweep = config.of(each.name).sweep
        assert sweep.strategy in strategies_of(each)
        assert sweep.strategy is not Strategy.NONE
        assert (sweep.every is None) != (sweep.cron is None)
        assert sweep.every is None or sweep.every >= SHORTEST_INTERVAL
        assert sweep.overlap > timedelta(0)

    def test_what_a_window_or_a_watermark_cannot_see_go_is_reconciled_or_read_again(self, config: SyncConfig) -> None:
        for name, settings in config.entities.items():
            if settings.sweep.strategy is not Strategy.SNAPSHOT:
                assert settings.reconcile or settings.full_refresh, name

    def test_the_frequent_ones_are_as_the_documentation_says(self, config: SyncConfig) -> None:
        assert config.of("orders").sweep.every == timedelta(minutes=5)
        assert config.of("orders").asks_at is Priority.REAL_TIME
        assert config.of("prices").asks_at is Priority.BACKFILL
        assert config.of("returns").sweep.window_days == 14
        assert config.of("stock").sweep.strategy is Strategy.LEDGER
        assert config.events.every == timedelta(seconds=60)


def test_a_file_of_ones_own_changes_what_it_names_and_nothing_else(written: Written) -> None:
    config = read_sync_config(written("entities: {orders: {sweep: {every: 2m}, webhook: false}}\nsync: {batch: 7}"))
    before = read_sync_config()
    assert config.of("orders").sweep.every == timedelta(minutes=2)
    assert config.of("orders").sweep.overlap == before.of("orders").sweep.overlap
    assert config.of("orders").reconcile == before.of("orders").reconcile
    assert not config.heeds("orders", "webhook")
    assert config.heeds("orders", "event")
    assert config.sync.batch == 7
    assert config.sync.linger_seconds == before.sync.linger_seconds
    assert {**config.entities, "orders": None} == {**before.entities, "orders": None}


@pytest.mark.parametrize("text", ["", "# only a remark", "entities:", "entities: {orders: }", "defaults: {axes: }"])
def test_a_file_that_says_nothing_changes_nothing(text: str, written: Written) -> None:
    assert read_sync_config(written(text)) == read_sync_config()


def test_a_cron_takes_the_place_of_an_interval_and_an_interval_that_of_a_cron(written: Written) -> None:
    text = 'entities: {orders: {sweep: {cron: "0 * * * *"}}, lowest_prices: {sweep: {every: 6h}}}'
    config = read_sync_config(written(text))
    orders, lowest = config.of("orders").sweep, config.of("lowest_prices").sweep
    assert (orders.every, orders.cron) == (None, "0 * * * *")
    assert (lowest.every, lowest.cron) == (timedelta(hours=6), None)


def test_another_strategy_begins_anew_from_its_own_defaults(written: Written) -> None:
    text = "entities: {returns: {sweep: {strategy: snapshot}}}\ndefaults: {strategies: {snapshot: {every: 4h}}}"
    config = read_sync_config(written(text))
    assert config.of("returns").sweep.every == timedelta(hours=4)
    assert config.of("brands").sweep.every == timedelta(hours=4)


def test_defaults_of_an_axis_hold_unless_the_entity_says_otherwise(written: Written) -> None:
    config = read_sync_config(written("defaults: {axes: {day: {events: false, sweep: {every: 30m}}}}"))
    assert config.of("customers").sweep.every == timedelta(minutes=30)
    assert config.of("orders").sweep.every == timedelta(minutes=5)
    days = [each.name for each in ENTITIES if each.axis is Axis.DAY]
    assert days
    assert all(config.heeds(name, "event") == (name not in days) for name in config.entities)


def test_null_switches_off_and_none_sweeps_never(written: Written) -> None:
    text = "entities: {orders: {reconcile: null, full_refresh: ~, sweep: {strategy: none}}}"
    orders = read_sync_config(written(text)).of("orders")
    assert (orders.reconcile, orders.full_refresh) == (None, None)
    assert (orders.sweep.strategy, orders.sweep.every, orders.sweep.cron) == (Strategy.NONE, None, None)


def test_a_cron_alone_is_the_short_form(written: Written) -> None:
    text = 'entities: {orders: {full_refresh: "0 4 * * *", reconcile: {cron: "0  5 * * MON", days: 3}}}'
    orders = read_sync_config(written(text)).of("orders")
    assert orders.full_refresh is not None
    assert (orders.full_refresh.cron, orders.full_refresh.days) == ("0 4 * * *", 14)
    assert orders.reconcile is not None
    assert (orders.reconcile.cron, orders.reconcile.days) == ("0 5 * * mon", 3)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("entites: {}", "entites:", "allowed: events, sync, checks, retention, defaults, entities"),
        ("entities: {order: {webhook: true}}", "entities.order:", "allowed: stores, markets"),
        ("entities: {orders: {webhok: true}}", "entities.orders.webhok:", "allowed: webhook, events, sweep"),
        ("entities: {orders: {sweep: {evry: 5m}}}", "entities.orders.sweep.evry:", "strategy, every, cron, overlap"),
        ("entities: {orders: {reconcile: {cron: '0 1 * * *', dais: 3}}}", "orders.reconcile.dais:", "cron, days"),
        ("entities: {orders: {reconcile: {days: 3}}}", "entities.orders.reconcile.cron:", "required"),
        ("entities: {orders: {webhook: 3}}", "entities.orders.webhook:", "boolean"),
        ("entities: {orders: 5m}", "entities.orders:", "dictionary"),
        ("entities: [orders]", "entities:", "mapping"),
        ("entities: {orders: {priority: high}}", "entities.orders.priority:", "'real_time' or 'backfill'"),
        ("entities: {orders: {sweep: {strategy: hourly}}}", "orders.sweep.strategy:", "'updated', 'window', 'ledger'"),
        ("entities: {returns: {sweep: {strategy: updated}}}", "returns.sweep.strategy:", "window, snapshot, none"),
        ("entities: {currencies: {sweep: {strategy: updated}}}", "currencies.sweep.strategy:", "snapshot, none"),
        ("entities: {orders: {sweep: {strategy: ledger}}}", "orders.sweep.strategy:", "updated, window, snapshot"),
        ("entities: {brands: {sweep: {strategy: window}}}", "brands.sweep.strategy:", "snapshot, none"),
        ("defaults: {axes: {none: {sweep: {strategy: updated}}}}", "defaults.axes.none.sweep.strategy:", "brands"),
        ("defaults: {axes: {week: {}}}", "defaults.axes.week:", "none, day, month"),
        ("defaults: {strategies: {fast: {}}}", "defaults.strategies.fast:", "updated, window"),
        ("entities: {orders: {sweep: {overlap: 0s}}}", "entities.orders.sweep.overlap:", "above zero"),
        ("entities: {orders: {sweep: {overlap: -5m}}}", "entities.orders.sweep.overlap:", "10m"),
        ("defaults: {strategies: {updated: {overlap: 0m}}}", "strategies.updated.overlap:", "above zero"),
        ("entities: {orders: {sweep: {every: 29s}}}", "entities.orders.sweep.every:", "at least 30s"),
        ("entities: {orders: {sweep: {every: 60}}}", "entities.orders.sweep.every:", "90s, 10m, 2h or 1d"),
        ("events: {every: 5s}", "events.every:", "at least 30s"),
        ("events: {limit: 0}", "events.limit:", "greater than or equal to 1"),
        ("sync: {batch: many}", "sync.batch:", "integer"),
        ("entities: {orders: {sweep: {cron: '61 * * * *'}}}", "entities.orders.sweep.cron:", "no minute: 0 to 59"),
        ("entities: {orders: {sweep: {cron: '0 3 * *'}}}", "entities.orders.sweep.cron:", "five"),
        ("entities: {orders: {sweep: {every: 5m, cron: '0 * * * *'}}}", "entities.orders.sweep:", "one of them"),
        ("defaults: {strategies: {snapshot: {every: null}}}", "entities.stores.sweep:", "neither every nor cron"),
        ("entities: {orders: {sweep: {cron: * * * * *}}}", "ours.yaml:", "(line 1)"),
        ("events: {limit: 1}\nevents: {limit: 2}", "ours.yaml:", "'events' is written twice"),
        ("just a text", "ours.yaml:", "mapping"),
    ],
)
def test_each_mistake_is_told_with_its_place_and_what_is_allowed(
    text: str, place: str, said: str, written: Written
) -> None:
    path = written(text)
    told = refused(path)
    assert str(path) in told
    assert place in told
    assert said in told


def test_all_mistakes_are_told_in_one_message(written: Written) -> None:
    told = refused(
        written(
            "events: {every: 1s}\nentities: {order: {}, orders: {webhok: 1}, returns: {sweep: {strategy: updated}}}"
        )
    )
    for place in ("events.every", "entities.order:", "entities.orders.webhok", "entities.returns.sweep.strategy"):
        assert told.count(place) == 1


def test_a_file_that_is_not_there_is_an_error_and_not_the_defaults(tmp_path: Path) -> None:
    assert "FileNotFoundError" in refused(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("entities: {} # é".encode("latin-1"))
    assert "UnicodeDecodeError" in refused(tmp_path / "latin.yaml")


def test_the_file_is_named_by_the_environment_and_read_once_per_process(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written("sync: {batch: 3}")
    monkeypatch.setenv("CENTRA_SYNC_FILE", str(path))
    settings = Settings.load()
    assert load_sync_config(settings.sync_file).sync.batch == 3
    path.write_text("sync: {batch: 4}", encoding="utf-8")
    assert load_sync_config(settings.sync_file).sync.batch == 3


def test_the_documented_example_is_a_valid_file(written: Written) -> None:
    page = (Path(__file__).parents[2] / "docs" / "sync.md").read_text(encoding="utf-8")
    examples = [block.split("```")[0] for block in page.split("```yaml\n")[1:]]
    assert examples
    for example in examples:
        read_sync_config(written(example))
        assert yaml.safe_load(example)


def test_what_events_speak_of_are_entities_that_have_settings(config: SyncConfig) -> None:
    for targets in EVENTS.values():
        assert all(config.heeds(target.entity, "event") for target in targets)


def test_an_entity_is_swept_by_time_of_change_where_it_can_be_asked_so() -> None:
    askable = {each.name for each in ENTITIES if changes_query(each) is not None}
    assert {each.name for each in ENTITIES if Strategy.UPDATED in strategies_of(each)} == askable
