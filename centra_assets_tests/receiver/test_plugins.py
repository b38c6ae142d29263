"""CENTRA_WEBHOOK_SECRETS in its short and long forms, and told off without quoting what was written."""

import pytest
from pydantic import SecretStr

from centra_assets.centra.webhooks import WebhookKind
from centra_assets.receiver.plugins import webhook_plugins
from centra_assets.settings import SettingsError


@pytest.mark.parametrize(
    ("written", "kind", "secrets"),
    [
        ('{"shop": "one"}', WebhookKind.INTEGRATION_API, ("one",)),
        ('{"shop": ["new", "old"]}', WebhookKind.INTEGRATION_API, ("new", "old")),
        ('{"shop": {"secrets": ["one"]}}', WebhookKind.INTEGRATION_API, ("one",)),
        ('{"shop": {"kind": "checkout_api", "secrets": ["one"]}}', WebhookKind.CHECKOUT_API, ("one",)),
        ('{"shop": {"kind": "storefront_api", "secrets": ["one"]}}', WebhookKind.STOREFRONT_API, ("one",)),
    ],
)
def test_every_documented_form_is_understood(written: str, kind: WebhookKind, secrets: tuple[str, ...]) -> None:
    plugin = webhook_plugins(SecretStr(written))["shop"]
    assert (plugin.kind, plugin.reveal()) == (kind, secrets)


def test_without_the_variable_there_are_no_plugins() -> None:
    assert webhook_plugins(None) == {}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("hush", "JSON object"),
        ('"hush"', "JSON object"),
        ('["hush"]', "JSON object"),
        ('{"shop": "hush', "JSON object"),
        ('{"Hush Hush": "one"}', "name"),
        ('{"shop": 7}', "a secret, a list of secrets or an object"),
        ('{"shop": {"hush": 1, "secrets": ["hush"]}}', "a secret, a list of secrets or an object"),
        ('{"shop": {"kind": "hush", "secrets": ["one"]}}', "integration_api"),
        ('{"shop": {"kind": "checkout_api"}}', "secrets"),
        ('{"shop": []}', "at least one"),
        ('{"shop": ["hush", ""]}', "none of them empty"),
        ('{"shop": ["hush", 7]}', "none of them empty"),
    ],
)
def test_a_mistake_is_explained_and_not_quoted(written: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        webhook_plugins(SecretStr(written))
    assert "CENTRA_WEBHOOK_SECRETS" in caught.value.cause
    assert said in caught.value.cause
    assert "hush" not in str(caught.value).lower()


def test_a_plugin_never_prints_its_secrets() -> None:
    assert "hush" not in repr(webhook_plugins(SecretStr('{"shop": "hush"}')))
