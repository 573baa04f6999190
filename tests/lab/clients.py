"""Ordinary clients of the lab's servers, as any program would connect."""

import boto3
import pymysql
from ldap3 import SAFE_SYNC, Connection, Server
from mypy_boto3_s3 import S3Client
from pymysql.cursors import Cursor

from lab.state import LabState


def connect_database(state: LabState) -> "pymysql.Connection[Cursor]":
    return pymysql.connect(
        host=state.mariadb.host,
        port=state.mariadb.port,
        user=state.mariadb.admin_user,
        password=state.mariadb.admin_password.get_secret_value(),
        ssl_disabled=True,
    )


def bind(state: LabState, dn: str, password: str) -> Connection:
    """Bind to the directory; raises the directory's refusal."""
    return Connection(
        Server(state.ldap.url), dn, password, client_strategy=SAFE_SYNC, auto_bind=True, raise_exceptions=True
    )


def bind_admin(state: LabState) -> Connection:
    return bind(state, state.ldap.admin_dn, state.ldap.admin_password.get_secret_value())


def connect_s3(state: LabState) -> S3Client:
    return boto3.client(
        "s3",
        endpoint_url=state.s3.endpoint,
        region_name=state.s3.region,
        aws_access_key_id=state.s3.access_key,
        aws_secret_access_key=state.s3.secret_key.get_secret_value(),
    )
