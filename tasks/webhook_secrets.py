"""The secrets of the sources of webhooks: made, rotated, and told to the gateway."""

from blocks.settings import load_settings
from blocks.webhook_secrets import WebhookSecrets
from domain.webhook.contracts import Source
from tasks.prefect_errors import explaining_prefect, require_answer


def find_secrets(source: Source) -> WebhookSecrets | None:
    """The secrets of a source as they are now; None before the first, when nobody can sign.

    Raises:
        RetryableError: Prefect does not answer.
    """
    api_url = load_settings().prefect_api_url
    require_answer(api_url)
    try:
        with explaining_prefect(api_url):
            found = WebhookSecrets.load(source.value)
    except ValueError:
        return None
    assert isinstance(found, WebhookSecrets)  # noqa: S101  # Prefect types the call for async callers too
    return found


def rotate_secret(source: Source) -> WebhookSecrets:
    """Make a source's next secret, or its first; the one before it stays accepted."""
    found = find_secrets(source)
    return _save(source, WebhookSecrets.generate() if found is None else found.rotated())


def retire_previous(source: Source) -> bool:
    """Accept the newest secret alone; False when there was no other."""
    found = find_secrets(source)
    if found is None or found.previous_secret is None:
        return False
    _save(source, found.settled())
    return True


def _save(source: Source, wanted: WebhookSecrets) -> WebhookSecrets:
    with explaining_prefect(load_settings().prefect_api_url):
        wanted.save(source.value, overwrite=True)
    return wanted
