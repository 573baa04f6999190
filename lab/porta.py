"""The door before Prefect: nginx as production has it, with a certificate of the lab's authority."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import httpx
from pydantic import SecretStr

from blocks.door import DoorProxy
from blocks.private_files import ensure_private_files
from lab.certificate_authority import read_authority
from lab.layout import make_private_dir, write_private
from lab.nginx import PACKAGE, stop_orphans, user
from lab.painel import DOOR_NAME, door_url
from lab.ports import HOST
from lab.prefect_server import ANSWER_TIMEOUT_SECONDS, auth_string
from lab.processes import Launch
from lab.service import NotReadyError, Service, program

VALID_DAYS = 3650
MIME_TYPES = Path("/etc/nginx/mime.types")


class Porta(Service):
    """One nginx before the board and Prefect."""

    name = "porta"
    title = "Porta (Prefect e painel)"
    port_names = ("porta", "porta_maquinas")
    needs = ("painel", "prefect")
    is_client = True

    def proxy(self) -> DoorProxy:
        """The door as the command line renders it for production."""
        return DoorProxy(
            server_name=DOOR_NAME,
            public_port=self.port(),
            listen=HOST,
            directory=self.home,
            log_dir=self.home,
            certificate=self.home / "servidor.pem",
            key=self.home / "servidor.key",
            board=f"{HOST}:{self.port('painel')}",
            prefect=f"{HOST}:{self.port('prefect')}",
            prefect_auth=SecretStr(auth_string(self.record)),
            machines_port=self.port("porta_maquinas"),
            machines_from=(HOST,),
        )

    def prepare(self) -> None:
        stop_orphans(self.home)
        make_private_dir(self.home / "tmp")
        proxy = self.proxy()
        self._ensure_certificate(proxy)
        files = (*proxy.render(), proxy.render_main(MIME_TYPES, user()))
        ensure_private_files(self.home, {file.name: file.content for file in files})

    def _ensure_certificate(self, proxy: DoorProxy) -> None:
        if proxy.certificate.exists():
            return
        # Not at the top: the library takes longer to load than a server to start, and only the first start needs it.
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

        from domain.certificate import KeyType, as_pem, read_certificates  # noqa: PLC0415
        from domain.certificate_signing import key_as_pem, new_key, sign_site  # noqa: PLC0415

        authority = read_authority(self.layout)
        root_key = load_pem_private_key(authority.key.get_secret_value().encode(), None)
        if not isinstance(root_key, ec.EllipticCurvePrivateKey):
            raise TypeError
        key = new_key(KeyType.ECDSA_P256)
        certificate = sign_site(
            [DOOR_NAME, HOST],  # programs come by the address: they resolve no names under .localhost
            key.public_key(),
            root=read_certificates(authority.certificate)[0],
            root_key=root_key,
            now=datetime.now(UTC),
            validity_days=VALID_DAYS,
        )
        write_private(proxy.key, key_as_pem(key).get_secret_value())
        write_private(proxy.certificate, as_pem([certificate]))  # last: a kill before it leaves nothing made

    def launch(self) -> Launch:
        main = str(self.home / "nginx.conf")
        return Launch(
            argv=(program("nginx", PACKAGE), "-e", "stderr", "-p", f"{self.home}/", "-c", main), cwd=self.home
        )

    def probe(self) -> None:
        """Return when somebody who is not signed in is shown the way in."""
        trust = ssl.create_default_context(cafile=self.layout.ca_file)
        try:
            with httpx.Client(timeout=ANSWER_TIMEOUT_SECONDS, trust_env=False, verify=trust) as client:
                answer = client.get(
                    f"https://{self.host_and_port()}/painel/entrar",
                    headers={"Host": f"{DOOR_NAME}:{self.port()}"},
                    extensions={"sni_hostname": DOOR_NAME},
                )
                answer.raise_for_status()
        except httpx.HTTPError as e:
            raise NotReadyError(str(e)) from e

    def address(self) -> str:
        return door_url(self.port())

    def clean_after_stop(self) -> None:
        """End the workers that a killed nginx leaves behind."""
        stop_orphans(self.home)
