"""The edge: a private nginx with ModSecurity and the OWASP CRS, configured by `blocks.nginx_edge` as any other."""

import os
from pathlib import Path

from blocks.nginx_edge import NginxEdge
from domain.errors import InvalidInputError
from lab import gateway
from lab.layout import make_private_dir
from lab.nginx import PACKAGE, stop_orphans, user
from lab.ports import HOST
from lab.processes import Launch
from lab.service import NotReadyError, Service, program

WAF_PACKAGES = {
    "modsecurity_module": "libnginx-mod-http-modsecurity",
    "crs_rules_dir": "modsecurity-crs",
}
# Names under .localhost lead to this machine without a DNS, in browsers at least.
PUBLIC_DOMAIN = "sei.localhost"


class Edge(Service):
    """One nginx for every environment's public address."""

    name = "edge"
    title = "Borda (nginx + WAF)"
    port_names = ("edge", "edge_status", "edge_http")
    is_client = True

    def block(self) -> NginxEdge:
        """The edge as flows will know it."""
        return make_block(
            self.home,
            self.port("edge"),
            self.port("edge_http"),
            self.port("edge_status"),
            gateway_url=gateway.url(self.port("gateway")),
        )

    def prepare(self) -> None:
        stop_orphans(self.home)  # of an `up` that was killed before it could write down what it had started
        make_private_dir(self.home)
        block = self.block()
        for field, package in WAF_PACKAGES.items():
            if not getattr(block, field).exists():
                raise InvalidInputError(
                    f"Falta {getattr(block, field)}",
                    f"pacote Debian {package}",
                    f"Instale-o: apt-get install {package}",
                )
        block.prepare()

    def launch(self) -> Launch:
        block = self.block()
        return Launch(
            argv=(
                program("nginx", PACKAGE),
                "-e",
                "stderr",
                "-p",
                f"{self.home}/",
                "-c",
                str(block.configuration_file),
            ),
            cwd=self.home,
        )

    def probe(self) -> None:
        health = self.block().probe()
        if not health.serving:
            raise NotReadyError(health.detail)

    def address(self) -> str:
        return f"https://*.{PUBLIC_DOMAIN}:{self.port()}"

    def clean_after_stop(self) -> None:
        """End the workers that a killed nginx leaves behind: they go on serving, and hold the port."""
        stop_orphans(self.home)


def challenge_dir(home: Path) -> Path:
    """Where the answers to an ACME authority's challenges are put."""
    return home / "challenges"


def make_block(
    home: os.PathLike[str],
    port: int,
    http_port: int,
    status_port: int,
    ca_file: os.PathLike[str] | None = None,
    *,
    gateway_url: str | None = None,
) -> NginxEdge:
    """A private edge under `home`; root's workers are root's too, as everything of a lab belongs to one user."""
    return NginxEdge.model_validate(
        {
            "home": home,
            "nginx": program("nginx", PACKAGE),
            "public_domain": PUBLIC_DOMAIN,
            "public_port": port,
            "public_addresses": (HOST,),
            "http_port": http_port,
            "challenge_dir": challenge_dir(Path(home)),
            "ca_file": ca_file,
            "gateway_url": gateway_url,
            "status_port": status_port,
            "listen": HOST,
            "user": user(),
            "foreground": True,
            "worker_processes": 2,
        }
    )
