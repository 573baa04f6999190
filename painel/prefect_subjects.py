"""What the Prefect server says of a deployment or a run that somebody wants to change."""

import httpx
from pydantic import BaseModel, JsonValue, SecretStr

from domain.prefect_access import Subject, SubjectFacts
from tasks.prefect_errors import explaining_prefect

ANSWER_SECONDS = 10


class _Found(BaseModel):
    tags: frozenset[str]
    deployment_id: str | None = None
    job_variables: JsonValue = None
    work_queue_name: JsonValue = None
    enforce_parameter_schema: JsonValue = None

    def facts(self) -> SubjectFacts:
        return SubjectFacts(tags=self.tags, own=self.model_dump(exclude={"tags", "deployment_id"}))


class PrefectSubjects:
    """Asks anew each time: changes are few, and a tag that was just set counts."""

    def __init__(self, api_url: str, auth: SecretStr | None) -> None:
        """Take the address of the API and the account of programs, `usuario:senha`."""
        user, _, password = auth.get_secret_value().partition(":") if auth else ("", "", "")
        self._api_url = api_url
        self._client = httpx.Client(
            auth=(user, password) if auth else None, timeout=ANSWER_SECONDS, follow_redirects=False, trust_env=False
        )

    def look_up(self, subject: Subject) -> SubjectFacts | None:
        """A deployment, or a run with the tags of the deployment that it is of; None where there is none.

        Raises:
            RetryableError: the server does not answer.
            InvalidInputError: it does not accept the account.
        """
        with explaining_prefect(self._api_url):
            if subject.kind == "deployment":
                found = self._read(f"deployments/{subject.id}")
                return found.facts() if found else None
            run = self._read(f"flow_runs/{subject.id}")
            if run is None:
                return None
            deployment = self._read(f"deployments/{run.deployment_id}") if run.deployment_id else None
            return SubjectFacts(tags=run.tags | (deployment.tags if deployment else frozenset()))

    def _read(self, path: str) -> _Found | None:
        answer = self._client.get(f"{self._api_url}/{path}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        return _Found.model_validate_json(answer.raise_for_status().content)
