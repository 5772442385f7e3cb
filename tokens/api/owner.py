"""How the API names the owner of a token: a person, or a team."""

from typing import Annotated, Any

from django.contrib.auth import get_user_model
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    model_validator,
)

from tokens.models import TEAM


class Owner(BaseModel):
    """The person who owns a token."""

    model_config = ConfigDict(from_attributes=True)

    # The accounts of a project may have another primary key than a number, such as a UUID.
    id: int | Annotated[str, BeforeValidator(str)]
    email: str = Field("", validation_alias=get_user_model().get_email_field_name())


TeamName = Annotated[
    str,
    Field(
        pattern=f"^{TEAM}[a-z0-9-]+$",
        description="The team that owns the token: “team:” and the short name of the team.",
        examples=["team:billing-ci"],
    ),
]


class Owned(BaseModel):
    """A schema whose field `owner` names the owner of a token: Owner or TeamName."""

    @model_validator(mode="wrap")
    @classmethod
    def name_team(cls, data: Any, handler: ModelWrapValidatorHandler[Any]) -> Any:
        """Return the facts about a token. If its owner is a team, name the team."""
        facts = handler(data)
        if team := getattr(data, "team_id", None):
            facts.owner = f"{TEAM}{team}"
        return facts
