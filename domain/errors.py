"""The one tree of errors, sorted by what the reader must do next.

Every message is Portuguese, for an operator at night: what failed, where, and what to do. The class decides the exit
code of the command line and whether a task is retried.
"""


class ImplantaError(Exception):
    """Base of every error that Implanta raises on purpose."""

    exit_code = 1

    def __init__(self, what: str, where: str, fix: str) -> None:
        # Positional arguments keep the error picklable across Prefect processes.
        super().__init__(what, where, fix)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what} ({self.where}). {self.fix}"


class RetryableError(ImplantaError):
    """A system did not answer; the same call may work later."""

    exit_code = 10


class InvalidInputError(ImplantaError):
    """A person has to correct data or settings."""

    exit_code = 20


class GateClosedError(ImplantaError):
    """Nothing broke: a condition is not met yet."""

    exit_code = 30


class IntegrityError(ImplantaError):
    """Something that was trusted is false; a person has to look before anything else runs."""

    exit_code = 40


def kind_of(exit_code: int) -> type[ImplantaError]:
    """The kind of error with this exit code, for a fleet that fails as its worst member did."""
    kinds = {kind.exit_code: kind for kind in ImplantaError.__subclasses__()}
    return kinds.get(exit_code, IntegrityError)


def told(error: object) -> str:
    """An error for a report: only our own are known to hold neither secrets nor people."""
    return str(error) if isinstance(error, ImplantaError) else f"defeito do programa ({type(error).__name__})"


def exit_code_of(error: object) -> int:
    """The exit code of an error; after a defect nobody knows what is true any more."""
    return error.exit_code if isinstance(error, ImplantaError) else IntegrityError.exit_code
