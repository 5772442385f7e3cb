"""The provider as django-allauth sees it: how a sign-in begins, and what its answer means.

django-allauth keeps the state of a sign-in in the session. Here the request to the provider gets a
nonce and PKCE, and the answer is checked wholly before anything believes it.
"""

import logging
import secrets
import time
from typing import Any
from urllib.parse import quote

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialLogin, SocialToken
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables

from accounts import extension_points
from accounts.oidc.configuration import sign_on
from accounts.oidc.documents import provider_documents
from accounts.oidc.email_claims import VERIFIED, claimed_email, is_verified
from accounts.oidc.errors import SignOnError
from accounts.oidc.fetching import fetch_json
from accounts.oidc.id_token import UntrustedToken, check_id_token, was_just_authenticated
from tokens.core.addresses import absolute_url

log = logging.getLogger(__name__)


class ProviderAdapter(OpenIDConnectOAuth2Adapter):
    """The requests to the provider for one sign-in. `state` is what the session kept of it."""

    state: dict[str, Any]

    def fetch(self, url: str, method: str = "GET", **options: Any) -> dict[str, Any]:
        """Fetch JSON from the provider. Other requests are worked on meanwhile."""
        waiting = extension_points.request_hooks.lend_permit(self.request)
        headers = {"Accept": "application/json", **options.pop("headers", {})}
        return fetch_json(method, url, waiting, headers=headers, **options)

    @property
    def openid_config(self) -> dict[str, Any]:
        return provider_documents().configuration(self.fetch)

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        """Return the address to which the provider sends people back. It begins with SITE_URL."""
        return absolute_url(settings.SITE_URL, reverse("openid_connect_callback"))

    @sensitive_variables()
    def get_access_token_data(
        self, request: HttpRequest, app: Any, client: Any, pkce_code_verifier: str | None = None
    ) -> dict[str, Any]:
        """Exchange the code for the tokens. The client is authenticated as RFC 6749 says."""
        form = {
            "grant_type": "authorization_code",
            "code": request.GET.get("code", ""),
            "redirect_uri": client.callback_url,
            "code_verifier": pkce_code_verifier,
        }
        auth = None
        methods = self.openid_config.get("token_endpoint_auth_methods_supported")
        if methods is None or "client_secret_basic" in methods:
            auth = quote(app.client_id, safe=""), quote(app.secret, safe="")
        else:
            form |= {"client_id": app.client_id, "client_secret": app.secret}
        return self.fetch(client.access_token_url, "POST", data=form, auth=auth)

    def parse_token(self, data: Any) -> SocialToken:
        """Return an empty token, because django-allauth may put the token into the session."""
        return SocialToken()

    @sensitive_variables()
    def complete_login(
        self, request: HttpRequest, app: Any, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        """Return who signed in, after checking the ID token. Raise SignOnError if it is wrong."""
        answer, kept = kwargs["response"], self.state["data"]
        documents = provider_documents()
        try:
            claims = check_id_token(
                answer.get("id_token"),
                lambda kid: documents.keys(kid, self.fetch),
                issuer=documents.issuer,
                client_id=app.client_id,
                nonce=kept["nonce"],
                now=time.time(),
            )
            claims = self.with_user_info(claims, answer.get("access_token"))
        except UntrustedToken as error:
            log.warning("an answer of the OpenID provider was refused: %s", error)
            raise SignOnError("invalid") from None
        if self.state["process"] == AuthProcess.REDIRECT and not was_just_authenticated(
            claims, kept["begun"]
        ):
            raise SignOnError("not_fresh")
        login = self.get_provider().sociallogin_from_response(request, claims)
        login.claims = request.sign_on_claims = claims  # type: ignore[attr-defined]
        return login

    @sensitive_variables()
    def with_user_info(self, claims: dict[str, Any], access_token: object) -> dict[str, Any]:
        """Return the claims, and those that only the provider's userinfo endpoint tells.

        These can be the e-mail address, the groups and the name, and no others, because nobody has
        signed them. Ask only if the address or the groups are missing. Raise UntrustedToken if the
        answer is about another person.
        """
        on, address = sign_on(), self.openid_config.get("userinfo_endpoint")
        groups = {on.groups_claim} - {""} if on else set()
        has_email = "email" in claims and not VERIFIED.isdisjoint(claims)
        if (
            not address
            or not isinstance(access_token, str)
            or (has_email and groups <= claims.keys())
        ):
            return claims
        found = self.fetch(address, headers={"Authorization": f"Bearer {access_token}"})
        if found.get("sub") != claims["sub"]:
            raise UntrustedToken("userinfo is about another subject")
        told = {name: found[name] for name in groups | {"name"} if name in found} | claims
        if not has_email and "email" in found:
            # An address must come from the same place as the word that it is verified.
            told = {name: value for name, value in told.items() if name not in VERIFIED}
            told |= {name: found[name] for name in VERIFIED | {"email"} if name in found}
        return told


class Provider(OpenIDConnectProvider):
    """The provider of the settings. A SocialAccount belongs to an issuer and a subject there."""

    oauth2_adapter_class = ProviderAdapter
    pkce_enabled_default = True

    def redirect(
        self,
        request: HttpRequest,
        process: str,
        next_url: str | None = None,
        data: Any = None,
        **kwargs: Any,
    ) -> HttpResponse:
        """Return the redirect to the provider. The session keeps the nonce for the answer.

        `max_age` makes the provider say when the person authenticated. For a confirmation
        (AuthProcess.REDIRECT) the provider must ask the person again.
        """
        kept = {"nonce": secrets.token_urlsafe(32), "begun": time.time()}
        parameters = {"nonce": kept["nonce"], "max_age": settings.SESSION_MAX_SECONDS}
        if process == AuthProcess.REDIRECT:
            parameters |= {"prompt": "login", "max_age": 0}
        response: HttpResponse = super().redirect(
            request, process, next_url, kept, auth_params=parameters
        )
        return response

    def get_scope(self) -> list[str]:
        """Return the scopes. Some providers tell groups only for a scope of the same name."""
        on = sign_on()
        offered = provider_documents().configuration(self.fetch).get("scopes_supported")
        wanted = [on.groups_claim] if on and on.groups_claim in (offered or []) else []
        return [*self.get_default_scope(), *wanted]

    def fetch(self, url: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get_oauth2_adapter(self.request).fetch(url)
        return found

    def extract_uid(self, data: dict[str, Any]) -> str:
        return str(data["sub"])

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return nothing: no claim is stored beside the subject."""
        return {}

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        name = data.get("name")
        return {"email": claimed_email(data), "name": name if isinstance(name, str) else ""}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[EmailAddress]:
        """Return the e-mail address, and whether the provider has verified it."""
        email = claimed_email(data)
        verified = is_verified(data)
        return [EmailAddress(email=email, verified=verified, primary=True)] if email else []


provider_classes = [Provider]  # django-allauth looks for this name


class CallbackView(OAuth2CallbackView):
    """The end of a sign-in. It gives the kept state to the adapter, which checks the answer."""

    def _get_state(self, request: HttpRequest, provider: Provider) -> Any:
        state, response = super()._get_state(request, provider)
        issuer = request.GET.get("iss", provider.sub_id)  # RFC 9207
        if state is not None and issuer != provider.sub_id:
            log.warning("an answer of the OpenID provider was refused: it is another issuer's")
            raise SignOnError("invalid")
        self.adapter.state = state
        return state, response
