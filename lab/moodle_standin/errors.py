"""The errors of Moodle's web services, which its REST protocol answers with HTTP 200."""


class MoodleError(Exception):
    """An error by its class in PHP, its code and its text; the text may name a person, as Moodle's do."""

    def __init__(self, code: str, text: str, kind: str = "moodle_exception") -> None:
        super().__init__(code)
        self._document = {"exception": kind, "errorcode": code, "message": text}

    def document(self) -> dict[str, str]:
        """What a caller who asked for JSON is told."""
        return self._document


def forbidden(what: str) -> MoodleError:
    """The token's user lacks a capability."""
    return MoodleError(
        "nopermissions", f"You do not currently have permissions to do that ({what}).", "required_capability_exception"
    )


def bad_parameter(text: str) -> MoodleError:
    """A parameter that the function's declaration does not have, or lacks, or of another type."""
    return MoodleError("invalidparameter", f"Invalid parameter value detected ({text})", "invalid_parameter_exception")


def missing_record() -> MoodleError:
    """No such record; a site that is not being debugged does not say of what."""
    return MoodleError("invalidrecordunknown", "Can't find data record in database.", "dml_missing_record_exception")
