"""`python -m lab.moodle_standin --port N --state F`: serve until a signal ends the process."""

import argparse
import logging
from pathlib import Path

import uvicorn

from blocks.catalog import Catalog
from lab.moodle_standin.server import create_app
from lab.moodle_standin.store import Store
from lab.ports import HOST


def main() -> None:
    """Read the arguments and serve on 127.0.0.1."""
    parser = argparse.ArgumentParser(description="Substituto do Moodle para o laboratório.")
    parser.add_argument("--port", type=int, required=True, help=f"porta em {HOST}")
    parser.add_argument("--state", type=Path, required=True, help="arquivo SQLite do que o Moodle guarda")
    parser.add_argument(
        "--token-file",
        type=Path,
        help="o site do programa: com este token e, à medida que faltem, os cursos de catalog/training.yaml",
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    store = Store(arguments.state)
    if arguments.token_file:
        store.add_token(arguments.token_file.read_text(encoding="utf-8").strip())
        for course in Catalog().courses().courses:
            if not store.courses("idnumber", course.code):
                store.add_course(course.code, course.title)
    uvicorn.run(create_app(store), host=HOST, port=arguments.port, access_log=False, log_config=None)


if __name__ == "__main__":
    main()
