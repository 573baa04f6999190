"""Spreadsheets of a prefeitura, put into its bucket; the flow is told where they are, never what is in them."""

from collections.abc import Sequence
from pathlib import Path

from domain.change import Change
from domain.environment import intake_bucket
from tasks import doors


def send_sheets(municipality: str, files: Sequence[Path]) -> dict[str, Change]:
    """Store each file under its own name; a file that is there already, byte by byte, is left."""
    storage = doors.object_storage()
    bucket = intake_bucket(municipality)
    storage.ensure_bucket(bucket)
    return {file.name: storage.ensure_object(bucket, file.name, file.read_bytes()) for file in files}


def send_text(municipality: str, name: str, text: str) -> Change:
    """Store a spreadsheet made here."""
    return doors.object_storage().ensure_object(intake_bucket(municipality), name, text.encode("utf-8"))
