"""The directory's password policy, put back as it was after a test that changes it: the product only reinforces."""

from collections.abc import Iterator
from contextlib import contextmanager

from ldap3 import BASE, MODIFY_REPLACE, NONE, SAFE_SYNC, Connection, Server

from blocks.directory import Directory


@contextmanager
def policy_kept(directory: Directory) -> Iterator[None]:
    """Undo whatever happens inside to the lab's policy."""
    dn = f"cn=padrao,ou=politicas,{directory.base_dn}"
    server = Server(directory.host, directory.port, get_info=NONE)
    with Connection(
        server, directory.admin_dn, directory.admin_password.get_secret_value(), client_strategy=SAFE_SYNC
    ) as admin:
        _, _, (before, *_), _ = admin.search(dn, "(objectClass=pwdPolicy)", BASE, attributes=["*"])
        yield
        rules = {name: values for name, values in before["attributes"].items() if name.startswith("pwd")}
        assert admin.modify(dn, {name: [(MODIFY_REPLACE, values)] for name, values in rules.items()})[0]
