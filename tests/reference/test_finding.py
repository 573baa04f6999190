"""Finding the reference databases of a directory."""

import gzip
from pathlib import Path

import pytest
import zstandard

from blocks.catalog import Catalog
from blocks.reference import find_reference, find_references, open_dump, verify_dump
from domain.errors import IntegrityError, InvalidInputError
from tests.reference.dumps import COMPLETE, sql, write_pair


def test_official_layout_is_found_from_the_repository_root_and_from_its_mysql_folder(tmp_path: Path) -> None:
    folder = tmp_path / "mysql" / "v4.1.0"
    folder.mkdir(parents=True)
    (folder / "sei_4_1_0_BD_Ref_Exec.sql").write_text(sql(sei="4.1.1"))
    (folder / "sip_4_1_0_BD_Ref_Exec.sql").write_text(sql(sei="4.1.0", sip="3.1.1"))
    (folder / "utilitarios").mkdir()
    for root in (tmp_path, tmp_path / "mysql"):
        [reference] = find_references(root)
        assert (reference.version, reference.kind) == ("4.1.0", "official")
        assert (reference.sei.sei_version, reference.sip.sip_version) == ("4.1.1", "3.1.1")


def test_every_version_of_a_directory_is_found_even_one_that_the_catalog_does_not_know(tmp_path: Path) -> None:
    write_pair(tmp_path / "4.1.0")
    write_pair(tmp_path / "3.1.0", sei="3.1.0", sip="2.1.0", sip_sei=None)
    write_pair(tmp_path / "v4.10.0", sei="4.10.2", sip="3.10.2", sip_sei="4.10.0")
    (tmp_path / "v4.0.x.1").mkdir()  # the official repository has such folders, of modules
    assert [reference.version for reference in find_references(tmp_path)] == ["3.1.0", "4.1.0", "4.10.0"]


def test_compressing_a_dump_does_not_change_its_digest(tmp_path: Path) -> None:
    for name in ("plain", "packed"):
        write_pair(tmp_path / name / "4.1.0")
    packed = tmp_path / "packed" / "4.1.0"
    (packed / "sei.sql.zst").write_bytes(zstandard.compress((packed / "sei.sql").read_bytes()))
    (packed / "sip.sql.gz").write_bytes(gzip.compress((packed / "sip.sql").read_bytes()))
    (packed / "sei.sql").unlink()
    (packed / "sip.sql").unlink()
    [plain_reference], [packed_reference] = find_references(tmp_path / "plain"), find_references(tmp_path / "packed")
    assert packed_reference.digest == plain_reference.digest
    assert (packed_reference.sei.compression, packed_reference.sip.compression) == ("zstd", "gzip")
    for packed_dump, plain_dump in zip(packed_reference.dumps, plain_reference.dumps, strict=True):
        with open_dump(packed_dump) as stream:
            assert stream.read() == plain_dump.path.read_bytes()


def test_without_a_directory_the_reduced_references_of_the_catalog_are_used() -> None:
    references = find_references(None)
    assert {reference.version for reference in references} == {r.version for r in Catalog().releases().core}
    assert {reference.kind for reference in references} == {"reduced"}
    assert find_reference(Catalog().releases().default, None) in references


def test_missing_directory_is_refused_with_the_place_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"não existe .*nowhere.*IMPLANTA_REFERENCE_DIR"):
        find_references(tmp_path / "nowhere")


def test_directory_without_references_is_refused_with_the_places_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=rf"Não há bancos de referência .*{tmp_path} e {tmp_path}/mysql"):
        find_references(tmp_path)


def test_absent_version_is_refused_with_the_versions_that_are_there(tmp_path: Path) -> None:
    write_pair(tmp_path / "4.1.0")
    with pytest.raises(InvalidInputError, match=r"para a versão 5\.0\.0 .*versões presentes: 4\.1\.0"):
        find_reference("5.0.0", tmp_path)


def test_half_a_reference_is_refused_with_the_files_that_were_looked_for(tmp_path: Path) -> None:
    write_pair(tmp_path / "4.1.0")
    (tmp_path / "4.1.0" / "sip.sql").unlink()
    with pytest.raises(InvalidInputError, match=r"dump do banco sip, encontrado: nenhum.*sip_\*_BD_Ref_Exec\.sql"):
        find_references(tmp_path)


def test_two_dumps_of_one_database_are_refused_instead_of_guessed(tmp_path: Path) -> None:
    write_pair(tmp_path / "4.1.0")
    (tmp_path / "4.1.0" / "sei.sql.gz").write_bytes(b"")
    with pytest.raises(InvalidInputError, match=r"encontrado: sei\.sql, sei\.sql\.gz"):
        find_references(tmp_path)


def test_one_version_in_two_folders_is_refused(tmp_path: Path) -> None:
    write_pair(tmp_path / "4.1.0")
    write_pair(tmp_path / "mysql" / "v4.1.0")
    with pytest.raises(InvalidInputError, match="mais de uma pasta"):
        find_reference("4.1.0", tmp_path)


def test_damaged_version_does_not_hide_a_good_one(tmp_path: Path) -> None:
    write_pair(tmp_path / "4.1.0")
    write_pair(tmp_path / "4.0.0", sei="9.9.9")
    assert find_reference("4.1.0", tmp_path).version == "4.1.0"
    with pytest.raises(IntegrityError):
        find_references(tmp_path)


@pytest.mark.parametrize("end", ["", "INSERT INTO `x` VALUES ('-- Dump completed');\n", COMPLETE + "SELECT 1;\n"])
def test_truncated_dump_is_refused(tmp_path: Path, end: str) -> None:
    write_pair(tmp_path / "4.1.0")
    (tmp_path / "4.1.0" / "sei.sql").write_text(sql(end=end))
    with pytest.raises(IntegrityError, match=r"truncado.*sei\.sql"):
        find_references(tmp_path)


@pytest.mark.parametrize("suffix", ["zst", "gz"])
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_damaged_compression_is_refused(tmp_path: Path, suffix: str, damage: str) -> None:
    write_pair(tmp_path / "4.1.0")
    plain = tmp_path / "4.1.0" / "sei.sql"
    compress = {"zst": zstandard.ZstdCompressor(write_checksum=True).compress, "gz": gzip.compress}[suffix]
    packed = bytearray(compress(plain.read_bytes()))
    if damage == "cut":
        del packed[len(packed) // 2 :]
    else:
        packed[len(packed) // 2] ^= 0xFF
    plain.unlink()
    plain.with_suffix(f".sql.{suffix}").write_bytes(packed)
    with pytest.raises(IntegrityError, match=r"danificado|truncado"):
        find_references(tmp_path)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `sei`;",
        "/*!40000 DROP DATABASE IF EXISTS `sei`*/;",
        "USE `sei`;",
        "use outro",
        "INSERT INTO `outro`.`orgao` VALUES (1);",
        "drop table if exists outro.orgao;",
    ],
)
def test_dump_that_writes_to_another_database_is_refused_with_the_line(tmp_path: Path, statement: str) -> None:
    write_pair(tmp_path / "4.1.0")
    (tmp_path / "4.1.0" / "sei.sql").write_text(sql(extra=statement + "\n"))
    with pytest.raises(IntegrityError, match=r"outro banco de dados \(linha 5\)"):
        find_references(tmp_path)


def test_words_inside_a_row_are_not_taken_for_statements(tmp_path: Path) -> None:
    write_pair(tmp_path / "4.1.0")
    row = "INSERT INTO `t` VALUES ('USE x; CREATE DATABASE y','a.b');\n"
    (tmp_path / "4.1.0" / "sei.sql").write_text(sql(extra=row))
    assert find_reference("4.1.0", tmp_path).version == "4.1.0"


@pytest.mark.parametrize(
    ("versions", "reason"),
    [
        ({"sei": "4.0.9"}, r"sei\.sql é do SEI 4\.0\.9, não da linha 4\.1"),
        ({"sip_sei": "4.0.0"}, r"sip\.sql tem os recursos do SEI 4\.0\.0"),
        ({"sip": "3.0.4"}, r"sip\.sql é do SIP 3\.0\.4, não da linha 3\.1"),
    ],
)
def test_dumps_of_different_lines_are_not_a_pair(tmp_path: Path, versions: dict[str, str], reason: str) -> None:
    write_pair(tmp_path / "4.1.0", **versions)
    with pytest.raises(IntegrityError, match=reason):
        find_references(tmp_path)


def test_swapped_dumps_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "4.1.0"
    write_pair(folder)
    (folder / "sei.sql").rename(folder / "x")
    (folder / "sip.sql").rename(folder / "sei.sql")
    (folder / "x").rename(folder / "sip.sql")
    with pytest.raises(IntegrityError, match=r"sei\.sql não é um banco do SEI.*sip\.sql não é um banco do SIP"):
        find_references(tmp_path)


def test_dump_that_changed_after_it_was_found_is_refused(tmp_path: Path) -> None:
    write_pair(tmp_path / "4.1.0")
    reference = find_reference("4.1.0", tmp_path)
    verify_dump(reference.sei)
    reference.sei.path.write_text(sql(extra="SELECT 1;\n"))
    with pytest.raises(IntegrityError, match="mudou desde que foi conferido"):
        verify_dump(reference.sei)


def test_official_dumps_are_read_as_what_they_are(official_dir: Path) -> None:
    reference = find_reference("4.1.0", official_dir)
    assert (reference.sei.sei_version, reference.sip.sei_version, reference.sip.sip_version) == (
        "4.1.1",
        "4.1.0",
        "3.1.1",
    )
