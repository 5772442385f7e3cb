"""The facts about a token that commands print. The API's schema TokenFacts has the same facts."""

from typing import Any

from tokens.models import Token, owner_email, owner_name
from tokens.token_settings import token_settings


def token_as_dict(token: Token) -> dict[str, Any]:
    """Return the facts about `token` for JSON: the same as in the API, without the digest."""
    return {
        "identifier": token.identifier,
        "name": token.name,
        "description": token.description,
        "environment": token.environment,
        "scopes": token.scopes,
        "pending_scopes": token.pending_scopes,
        "allowed_addresses": token.allowed_addresses,
        "rate_limit": token.rate_limit or token_settings.RATE_LIMIT,
        "status": token.status,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
        "owner": owner_name(token) if token.team_id else person_as_dict(token),
        "owner_leaves_at": token.owner_leaves_at,
    }


def person_as_dict(token: Token) -> dict[str, Any]:
    """Return the facts about the person who owns `token`."""
    return {"id": token.owner_id, "email": owner_email(token)}
