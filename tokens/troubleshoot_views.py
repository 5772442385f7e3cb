"""The page that says why a request was refused."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from tokens.examples import VARIABLE, examples
from tokens.forms import TroubleshootForm
from tokens.requests import PageRequest
from tokens.troubleshoot import examine


@sensitive_variables()
@sensitive_post_parameters()
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def token_troubleshoot(request: PageRequest) -> HttpResponse:
    """The form; once sent, the diagnosis above it, and the field empty again."""
    form = TroubleshootForm(request.POST if request.method == "POST" else None)
    context: dict[str, object] = {"form": form}
    if form.is_valid():
        address = request.META.get("REMOTE_ADDR", "")
        context["diagnosis"] = examine(request.user, form.cleaned_data["pasted"], address)
        context |= {"example": examples(settings.SITE_URL)[0], "variable": VARIABLE}
    return render(request, "tokens/troubleshoot.html", context, status=422 if form.errors else 200)
