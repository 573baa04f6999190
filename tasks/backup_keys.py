"""The keys of all backups, out of Prefect's block store into a file, and back into a store that lost them."""

from pydantic import SecretStr

from blocks.archive_key import EnvironmentArchiveKey
from blocks.key_bundle import close_bundle, open_bundle
from blocks.settings import load_settings
from blocks.signing_key import BackupSigningKey
from domain.change import Change
from domain.errors import IntegrityError
from domain.self_backup import OWN
from tasks import doors
from tasks.prefect_errors import explaining_prefect

SIGNING = "assinatura"


def export_keys(passphrase: SecretStr) -> tuple[bytes, int]:
    """A file with the key of every environment that has one and of Implanta itself, and the signing key; how many."""
    keys: dict[str, SecretStr] = {}
    for name in (OWN, *(record.slug for record in doors.registry().list_environments())):
        try:
            keys[name] = doors.archive_key(name).secret
        except doors.NoBlockError:  # nothing of it was ever copied
            continue
    try:
        keys[SIGNING] = doors.signing_key().private_pem
    except doors.NoBlockError:
        if keys:
            raise
    return close_bundle(keys, passphrase), len(keys)


def import_keys(content: bytes, passphrase: SecretStr) -> Change:
    """Give the block store the keys that it lacks; a key that it has stays.

    Raises:
        InvalidInputError: the file or the passphrase is wrong.
        IntegrityError: the store has another key under one of the names; nothing was changed.
    """
    keys = open_bundle(content, passphrase)
    missing, other = {}, []
    for name, key in keys.items():
        present = _present(name)
        if present is None:
            missing[name] = key
        elif present.get_secret_value() != key.get_secret_value():
            other.append(name)
    if other:
        raise IntegrityError(
            f"O Prefect já tem outra chave para: {', '.join(other)}",
            "arquivo de chaves",
            "Nada foi mudado. Descubra qual abre as cópias (./implanta backup verify) antes de trocar o bloco.",
        )
    with explaining_prefect(load_settings().prefect_api_url):
        for name, key in missing.items():
            if name == SIGNING:
                BackupSigningKey(private_pem=key).save(doors.MAIN)
            else:
                EnvironmentArchiveKey(secret=key).save(name)
    doors.forget_blocks()
    return Change(created=len(missing), unchanged=len(keys) - len(missing))


def _present(name: str) -> SecretStr | None:
    try:
        return doors.signing_key().private_pem if name == SIGNING else doors.archive_key(name).secret
    except doors.NoBlockError:
        return None
