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


def test_secrets_never_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CENTRA_API_TOKEN", "tell-nobody")
    monkeypatch.setenv("CENTRA_DATABASE_URL", "postgresql://u:tell-nobody@h/d")
    assert "tell-nobody" not in repr(Settings.load())


def test_without_any_setting_there_is_a_year_of_days() -> None:
    settings = Settings.load()
    assert settings.api_url is None
    assert settings.start_date.day >= 1
