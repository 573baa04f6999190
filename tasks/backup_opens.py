"""Level L4 of a backup: the application opens the restored copy, and what is in it is read back through its pages.

The copy gets an instance of the application of its own, for seconds, which nobody else reaches. On the copy alone, and
after everything else was compared, these rows are changed: the two keys between SEI and SIP are new ones; passwords
are checked where the environment's are checked today; and if no process is public, the one that is read is made so,
because the technical account, which signs in, has passed through none.
"""

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

from blocks.copy_sample import AttachedFile, CopySample, WrittenDocument
from blocks.file_packs import fetch_content
from blocks.mariadb import MariaDBServer
from blocks.scratch_server import ScratchServer
from blocks.secrets import EnvironmentSecrets
from blocks.sei_browser import SeiBrowser
from blocks.sei_page import text_of_document
from blocks.sip import SipDatabase
from domain.backup.findings import Cause, Finding, FoundError, Level
from domain.backup.manifest import BackupManifest
from domain.environment import EnvironmentName
from domain.errors import IntegrityError, InvalidInputError, RetryableError
from domain.person import TECHNICAL_LOGIN
from tasks import doors
from tasks.backup_storage import BackupVault
from tasks.configuration import authentication, copy_configuration
from tasks.instance import Instance

_FILES = "arquivos"


class Opening(NamedTuple):
    """What came of it; with neither evidence nor findings it was not tried, and a note says why."""

    evidence: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def open_copy(instance: Instance, manifest: BackupManifest, scratch: ScratchServer, vault: BackupVault) -> Opening:
    """Sign in to the application on a restored copy, and read a document and an attachment back.

    Raises:
        RetryableError: S3, this machine's disk or the scratch server failed before the application was asked.
    """
    if doors.environment_secrets(instance.name.slug).probe_password is None:
        return _not_tried("a senha da conta técnica ainda não foi gerada")
    return _Opening(instance, manifest, scratch, vault).run()


def let_in(server: MariaDBServer, name: EnvironmentName, own: EnvironmentSecrets) -> None:
    """Let an application that knows the secrets `own` work on a copy, and people sign in as they do today."""
    server.ensure_application_user(name, own.database_password)
    sip = SipDatabase(server, name)
    sip.set_passing_access_keys(own.access_keys())
    sip.ensure_directory_authentication(authentication(name))


def _not_tried(why: str) -> Opening:
    return Opening(notes=(f"Nível {Level.OPENS} não examinado: {why}.",))


class _Opening:
    """One copy being opened."""

    def __init__(
        self, instance: Instance, manifest: BackupManifest, scratch: ScratchServer, vault: BackupVault
    ) -> None:
        self._instance = instance
        self._manifest = manifest
        self._server = scratch.server
        self._vault = vault
        self._files = scratch.home / _FILES  # goes with the scratch server, however that ends
        self._sample = CopySample(scratch.server, manifest.schemas["sei"])
        self._document: WrittenDocument | None = None
        self._attached: AttachedFile | None = None
        self._evidence: list[str] = []
        self._findings: list[Finding] = []

    def run(self) -> Opening:
        name, application, own = self._instance.name, doors.runtime(), EnvironmentSecrets.generate()
        configuration = copy_configuration(self._instance, application, self._server, own)
        opened = application.opened_on_copy(name, configuration, self._files)
        if opened is None:
            return _not_tried("este servidor de aplicação ainda não abre cópias")
        with self._found_in("preparo da cópia"):
            let_in(self._server, name, own)
        with self._found_in("escolha do que ler"):
            self._choose()
        if self._findings:
            return Opening(findings=tuple(self._findings))
        try:
            with opened as copy, SeiBrowser(copy.address) as browser, self._found_in("entrada da conta técnica"):
                if why := self._sign_in(browser):
                    return _not_tried(why)
                self._read_back(browser)
        except RetryableError as e:
            # The backup was proved up to here, and is not to wait for a host that is down. What was found counts.
            notes = _not_tried(e.what.rstrip(".")).notes
            return Opening(findings=tuple(self._findings), notes=notes)
        return Opening(tuple(self._evidence), tuple(self._findings))

    def _choose(self) -> None:
        self._files.mkdir(mode=0o700, exist_ok=True)
        if candidates := self._sample.attached_files():
            self._attached = self._fetch_one_of(candidates)
            self._sample.open_to_all(self._attached.place.process_id)
        self._document = self._sample.written_document(self._attached.place.process_id if self._attached else None)
        if self._document:
            self._sample.open_to_all(self._document.place.process_id)

    def _fetch_one_of(self, candidates: list[AttachedFile]) -> AttachedFile:
        """The attachment that is the quickest to have, its file where the application looks for it."""
        index = self._vault.read_index(self._manifest)
        by_path = {candidate.file.path: candidate for candidate in candidates}
        path = index.soonest(by_path)
        if path is None:
            raise FoundError(Finding(level=Level.OPENS, cause=Cause.FILE_MISSING, subject=candidates[0].file.path))
        target = self._files / path
        target.parent.mkdir(parents=True, exist_ok=True)
        pack = index.packs[index.files[path].pack]
        with closing(self._vault.read(pack)) as content:
            fetch_content(content, pack.key, index.files[path].sha256, target)
        return by_path[path]

    def _sign_in(self, browser: SeiBrowser) -> str | None:
        """Sign in; why that says nothing of the copy, if so."""
        name, directory = self._instance.name, doors.directory()
        password = doors.environment_secrets(name.slug).probe_password
        assert password is not None  # noqa: S101  # `open_copy` looked
        try:
            browser.require_sign_in(TECHNICAL_LOGIN, password)
        except IntegrityError:
            if directory.opens(directory.account_dn(name, TECHNICAL_LOGIN), password):
                raise
            return "o diretório de hoje não aceita a senha da conta técnica"
        self._tell("a conta técnica entrou em uma instância temporária da aplicação, aberta sobre a cópia")
        return None

    def _read_back(self, browser: SeiBrowser) -> None:
        if self._document is not None:
            with self._found_in(f"documento {self._document.place.document_id}"):
                self._read_document(browser, self._document)
        if self._attached is not None:
            with self._found_in(f"anexo {self._attached.attachment_id}"):
                self._download(browser, self._attached)
        for found, what in ((self._document, "documento escrito nele"), (self._attached, "anexo")):
            if found is None:
                self._tell(f"o ambiente ainda não tem {what} que a conta técnica possa ler")

    def _read_document(self, browser: SeiBrowser, document: WrittenDocument) -> None:
        place, text = document.place, text_of_document(document.html)
        if not document.html:
            raise _wrong("está assinado e não tem texto")
        if text not in " ".join(browser.read_document(place.process, place.document).split()):
            raise _wrong("a página não mostra o texto que o banco tem")
        self._tell(
            f"processo {place.process_id}, documento {place.document_id}: a página mostra os {len(text)} caracteres"
            " do banco"
        )

    def _download(self, browser: SeiBrowser, attached: AttachedFile) -> None:
        place, file = attached.place, attached.file
        content = browser.download(place.process, place.document)
        if len(content) != file.size_bytes:
            raise _wrong(f"{len(content)} bytes baixados em vez de {file.size_bytes}")
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != file.md5:
            raise _wrong("o arquivo baixado tem outro MD5")
        self._tell(
            f"processo {place.process_id}, anexo {attached.attachment_id}: {len(content)} bytes baixados, com o MD5 do"
            " banco"
        )

    def _tell(self, evidence: str) -> None:
        self._evidence.append(evidence)

    @contextmanager
    def _found_in(self, subject: str) -> Iterator[None]:
        """Whatever the copy refuses is a finding; what only says that a server is down goes on."""
        try:
            yield
        except FoundError as e:
            self._findings.append(e.finding.model_copy(update={"level": Level.OPENS}))
        except (IntegrityError, InvalidInputError) as e:
            self._findings.append(
                Finding(level=Level.OPENS, cause=Cause.APPLICATION, subject=subject, detail=e.what.rstrip("."))
            )


def _wrong(what: str) -> IntegrityError:
    return IntegrityError(what, "cópia", "Não use esta cópia.")
