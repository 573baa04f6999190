"""`python -m lab.moodle_standin --port N --state F`: serve until a signal ends the process."""

import argparse
import logging
from pathlib import Path

import uvicorn

from lab.moodle_standin.server import create_app
from lab.moodle_standin.store import Store
from lab.ports import HOST


def main() -> None:
    """Read the arguments and serve on 127.0.0.1."""
    parser = argparse.ArgumentParser(description="Substituto do Moodle para o laboratório.")
    parser.add_argument("--port", type=int, required=True, help=f"porta em {HOST}")
    parser.add_argument("--state", type=Path, required=True, help="arquivo SQLite do que o Moodle guarda")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    uvicorn.run(create_app(Store(arguments.state)), host=HOST, port=arguments.port, access_log=False, log_config=None)


if __name__ == "__main__":
    main()
