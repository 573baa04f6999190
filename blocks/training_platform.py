"""The training platform: who finished which course."""

from abc import ABC, abstractmethod
from collections.abc import Collection

from prefect.blocks.core import Block
from pydantic import ConfigDict

from domain.completion import Completion


class TrainingPlatform(Block, ABC):
    """The system where the people of every prefeitura take their courses; Implanta only reads it."""

    model_config = ConfigDict(extra="forbid")
    _block_type_name = "Implanta Capacitação (interface)"
    _block_type_slug = "implanta-training-platform"

    @abstractmethod
    def list_completions(self, courses: Collection[str]) -> list[Completion]:
        """Who finished these courses and when, of all prefeituras, sorted; people whom Implanta does not know included.

        `courses` are `codigo`s of `catalog/training.yaml`. The day is that of Brasília. All or nothing: a list that
        lacks somebody would look like people without training.

        Raises:
            InvalidInputError: the platform refuses the credentials or a question, or lacks a course.
            RetryableError: it does not answer, or not now.
            IntegrityError: it answers what its protocol does not know.
        """
