"""`python -m lab.sei_standin --port N --apps-dir D --token-file F`: serve until a signal ends the process."""

import argparse
import logging
from pathlib import Path

import uvicorn

from lab.sei_standin.app import create_app
from lab.sei_standin.environments import Environments
from lab.sei_standin.scheduler import Scheduler


def main() -> None:
    """Read the arguments, start the agendador and serve on 127.0.0.1."""
    parser = argparse.ArgumentParser(description="Substituto do SEI e do SIP para o laboratório.")
    parser.add_argument("--port", type=int, required=True, help="porta em 127.0.0.1")
    parser.add_argument("--apps-dir", type=Path, required=True, help="diretório das configurações, um por ambiente")
    parser.add_argument("--token-file", type=Path, required=True, help="arquivo com a senha do endereço de controle")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    token = arguments.token_file.read_text(encoding="utf-8").strip()
    if not token:
        parser.error(f"{arguments.token_file} está vazio")
    environments = Environments(arguments.apps_dir)
    scheduler = Scheduler(environments)
    scheduler.start()
    try:
        uvicorn.run(
            create_app(environments, token),
            host="127.0.0.1",
            port=arguments.port,
            access_log=False,
            log_config=None,
            # The edge, on this machine, tells how and from where a person really came.
            proxy_headers=True,
            forwarded_allow_ips="127.0.0.1",
        )
    finally:
        scheduler.stop()


if __name__ == "__main__":
    main()
