"""The test of use: one round of what a person does in SEI, in a process of its own that is excluded in the end."""

from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from time import perf_counter

from pydantic import SecretStr
from pypdf import PdfWriter

from blocks.runtime import ServiceAddress
from blocks.sei_browser import SeiBrowser
from domain.calendar import local_day
from domain.errors import ImplantaError, IntegrityError
from domain.use_test import FailedStep, PassedStep, UseStep, UseTest

# By which a later test knows what an interrupted one left.
SPECIFICATION = "Teste de uso do Implanta"
# Document types without a number of their own: a numbered one would use up a number of the city's.
_WRITTEN = ("Despacho",)
_REGISTERED = ("Anexo", "Comprovante", "Despacho")
_FILE_NAME = "teste-de-uso.pdf"
_A4_POINTS = (595, 842)


def test_use(
    address: ServiceAddress,
    login: str,
    password: SecretStr,
    now: datetime,
    when_cleared: Callable[[], None] = lambda: None,
) -> UseTest:
    """Sign in, start a process, include and sign a document, search, attach a file, read all back, and undo it.

    A step that fails is told and ends the test; what was made is undone all the same. A test that was cut off is
    undone by the next one, which then calls `when_cleared` and goes on. What stays are SEI's counters:
    `give_back_numbers` gives the process's number back.
    """
    with SeiBrowser(address) as browser:
        test = _Test(browser, login, password, now)
        test.run(when_cleared)
        return UseTest(passed=tuple(test.passed), failed=tuple(test.failed))


class _Test:
    def __init__(self, browser: SeiBrowser, login: str, password: SecretStr, now: datetime) -> None:
        self._browser = browser
        self._login = login
        self._password = password
        self._now = now
        self._text = f"Documento de teste, escrito pelo Implanta em {now.isoformat()}."
        self._pdf = _make_pdf(f"{SPECIFICATION}, {now.isoformat()}")
        self._process = self._document = self._attachment = ""
        self.passed: list[PassedStep] = []
        self.failed: list[FailedStep] = []

    def run(self, when_cleared: Callable[[], None]) -> None:
        if not self._does(UseStep.SIGN_IN, lambda: self._browser.require_sign_in(self._login, self._password)):
            return

        def clear() -> None:
            self._clear()
            when_cleared()

        steps: dict[UseStep, Callable[[], None]] = {
            UseStep.CLEAR: clear,
            UseStep.START_PROCESS: self._start_process,
            UseStep.INCLUDE_DOCUMENT: self._include_document,
            UseStep.SIGN: lambda: self._browser.sign(self._process, self._document, self._password),
            UseStep.SEARCH: self._search,
            UseStep.ATTACH_FILE: self._attach_file,
            UseStep.READ_BACK: self._read_back,
        }
        try:
            all(self._does(step, work) for step, work in steps.items())
        finally:
            self._does(UseStep.UNDO, self._clear)

    def _does(self, step: UseStep, work: Callable[[], None]) -> bool:
        started = perf_counter()
        try:
            work()
        except ImplantaError as e:
            self.failed.append(FailedStep(step=step, why=e.what))
            return False
        self.passed.append(PassedStep(step=step, milliseconds=round((perf_counter() - started) * 1000)))
        return True

    def _clear(self) -> None:
        for process in self._browser.list_processes(SPECIFICATION):
            for document in self._browser.list_documents(process):
                self._browser.exclude_document(process, document)
            self._browser.exclude_process(process)

    def _start_process(self) -> None:
        self._process = self._browser.start_process(SPECIFICATION)

    def _include_document(self) -> None:
        self._document = self._browser.include_document(self._process, _WRITTEN, SPECIFICATION, self._text)

    def _search(self) -> None:
        for number in (self._process, self._document):
            if number not in self._browser.search(number):
                raise _wrong(f"a pesquisa não encontrou {number}")

    def _attach_file(self) -> None:
        day = f"{local_day(self._now):%d/%m/%Y}"
        self._attachment = self._browser.attach_file(self._process, _REGISTERED, day, (_FILE_NAME, self._pdf))

    def _read_back(self) -> None:
        found = self._browser.list_documents(self._process)
        if found != [self._document, self._attachment]:
            raise _wrong(f"o processo mostra {len(found)} documentos, e não os 2 incluídos")
        if self._text not in self._browser.read_document(self._process, self._document):
            raise _wrong("o documento não tem o texto que foi escrito")
        if self._browser.download(self._process, self._attachment) != self._pdf:
            raise _wrong("o arquivo baixado não é o que foi anexado")


def _wrong(what: str) -> IntegrityError:
    return IntegrityError(what, "teste de uso", "Veja o que a aplicação registrou em seus logs.")


def _make_pdf(title: str) -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(*_A4_POINTS)
    writer.add_metadata({"/Title": title})
    made = BytesIO()
    writer.write(made)
    return made.getvalue()
