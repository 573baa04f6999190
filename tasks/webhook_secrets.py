"""The secrets of webhooks, of each source and of each endpoint: made, rotated, and told to the gateway."""

from blocks.settings import load_settings
from blocks.webhook_secrets import WebhookSecrets
from tasks import doors
from tasks.prefect_errors import explaining_prefect, require_answer


def find_secrets(source: str) -> WebhookSecrets | None:
    """The secrets of a source or endpoint as they are now; None before the first, when nobody can sign.

    Raises:
        RetryableError: Prefect does not answer.
    """
    require_answer(load_settings().prefect_api_url)
    return doors.find_block(WebhookSecrets, source)


def rotate_secret(source: str) -> WebhookSecrets:
    """Make a source's next secret, or its first; the one before it stays accepted."""
    found = find_secrets(source)
    return _save(source, WebhookSecrets.generate() if found is None else found.rotated())


def retire_previous(source: str) -> bool:
    """Accept the newest secret alone; False when there was no other."""
    found = find_secrets(source)
    if found is None or found.previous_secret is None:
        return False
    _save(source, found.settled())
    return True


def drop_secrets(source: str) -> None:
    """Forget the secrets; nothing is done where there are none."""
    if find_secrets(source) is not None:
        with explaining_prefect(load_settings().prefect_api_url):
            WebhookSecrets.delete(source)


def _save(source: str, wanted: WebhookSecrets) -> WebhookSecrets:
    with explaining_prefect(load_settings().prefect_api_url):
        wanted.save(source, overwrite=True)
    return wanted
