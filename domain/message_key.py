"""How a message is known: apart from the messages themselves, for the registry needs no more of them."""

from typing import Annotated

from pydantic import StringConstraints

# Prefixes of what a key is made of; the part after the last `#` counts the corrections of one and the same meeting.
Key = Annotated[str, StringConstraints(pattern=r"^[a-z_]+:[1-5][0-9]{6}(:[a-z0-9.-]+)*(#[0-9]{1,4})?$", max_length=180)]
