"""The `sandbox` command: webhooks told on the command line, their secret never."""

import pytest

from centra_assets.commands.sandbox import WebhookInvalidError, webhook_plugins
from centra_assets.sandbox.webhooks import WebhookKind


def test_a_webhook_is_told_as_name_kind_and_url_with_the_secret_of_the_environment(monkeypatch):
    monkeypatch.setenv("HOOK_SECRET", "known to nobody")
    (plugin,) = webhook_plugins(["erp:integration_api:http://127.0.0.1:8900/webhooks/erp"], "HOOK_SECRET", 2)
    assert (plugin.name, plugin.kind) == ("erp", WebhookKind.INTEGRATION)
    assert plugin.url == "http://127.0.0.1:8900/webhooks/erp"
    assert (plugin.secret, plugin.retries) == ("known to nobody", 2)


@pytest.mark.parametrize(
    "told",
    [
        ["erp"],
        ["erp:other_api:http://127.0.0.1/"],
        ["erp:checkout_api:127.0.0.1"],
        [":checkout_api:http://127.0.0.1/"],
        ["erp:checkout_api:http://127.0.0.1/", "erp:storefront_api:http://127.0.0.1/"],
    ],
)
def test_a_webhook_that_makes_no_sense_is_refused(told):
    with pytest.raises(WebhookInvalidError):
        webhook_plugins(told, None, 0)


def test_a_secret_that_is_not_in_the_environment_is_refused(monkeypatch):
    monkeypatch.delenv("HOOK_SECRET", raising=False)
    with pytest.raises(WebhookInvalidError, match="HOOK_SECRET"):
        webhook_plugins([], "HOOK_SECRET", 0)
