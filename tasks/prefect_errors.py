"""What Prefect's own client raises, told like any other failure. Imports no Prefect: commands use it to ask first."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError

ANSWER_SECONDS = 10


def require_answer(api_url: str) -> None:
    """Ask whether the server is there: its own client tries for long, and then tells it in pages of its inner workings.

    Raises:
        RetryableError: it does not answer.
    """
    with explaining_prefect(api_url):
        httpx.get(f"{api_url}/health", timeout=ANSWER_SECONDS).raise_for_status()


@contextmanager
def explaining_prefect(api_url: str) -> Iterator[None]:
    """Turn a failed call of the Prefect server into one line; every other error passes as it is.

    Raises:
        RetryableError: the server did not answer, or failed.
        InvalidInputError: it does not accept this installation's credentials.
        IntegrityError: it does not understand the call.
    """
    try:
        yield
    except httpx.HTTPError as e:
        raise _explain(e, api_url) from None  # an answer may repeat what was sent, and blocks hold secrets
    except RuntimeError as e:
        # As the client tells it when already its first question, for the server's version, fails.
        if not isinstance(e.__cause__, httpx.HTTPError):
            raise
        raise _explain(e.__cause__, api_url) from None


def _explain(error: httpx.HTTPError, api_url: str) -> ImplantaError:
    if not isinstance(error, httpx.HTTPStatusError):
        return RetryableError(
            f"O Prefect não respondeu ({type(error).__name__})",
            api_url,
            "Confira se o servidor está no ar (./implanta lab status) e execute de novo.",
        )
    code = error.response.status_code
    if code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return InvalidInputError(
            f"O Prefect recusou o acesso (código {code})",
            api_url,
            "Confira prefect_api_auth na configuração, ou PREFECT_API_AUTH_STRING, e execute de novo.",
        )
    if code >= httpx.codes.INTERNAL_SERVER_ERROR or code in {
        httpx.codes.TOO_MANY_REQUESTS,
        httpx.codes.REQUEST_TIMEOUT,
    }:
        return RetryableError(
            f"O Prefect não atendeu (código {code})",
            api_url,
            "Confira o servidor e o espaço em disco dele (./implanta lab status) e execute de novo.",
        )
    return IntegrityError(
        f"O Prefect não aceitou uma chamada (código {code})",
        api_url,
        "Confira se o endereço é o da API (termina em /api) e se a versão do servidor é a desta instalação.",
    )
