"""S3: SeaweedFS, all its parts in one process."""

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lab.layout import make_private_dir, write_private
from lab.ports import HOST
from lab.processes import Launch
from lab.service import NotReadyError, Service

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REGION = "us-east-1"
CONNECT_TIMEOUT_SECONDS = 5
PROBE_BUCKET = "implanta-laboratorio"
PROBE_KEY = "pronto"
# weed puts these there whatever it is told.
SOCKET_DIR = Path("/tmp")  # noqa: S108
GRPC_PORTS = {"master": "s3_master_grpc", "volume": "s3_volume_grpc", "filer": "s3_filer_grpc", "s3": "s3_grpc"}


class S3(Service):
    """One S3 endpoint with versioning and object lock, one administrator, and room for a bucket per environment."""

    name = "s3"
    title = "S3 (SeaweedFS)"
    port_names = ("s3", "s3_master", "s3_volume", "s3_filer", *GRPC_PORTS.values())
    # It looks once a minute whether a disk that was full has room again, and writes nothing before.
    start_seconds = 90.0
    # Asked to stop, it waits 15 s for streams that its own parts hold open. Nothing is lost by not waiting: what it
    # has confirmed is in the system's cache.
    stop_seconds = 2.0

    def prepare(self) -> None:
        make_private_dir(self.home)
        make_private_dir(self.home / "data")
        keys = self.record.secrets
        administrator = {
            "name": "implanta",
            "credentials": [{"accessKey": keys.s3_access_key, "secretKey": keys.s3_secret_key}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        write_private(self.home / "identities.json", json.dumps({"identities": [administrator]}))

    def launch(self) -> Launch:
        options = {
            "ip": HOST,
            "ip.bind": HOST,
            "dir": "data",
            "master.port": self.port("s3_master"),
            "master.port.grpc": self.port("s3_master_grpc"),
            "master.telemetry": "false",
            "master.electionTimeout": "1s",
            # A bucket is a collection with volumes of its own: many small ones.
            "master.volumeSizeLimitMB": 64,
            "volume.max": 10000,
            "volume.port": self.port("s3_volume"),
            "volume.port.grpc": self.port("s3_volume_grpc"),
            # The default, 1 % of the disk, stops writing while a large disk still has gigabytes.
            "volume.minFreeSpace": "100MiB",
            "filer.port": self.port("s3_filer"),
            "filer.port.grpc": self.port("s3_filer_grpc"),
            # Over HTTP it would hand every bucket, and the keys of all identities, to whoever asks: no key needed.
            "filer.disableHttp": "true",
            # Relative to the working directory: the path of a socket has about 100 characters at most.
            "filer.localSocket": "filer.sock",
            "s3.localSocket": "s3.sock",
            "s3.port": self.port("s3"),
            "s3.port.grpc": self.port("s3_grpc"),
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.config": "identities.json",
            # The identities of environments are made over the IAM API and kept beside the data, not in that file.
            "s3.iam": "true",
            "s3.iam.readOnly": "false",
            # As every other S3: a bucket is there because somebody made it, and goes only when it is empty.
            "s3.autoCreateBucket": "false",
            "s3.allowDeleteBucketNotEmpty": "false",
        }
        return Launch(
            argv=(
                # The wheel puts it beside the interpreter of the virtual environment.
                str(Path(sys.executable).with_name("weed")),
                "-logtostderr=true",
                "server",
                "-s3",
                *(f"-{name}={value}" for name, value in options.items()),
            ),
            cwd=self.home,
            # One volume at a time for each bucket instead of seven.
            env={"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"},
        )

    def probe(self) -> None:
        try:
            self._use_probe_object(self._client("s3"))
            self._use_probe_user(self._client("iam"))
        except (BotoCoreError, ClientError) as e:
            raise NotReadyError(str(e)) from e

    def _client(self, service: Literal["s3", "iam"]) -> Any:  # noqa: ANN401  # the types of IAM's client are not among our dependencies
        keys = self.record.secrets
        return boto3.client(
            service,
            endpoint_url=self.address(),
            region_name=REGION,
            aws_access_key_id=keys.s3_access_key,
            aws_secret_access_key=keys.s3_secret_key,
            config=Config(
                retries={"max_attempts": 0},
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                read_timeout=CONNECT_TIMEOUT_SECONDS,
                proxies={},
            ),
        )

    @staticmethod
    def _use_probe_object(client: "S3Client") -> None:
        """Write and read an object: listing works seconds before reading does, while weed's parts find each other."""
        try:
            client.put_object(Bucket=PROBE_BUCKET, Key=PROBE_KEY, Body=b"pronto")
            client.get_object(Bucket=PROBE_BUCKET, Key=PROBE_KEY)["Body"].read()
        except client.exceptions.NoSuchBucket as e:
            client.create_bucket(Bucket=PROBE_BUCKET)
            raise NotReadyError("primeira partida: falta o bucket de prova") from e

    @staticmethod
    def _use_probe_user(client: Any) -> None:  # noqa: ANN401
        """Write the identities: they lie in a volume of their own, which may still be closed after a full disk."""
        with suppress(client.exceptions.EntityAlreadyExistsException):
            client.create_user(UserName=PROBE_BUCKET)
        client.delete_user(UserName=PROBE_BUCKET)

    def address(self) -> str:
        return f"http://{self.host_and_port()}"

    def clean_after_stop(self) -> None:
        for part, port_name in GRPC_PORTS.items():
            (SOCKET_DIR / f"seaweedfs-{part}-grpc-{self.port(port_name)}.sock").unlink(missing_ok=True)
