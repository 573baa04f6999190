"""What is on one of SEI's pages: links and forms by the action that they name, rows of tables by their first cell."""

from urllib.parse import parse_qs, urlsplit

import httpx
from lxml import html
from lxml.html import HtmlElement


def parse(answer: httpx.Response) -> HtmlElement:
    """The page of an answer, whatever its bytes are."""
    return _parse(answer.content, answer.encoding or "utf-8")


def text_of_document(source: str) -> str:
    """What the HTML of a document says, in one line, as it does inside a page."""
    # After a title, as on a page: alone, a text that begins with what closes something would be read otherwise.
    return text_of(_parse(b"<title></title>" + source.encode(), "utf-8"))


def _parse(content: bytes, encoding: str) -> HtmlElement:
    # As bytes: text with an XML declaration, as PHP pages may have, is not taken.
    parser = html.HTMLParser(encoding=encoding)
    return html.document_fromstring(content.strip() or b"<html></html>", parser=parser)


def text_of(element: HtmlElement | None) -> str:
    """What an element says, in one line."""
    return "" if element is None else " ".join(element.text_content().split())


def query_of(address: str) -> dict[str, list[str]]:
    """The parameters of an address."""
    return parse_qs(urlsplit(address).query)


def links(part: HtmlElement, action: str) -> list[str]:
    """Where the links of this action lead, as they are on the page."""
    addresses = (link.get("href", "") for link in part.iter("a"))
    return [address for address in addresses if query_of(address).get("acao") == [action]]


def is_of_document(row: HtmlElement) -> bool:
    """Whether something in the row is for a document: to read it, to sign it, to exclude it."""
    addresses = [
        *(link.get("href", "") for link in row.iter("a")),
        *(form.get("action", "") for form in row.iter("form")),
    ]
    return any("id_documento" in query_of(address) for address in addresses)


def parts(page: httpx.Response, row: str | None) -> list[HtmlElement]:
    """Where to look: the whole page, or the row of this number, if there is one."""
    shown = parse(page)
    part = shown if row is None else row_of(shown, row)
    return [] if part is None else [part]


def row_of(page: HtmlElement, number: str) -> HtmlElement | None:
    """The row of a table whose first cell is this number."""
    return next((row for row in page.iterfind(".//tbody/tr") if text_of(row.find("td")) == number), None)
