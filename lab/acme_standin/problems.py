"""How the authority says no: RFC 7807 documents with the codes of RFC 8555 6.7."""

PREFIX = "urn:ietf:params:acme:error:"

_STATUS = {
    "badNonce": 400,
    "unauthorized": 403,
    "userActionRequired": 403,
    "externalAccountRequired": 403,
    "rejectedIdentifier": 403,
    "orderNotReady": 403,
    "rateLimited": 429,
    "serverInternal": 500,
}
MALFORMED = 400


class ProblemError(Exception):
    """A request that is refused."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    @property
    def status(self) -> int:
        """The HTTP status of the refusal."""
        return _STATUS.get(self.code, MALFORMED)

    def document(self) -> dict[str, object]:
        """The body of the answer."""
        return {"type": f"{PREFIX}{self.code}", "detail": self.detail, "status": self.status}
