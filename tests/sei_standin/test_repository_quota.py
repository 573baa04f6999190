"""The quota of the file repository: an upload that has no room is refused with the numbers, and leaves nothing."""

import hashlib

import pytest
from zeep.exceptions import Fault

from tests.sei_standin.instance import CHILD_UNIT, Instance
from tests.sei_standin.soap_client import SoapClient, caller
from tests.sei_standin.test_sei_service import PDF, base64_of
from tests.sei_standin.test_sei_service import sei as sei  # noqa: PLC0414  # the fixture


def send(sei: SoapClient, content: bytes = PDF) -> object:
    return sei.call(
        "adicionarArquivo",
        **caller(),
        IdUnidade=str(CHILD_UNIT),
        Nome="anexo.pdf",
        Tamanho=str(len(content)),
        Hash=hashlib.md5(content).hexdigest(),
        Conteudo=base64_of(content),
    )


def files(instance: Instance) -> int:
    return sum(path.is_file() for path in instance.repository.rglob("*"))


def test_uploads_fit_up_to_the_last_byte_and_no_further(instance: Instance, sei: SoapClient) -> None:
    instance.configure(Implanta={"QuotaBytes": 2 * len(PDF), "QuotaArquivos": 100})
    send(sei)
    send(sei)
    with pytest.raises(Fault, match=r"O repositório de arquivos está cheio: .* e 2 de 100 arquivos em uso"):
        send(sei, b"x")
    assert files(instance) == 2
    assert len(instance.rows("sei", "SELECT 1 FROM anexo")) == 2


def test_many_small_files_reach_the_other_limit(instance: Instance, sei: SoapClient) -> None:
    instance.configure(Implanta={"QuotaBytes": 10**9, "QuotaArquivos": 1})
    send(sei)
    with pytest.raises(Fault, match=r"está cheio: .* de 1,0 GB e 1 de 1 arquivos em uso"):
        send(sei)
    assert files(instance) == 1


def test_a_larger_quota_takes_effect_at_once(instance: Instance, sei: SoapClient) -> None:
    instance.configure(Implanta={"QuotaBytes": 1, "QuotaArquivos": 100})
    with pytest.raises(Fault, match="está cheio"):
        send(sei)
    instance.configure(Implanta={"QuotaBytes": len(PDF), "QuotaArquivos": 100})
    send(sei)
    assert files(instance) == 1


def test_without_a_quota_only_the_disk_limits(instance: Instance, sei: SoapClient) -> None:
    send(sei)
    assert files(instance) == 1
