"""The one table of MariaDB's error numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.mariadb_errors import NO_CODE, Failure, classify


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (1030, 'Got error 28 "No space left on device" from storage engine Aria', Failure.DISK_FULL),
        (1026, "Error writing file './x' (errno: 28 \"No space left on device\")", Failure.DISK_FULL),
        (3, "Error writing file '/tmp/x' (Errcode: 28 \"No space left on device\")", Failure.DISK_FULL),
        (1005, 'Can\'t create table `x`.`t` (errno: 135 "No more room in record file")', Failure.DISK_FULL),
        (
            1005,
            'Can\'t create table `x`.`t` (errno: 150 "Foreign key constraint is incorrectly formed")',
            Failure.OTHER,
        ),
        (1006, "Can't create database 'x' (errno: 28 \"No space left on device\")", Failure.DISK_FULL),
        (1, "Can't create/write to file '/tmp/x' (Errcode: 28 \"No space left on device\")", Failure.DISK_FULL),
        (1412, "Table definition has changed, please retry transaction", Failure.RESTRUCTURED),
        (1030, 'Got error 128 "Internal error" from storage engine InnoDB', Failure.STORAGE),
        (1030, 'Got error 5 "Input/output error" from storage engine Aria', Failure.STORAGE),
        (1290, "The server is running with the --read-only option", Failure.READ_ONLY),
        (1317, "Query execution was interrupted", Failure.INTERRUPTED),
        (1927, "Connection was killed", Failure.INTERRUPTED),
        (1049, "Unknown database 'x'", Failure.MISSING_DATABASE),
        (0, "", Failure.UNREACHABLE),
        (NO_CODE, "Packet sequence number wrong - got 80 expected 1", Failure.UNREACHABLE),
        (NO_CODE, "execute() first", Failure.OTHER),
        (2003, "Can't connect to MySQL server on 'h' ([SSL: CERTIFICATE_VERIFY_FAILED] …)", Failure.UNTRUSTED),
        (1062, "Duplicate entry 'error 28' for key 'PRIMARY'", Failure.CONSTRAINT),
        (1064, "You have an error in your SQL syntax", Failure.OTHER),
    ],
)
def test_a_number_and_its_text_have_one_kind(code: int, text: str, kind: Failure) -> None:
    assert classify(code, text) is kind


@given(st.sampled_from([1045, 1049, 1062, 1064, 1213, 1290, 1927]), st.text())
def test_what_a_row_holds_never_changes_the_kind(code: int, text: str) -> None:
    assert classify(code, text) is classify(code)
