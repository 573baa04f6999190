"""The pipeline that an operator would write, whole and timed by stage: what the product's backup is held against.

The pipeline is `shell_backup.sh`, as plain as it would be in a crontab. In its favour the scratch server runs already
when the clock starts, and what removes the scratch is not counted.
"""

import subprocess
import tempfile
from pathlib import Path

from bench.scratch_server import default_mariadb
from blocks.dump_loader import private_options
from blocks.mariadb import MariaDBServer
from blocks.object_storage import ObjectStorage
from domain.errors import IntegrityError

SCRIPT = Path(__file__).with_suffix(".sh")
_MICROSECONDS = 1_000_000


def run_shell_cycle(
    server: MariaDBServer, sip: str, sei: str, repository: Path, storage: ObjectStorage, *, bucket: str, night: str
) -> dict[str, float]:
    """Back up both schemas and the repository into an existing bucket, under the night's name, and prove it.

    The seconds of each stage, in their order: dump, tar, upload, download, restore, untar, check.

    Raises:
        IntegrityError: a stage failed, such as a file that is not what its row says.
    """
    with (
        tempfile.TemporaryDirectory(prefix="implanta-bench-shell-") as name,
        default_mariadb(folder := Path(name)) as socket,
        private_options(server) as source,
    ):
        (folder / "rascunho.cnf").write_text(f"[client]\nuser=root\nsocket={socket}\n", encoding="utf-8")
        (folder / "s3.cnf").write_text(_curl_options(storage), encoding="utf-8")
        done = subprocess.run(
            [
                "bash",
                SCRIPT,
                f"/dev/fd/{source}",
                sip,
                sei,
                repository.resolve(),
                f"{storage.endpoint}/{bucket}/{night}",
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            pass_fds=(source,),
        )
    stages = {stage: int(micro) / _MICROSECONDS for stage, micro in map(str.split, done.stdout.splitlines())}
    if done.returncode:
        raise IntegrityError(
            f"O roteiro de backup falhou (código {done.returncode}) depois de: {', '.join(stages) or 'nada'}",
            str(SCRIPT),
            done.stderr.strip(),
        )
    return stages


def _curl_options(storage: ObjectStorage) -> str:
    return (
        f'user = "{storage.access_key}:{storage.secret_key.get_secret_value()}"\n'
        f'aws-sigv4 = "aws:amz:{storage.region}:s3"\nfail\nsilent\nshow-error\n'
    )
