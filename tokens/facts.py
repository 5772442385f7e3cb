"""What the API and the command line say of a token."""

from typing import Any

from django.conf import settings

from tokens.models import Token


def as_json(token: Token) -> dict[str, Any]:
    """A token as clients see it: never its digest."""
    return {
        "identifier": token.identifier,
        "name": token.name,
        "description": token.description,
        "environment": token.environment,
        "scopes": token.scopes,
        "allowed_addresses": token.allowed_addresses,
        "rate_limit": token.rate_limit or settings.TOKEN_RATE_LIMIT,
        "status": token.status,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
        "owner": {"id": token.owner_id, "email": token.owner.email},
    }
