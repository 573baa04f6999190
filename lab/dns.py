"""DNS: a private Knot that answers for the zone of the lab's public names, and takes updates signed with its key."""

import dns.exception
import dns.message
import dns.query
import dns.rcode

from lab.edge import PUBLIC_DOMAIN
from lab.layout import make_private_dir, write_private
from lab.ports import HOST
from lab.processes import Launch
from lab.service import NotReadyError, Service, program

PACKAGE = "knot"
KEY_NAME = "implanta"
ANSWER_TIMEOUT_SECONDS = 5

# Relative paths: a socket's may not be long, and a lab's may lie anywhere.
_CONFIGURATION = """\
server:
    rundir: "."
    listen: {host}@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
control:
    listen: "knot.sock"
log:
  - target: stderr
    any: notice
database:
    storage: "db"
    journal-db-max-size: 16M
    kasp-db-max-size: 5M
    timer-db-max-size: 1M
key:
  - id: {key_name}
    algorithm: hmac-sha256
    secret: {key}
acl:
  - id: updates
    key: {key_name}
    action: update
zone:
  - domain: {zone}
    storage: "zones"
    file: "{zone}"
    acl: updates
    zonefile-sync: 0
"""
_ZONE = """\
$ORIGIN {zone}.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A {host}
"""


class Dns(Service):
    """Knot DNS with one zone."""

    name = "dns"
    title = "DNS (Knot)"
    port_names = ("dns",)

    def prepare(self) -> None:
        for directory in (self.home, self.home / "db", self.home / "zones"):
            make_private_dir(directory)
        zone_file = self.home / "zones" / PUBLIC_DOMAIN
        if not zone_file.exists():
            write_private(zone_file, _ZONE.format(zone=PUBLIC_DOMAIN, host=HOST))
        values = {"host": HOST, "port": self.port(), "zone": PUBLIC_DOMAIN, "key_name": KEY_NAME}
        text = _CONFIGURATION.format(**values, key=self.record.secrets.dns_key)
        write_private(self.home / "knot.conf", text)

    def launch(self) -> Launch:
        return Launch(argv=(program("knotd", PACKAGE), "-c", str(self.home / "knot.conf")), cwd=self.home)

    def probe(self) -> None:
        try:
            asked = dns.message.make_query(PUBLIC_DOMAIN, "SOA")
            answer = dns.query.tcp(asked, HOST, timeout=ANSWER_TIMEOUT_SECONDS, port=self.port())
        except (OSError, EOFError, dns.exception.DNSException) as e:
            raise NotReadyError(type(e).__name__) from e
        if answer.rcode() != dns.rcode.NOERROR or not answer.answer:
            raise NotReadyError(dns.rcode.to_text(answer.rcode()))

    def address(self) -> str:
        return self.host_and_port()
