"""The page Troubleshoot. It explains why a request was refused."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from tokens.authentication.requests import PageRequest
from tokens.decorators import changes_no_decision
from tokens.forms.troubleshoot import TroubleshootForm
from tokens.pages.code_examples import VARIABLE, example_path, examples
from tokens.pages.rendering import render_page
from tokens.token_settings import token_settings
from tokens.troubleshooting.parser import REFERENCE_ALONE
from tokens.troubleshooting.report import diagnose


@changes_no_decision
@sensitive_variables()
@sensitive_post_parameters()
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def token_troubleshoot(request: PageRequest) -> HttpResponse:
    """Show the form. After it was sent, also show why the request was refused.

    The pasted text is not shown again, because it may be secret. The Link header of a problem
    leads here with the problem's reference in the query string. Nothing else is read from the
    query string, because browsers keep addresses.
    """
    form = TroubleshootForm(request.POST if request.method == "POST" else None)
    context: dict[str, object] = {"form": form}
    pasted = form.cleaned_data["pasted"] if form.is_valid() else reference_in(request)
    if pasted:
        address = request.META.get("REMOTE_ADDR", "")
        context["diagnosis"] = diagnose(request.user, pasted, address)
        context |= {
            "example": examples(token_settings.SITE_URL, example_path())[0],
            "variable": VARIABLE,
        }
    return render_page(
        request, "tokens/troubleshoot.html", context, status=422 if form.errors else 200
    )


def reference_in(request: PageRequest) -> str:
    """Return the reference in the query string of a page that is opened, or ""."""
    reference = request.GET.get("reference", "") if request.method != "POST" else ""
    return reference if REFERENCE_ALONE.fullmatch(reference) else ""
