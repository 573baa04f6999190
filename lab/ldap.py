"""OpenLDAP: the people of every environment, each environment in an organizational unit that sees only itself.

The server's configuration is its own `cn=config` database, made once from the text below: from then on the access
rules are state that the product converges, over LDAP, as it would on any other server.
"""

import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

from ldap3 import NONE, SAFE_SYNC, Connection, Server
from ldap3.core.exceptions import LDAPException

from domain.directory_access import access_rules
from domain.errors import InvalidInputError
from lab.layout import make_private_dir, write_private
from lab.ldap_certificate import ensure_certificate
from lab.ports import HOST
from lab.processes import Launch
from lab.service import NotReadyError, Service, program

PACKAGE = "slapd"
BASE_DN = "dc=implanta"
ADMIN_DN = f"cn=admin,{BASE_DN}"
CONFIG_DN = "cn=admin,cn=config"
POLICY_DN = f"cn=padrao,ou=politicas,{BASE_DN}"
MODULE_DIRS = ("/usr/lib/ldap", "/usr/lib64/openldap", "/usr/lib/openldap")
CONNECT_TIMEOUT_SECONDS = 5

# No `unique` overlay: it cannot be told 'inside each organizational unit' (its searches have fixed bases), and one
# prefeitura may have the same sigla or e-mail as another. A uid is unique in its unit all the same, being the name
# of the entry.
# `dbnosync`: a kill of the server loses nothing, only a power cut could.
# Paths are relative to the server's own directory: a copy of a lab must never open the original's data.
CONFIGURATION = """\
include {schema_dir}/core.schema
include {schema_dir}/cosine.schema
include {schema_dir}/inetorgperson.schema
modulepath {module_dir}
moduleload back_mdb
moduleload ppolicy
pidfile slapd.pid
sizelimit unlimited
disallow bind_anon
TLSCACertificateFile {tls_dir}/ca.pem
TLSCertificateFile {tls_dir}/servidor.pem
TLSCertificateKeyFile {tls_dir}/servidor.key

database config
rootdn "{config_dn}"
rootpw {config_password}
access to * by * none

database mdb
suffix "{base_dn}"
rootdn "{admin_dn}"
rootpw {admin_password}
directory {data_dir}
maxsize 1073741824
dbnosync
index objectClass,uid,mail eq

overlay ppolicy
ppolicy_default "{policy_dn}"
ppolicy_hash_cleartext

{access}
"""

# What pwdMustChange alone does not do: whoever sets a first password also writes pwdReset: TRUE on the entry.
# Quality 2 makes the minimum length count, and refuses passwords that arrive already hashed.
BASE_ENTRIES = """\
dn: {base_dn}
objectClass: dcObject
objectClass: organization
dc: implanta
o: Implanta

dn: ou=politicas,{base_dn}
objectClass: organizationalUnit
ou: politicas

dn: {policy_dn}
objectClass: device
objectClass: pwdPolicy
cn: padrao
pwdAttribute: userPassword
pwdMustChange: TRUE
pwdAllowUserChange: TRUE
pwdCheckQuality: 2
pwdMinLength: 8
pwdInHistory: 3
pwdLockout: TRUE
pwdMaxFailure: 5
pwdLockoutDuration: 900
pwdFailureCountInterval: 900
"""


def _module_dir() -> Path:
    for candidate in map(Path, MODULE_DIRS):
        if (candidate / "back_mdb.la").exists() or (candidate / "back_mdb.so").exists():
            return candidate
    raise InvalidInputError(
        "Faltam os módulos do OpenLDAP", f"pacote Debian {PACKAGE}", f"Instale-o: apt-get install {PACKAGE}"
    )


class Ldap(Service):
    """One slapd whose search accounts, `cn=sip,ou=<environment>,dc=implanta`, read their own environment only."""

    name = "ldap"
    title = "OpenLDAP"
    port_names = ("ldap",)

    def prepare(self) -> None:
        make_private_dir(self.home)
        ensure_certificate(self.layout.ldap_tls_dir, HOST)
        for unfinished in (*self.home.glob("data.*"), *self.home.glob("slapd.d.*")):
            shutil.rmtree(unfinished, ignore_errors=True)
        if not (self.home / "data").exists():
            self._make_data()
        # A lab of before has data and no configuration database.
        if not (self.home / "slapd.d").exists():
            self._make_configuration()
            (self.home / "slapd.conf").unlink(missing_ok=True)

    def _write_configuration(self, data_dir: str) -> Path:
        path = self.home / "first.conf"
        text = CONFIGURATION.format(
            schema_dir="/etc/ldap/schema",
            module_dir=_module_dir(),
            tls_dir=self.layout.ldap_tls_dir.relative_to(self.home),
            config_dn=CONFIG_DN,
            config_password=self.record.secrets.ldap_config,
            base_dn=BASE_DN,
            admin_dn=ADMIN_DN,
            admin_password=self.record.secrets.ldap_admin,
            policy_dn=POLICY_DN,
            data_dir=data_dir,
            access="\n".join(f"access {rule.text}" for rule in access_rules(BASE_DN)),
        )
        write_private(path, text)
        return path

    def _make_data(self) -> None:
        fresh = self.home / f"data.{secrets.token_hex(4)}"
        make_private_dir(fresh)
        configuration = self._write_configuration(fresh.name)
        entries = self.home / "first.ldif"
        write_private(entries, BASE_ENTRIES.format(base_dn=BASE_DN, policy_dn=POLICY_DN))
        self.run_once([program("slapadd", PACKAGE), "-q", "-f", str(configuration), "-l", str(entries)])
        configuration.unlink()
        entries.unlink()
        fresh.rename(self.home / "data")

    def _make_configuration(self) -> None:
        fresh = self.home / f"slapd.d.{secrets.token_hex(4)}"
        make_private_dir(fresh)
        configuration = self._write_configuration("data")
        self.run_once([program("slaptest", PACKAGE), "-Q", "-f", str(configuration), "-F", str(fresh)])
        configuration.unlink()
        fresh.rename(self.home / "slapd.d")

    def launch(self) -> Launch:
        return Launch(
            # -d keeps it in the foreground; 'none' logs what is serious only: entries are people.
            argv=(
                program("slapd", PACKAGE),
                "-F",
                str(self.home / "slapd.d"),
                "-h",
                f"ldap://{self.host_and_port()}",
                "-d",
                "none",
            ),
            cwd=self.home,
        )

    def is_outdated(self, command: Sequence[str]) -> bool:
        return "-F" not in command  # started by an older version, from a file that nobody can converge

    def probe(self) -> None:
        server = Server(HOST, self.port(), get_info=NONE, connect_timeout=CONNECT_TIMEOUT_SECONDS)
        try:
            with Connection(
                server,
                ADMIN_DN,
                self.record.secrets.ldap_admin,
                client_strategy=SAFE_SYNC,
                receive_timeout=CONNECT_TIMEOUT_SECONDS,
                raise_exceptions=True,
            ):
                return  # entering the block binds
        except LDAPException as e:
            raise NotReadyError(str(e)) from e

    def address(self) -> str:
        return f"ldap://{self.host_and_port()}"
