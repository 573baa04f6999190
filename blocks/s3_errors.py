"""What S3 and IAM answer when they refuse or fail, told like any other failure."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError

MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NoSuchEntity", "NoSuchUpload", "NoSuchVersion", "NotFound"})
WRONG_KEY = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch"})
REFUSED = WRONG_KEY | {"AccessDenied", "403"}
UNSUPPORTED = frozenset({"NotImplemented", "MethodNotAllowed"})
# Refusals of the request as such that may still end well the next time: it was cut off or damaged on its way.
_DAMAGED = frozenset({"BadDigest", "IncompleteBody", "RequestTimeout", "XAmzContentSHA256Mismatch"})
_BAD_REQUEST, _FORBIDDEN, _NOT_IMPLEMENTED = 400, 403, 501


class MissingObjectError(InvalidInputError):
    """There is no such object, version or bucket; a refusal of access says nothing about that."""


def code_of(error: ClientError) -> str:
    """The error's code as the server spells it; a HEAD has no body and only knows the status."""
    return str(error.response.get("Error", {}).get("Code", "?"))


def explain(error: BotoCoreError | ClientError, where: str) -> ImplantaError:
    """Translate a driver error."""
    if isinstance(error, ClientError):
        return _explain_answer(error, where)
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError):
        return RetryableError("O S3 não respondeu", where, "Confira se o servidor está no ar e execute de novo.")
    return RetryableError(f"A conversa com o S3 falhou ({type(error).__name__})", where, "Execute de novo.")


def _explain_answer(error: ClientError, where: str) -> ImplantaError:
    code = code_of(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code in MISSING:
        return MissingObjectError(
            "Objeto ou bucket não encontrado", where, "Confira o nome, ou envie o arquivo de novo."
        )
    # SeaweedFS's IAM calls a wrong key `Unknown`.
    if code in REFUSED or status == _FORBIDDEN:
        return InvalidInputError(f"O S3 recusou o acesso ({code})", where, "Confira as chaves no bloco do S3.")
    if status in {_BAD_REQUEST, _NOT_IMPLEMENTED} and code not in _DAMAGED:
        return IntegrityError(
            f"O S3 não aceitou o pedido ({code})", where, "Confira se este servidor S3 tem o que a Implanta usa."
        )
    return RetryableError(f"O S3 falhou ({code})", where, "Confira espaço e estado do servidor e execute de novo.")


@contextmanager
def explaining_s3(where: str) -> Iterator[None]:
    """Raise every driver error of the block as one of ours."""
    try:
        yield
    except (BotoCoreError, ClientError) as e:
        raise explain(e, where) from e
