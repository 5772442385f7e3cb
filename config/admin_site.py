"""The site of Django admin, changed: its sign-in, its lists, and checks before each page."""

from functools import wraps
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator

from accounts.reauthentication import confirm_if_stale
from config.version import VERSION
from tokens.administration.lists import ListedFiltersAdmin


class AdminSite(admin.AdminSite):
    """Django admin, with the product's name and the same sign-in as the other pages."""

    enable_nav_sidebar = False  # the lists need the width

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        name = f"{settings.PRODUCT_NAME} administration"
        return {
            **super().each_context(request),
            "site_header": name,
            "site_title": name,
            "tokenry_version": VERSION,
        }

    @method_decorator(secure_admin_login)  # as allauth documents
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().login(request, extra_context)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Return `view` with two checks before it.

        First, refuse an address with a null character, because PostgreSQL does not accept it.
        Second, ask people before a change to confirm who they are, unless they did so recently. A
        view with the attribute `confirms_itself` asks itself, to keep what was typed.
        """

        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if "%00" in request.META.get("QUERY_STRING", ""):
                raise BadRequest("A null character is in the address.")
            is_harmless = view.__name__ == "logout" or hasattr(view, "changes_no_decision")
            asks_here = not is_harmless and not hasattr(view, "confirms_itself")
            changes = request.method == "POST" and asks_here
            confirm = confirm_if_stale(request, request.get_full_path()) if changes else None
            return confirm or view(request, *args, **kwargs)

        return super().admin_view(checked, cacheable)

    def register(
        self, model_or_iterable: Any, admin_class: type[Any] | None = None, **options: Any
    ) -> None:
        """Register models. Their lists then accept only the filters that the page shows.

        This is also for models of other applications. Django's lists accept filters in the address
        that the page does not show, and such a filter may take very long.
        """
        kind = admin_class or admin.ModelAdmin
        if not issubclass(kind, ListedFiltersAdmin):
            kind = type(kind.__name__, (ListedFiltersAdmin, kind), {})
        super().register(model_or_iterable, kind, **options)
