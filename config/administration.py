"""Django admin as this installation has it: its name, its sign-in, and what each of its pages passes."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

from accounts.fresh import confirmed_posts
from tokens.admin import ListedFiltersAdmin

View = Callable[..., HttpResponse]


def readable(admin_view: Callable[..., View]) -> Callable[..., View]:
    """Have the administration refuse an address with a null character: PostgreSQL takes no text that has one."""

    def readable_admin_view(view: View, cacheable: bool = False) -> View:
        @wraps(view)
        def reading(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if "%00" in request.META.get("QUERY_STRING", ""):
                raise BadRequest("A null character is in the address.")
            return view(request, *args, **kwargs)

        return admin_view(reading, cacheable)

    return readable_admin_view


def with_listed_filters(kind: type[Any]) -> type[Any]:
    """Return a class of the administration, made to take the listed filters alone."""
    return kind if issubclass(kind, ListedFiltersAdmin) else type(kind.__name__, (ListedFiltersAdmin, kind), {})


site = admin.site
for model, model_admin in list(site._registry.items()):  # noqa: SLF001  (Django's and other applications' classes too)
    site.unregister(model)
    site.register(model, with_listed_filters(type(model_admin)))
site.site_header = site.site_title = "Tokenry administration"
site.login = secure_admin_login(site.login)  # type: ignore[method-assign]  # the way that allauth documents
site.admin_view = confirmed_posts(readable(site.admin_view))  # type: ignore[assignment, method-assign]  # all pass it
