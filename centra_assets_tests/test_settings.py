"""What an installation is told, and how it is told off."""

import pytest

from centra_assets.settings import Settings, SettingsError


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_URL", "API_TOKEN", "DATABASE_URL", "LAKE_URL", "TIMEZONE", "START_DATE"):
        monkeypatch.delenv(f"CENTRA_{name}", raising=False)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CENTRA_TIMEZONE", "Stockholm", "IANA time zone"),
        ("CENTRA_START_DATE", "2999-01-01", "future"),
        ("CENTRA_API_URL", "brand.centra.com", "URL"),
        ("CENTRA_API_CONCURRENCY", "0", "greater than or equal to 1"),
    ],
)
def test_a_wrong_setting_is_named_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as caught:
        Settings.load()
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:se%cret@h/d",
        "postgresql://u:se@cret@h/d",
        "postgres//u:secret@h/d",
        "u:secret@h/d",
        "secret",
    ],
)
def test_a_malformed_database_url_is_refused_without_its_password(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("CENTRA_DATABASE_URL", url)
    with pytest.raises(SettingsError, match="CENTRA_DATABASE_URL") as caught:
        Settings.load()
    assert "cret" not in str(caught.value)
    assert "%40" in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p%40ss@h:5432/d?sslmode=require",
        "postgres://h/d",
        "postgresql://owner@/centra?host=/tmp/a%20folder",
        "postgresql://h1:5432,h2:5433/d",
    ],
)
def test_a_usual_database_url_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("CENTRA_DATABASE_URL", url)
    secret = Settings.load().database_url
    assert secret is not None
    assert secret.get_secret_value() == url


def test_secrets_never_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CENTRA_API_TOKEN", "tell-nobody")
    monkeypatch.setenv("CENTRA_DATABASE_URL", "postgresql://u:tell-nobody@h/d")
    assert "tell-nobody" not in repr(Settings.load())


def test_without_any_setting_there_is_a_year_of_days() -> None:
    settings = Settings.load()
    assert settings.api_url is None
    assert settings.start_date.day >= 1
