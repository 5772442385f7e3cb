"""What OAuth clients ask: is this token usable (RFC 7662), and: end it (RFC 7009)."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from ninja import Form, Router

from tokens import credential, denial, lookup, policy
from tokens.api.base import FORM, Needs, accepts
from tokens.api.schemas import NotUsable, TokenForm, Usable
from tokens.authentication import held_scopes, throttled
from tokens.denial import FieldError
from tokens.models import Token

router = Router(tags=["OAuth"])
router.add_decorator(accepts(FORM), mode="view")


@router.post("/introspect", auth=Needs("tokens:introspect", basic=True), response=Usable | NotUsable)
@sensitive_variables()
def introspect(request: HttpRequest, form: Form[TokenForm]) -> HttpResponse:
    """Tell whether a token is usable now, and what it may do (RFC 7662). It may be anybody's."""
    once_each(request)
    token = proven(form.token)
    return JsonResponse(known(token) if token and is_usable(token) else {"active": False})


@router.post("/revoke", auth=None, response=dict[str, Any])
@sensitive_variables()
def revoke(request: HttpRequest, form: Form[TokenForm]) -> HttpResponse:
    """Revoke a token (RFC 7009): whoever holds one may end it. 200 whether or not there is such a token."""
    once_each(request)
    if (token := proven(form.token)) and token.revoked_at is None:
        token.revoke(request)
        return JsonResponse({})
    refused = throttled(denial.unknown_token(), request.META.get("REMOTE_ADDR", ""))
    if refused.status == 429:
        raise refused
    return JsonResponse({})


def once_each(request: HttpRequest) -> None:
    """Refuse a form that says twice what we read (RFC 6749 section 3.2)."""
    if twice := [name for name in TokenForm.model_fields if len(request.POST.getlist(name)) > 1]:
        raise denial.invalid_form([FieldError(field=name, detail="Send this once.") for name in twice])


@sensitive_variables()
def proven(value: str) -> Token | None:
    """The token with that value, whether usable or not; None where there is none."""
    try:
        presented = credential.parse(value, settings.TOKEN_PREFIX)
    except credential.MalformedToken:
        return None
    token = lookup.find(presented.identifier)
    return token if token and token.is_proven_by(presented.value) else None


def is_usable(token: Token) -> bool:
    """Whether requests with it are admitted now, if from an address and with scopes that suit."""
    accepted = settings.TOKEN_ENVIRONMENT in {"", token.environment}
    return accepted and policy.usable(token, timezone.now()) is None


def known(token: Token) -> dict[str, Any]:
    """What the answer says of a usable token (RFC 7662 section 2.2)."""
    return {
        "active": True,
        "scope": " ".join(held_scopes(token)),
        "client_id": token.identifier,
        "username": token.owner.email,
        "token_type": "Bearer",
        "exp": int(token.expires_at.timestamp()),
        "iat": int(token.created_at.timestamp()),
        "sub": str(token.owner_id),
        "environment": token.environment,
    }
