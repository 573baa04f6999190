"""A `docker` that runs nothing: it records what it is told and remembers which containers would be up.

No Docker daemon can run where these tests do. It answers `compose` as Compose's own documentation shows.
"""

import hashlib
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any


def _hashes(compose_file: str) -> dict[str, str]:
    # Read as text: a library that reads YAML would make each of many starts slow.
    text = Path(compose_file).read_text()
    services = re.search(r"^services:\n(.*?)^\w", text, re.MULTILINE | re.DOTALL)
    assert services
    parts = re.split(r"^  ([\w-]+):\n", services[1], flags=re.MULTILINE)[1:]
    return {name: hashlib.sha256(part.encode()).hexdigest() for name, part in zip(parts[::2], parts[1::2], strict=True)}


def _compose(state: dict[str, Any], options: dict[str, str], command: str, rest: list[str]) -> int:
    containers = state["containers"]
    match command:
        case "config":
            for name, digest in _hashes(options["--file"]).items():
                sys.stdout.write(f"{name} {digest}\n")
        case "ps":
            for name, (digest, status, code) in containers.items():
                labels = f"com.docker.compose.project=x,com.docker.compose.config-hash={digest},a=b"
                row = {"Service": name, "State": status, "ExitCode": code, "Labels": labels}
                sys.stdout.write(json.dumps(row) + "\n")
        case "up":
            for name, digest in _hashes(options["--file"]).items():
                containers[name] = [digest, "exited" if name == "preparacao" else "running", 0]
        case "stop":
            for container in containers.values():
                container[1] = "exited"
        case "down":
            containers.clear()
        case "run":
            state["stdin"] = sys.stdin.buffer.read().decode("latin-1")
            sys.stdout.buffer.write("JÁ ESTÁ INSTALADA\n".encode("latin-1"))
            sys.stdout.flush()
            if "presa.php" in rest[-1]:
                time.sleep(60)
            return 7
        case "logs":
            sys.stdout.write("app  | pronto\n")
    return 1 if state.get("broken") == command else 0


def main() -> int:
    """Record the call, do what it asks of the remembered state, and say so."""
    home = Path(__file__).parent
    state_file = home / "state.json"
    state = json.loads(state_file.read_text()) if state_file.exists() else {"containers": {}}
    with (home / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps(sys.argv[1:]) + "\n")
    (home / "environment.json").write_text(json.dumps(dict(os.environ)))
    code = 0
    if sys.argv[1] == "compose":
        arguments = sys.argv[2:]
        options = {}
        while arguments[0].startswith("--"):
            options[arguments[0]] = arguments[1]
            arguments = arguments[2:]
        code = _compose(state, options, arguments[0], arguments[1:])
    state_file.write_text(json.dumps(state))
    return code


if __name__ == "__main__":
    sys.exit(main())
