"""The lists of Django admin: which filters they accept, and how they are exported."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth import get_user_model
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe

from tokens.audit.export import FORMATS, as_download
from tokens.audit.log import MAX_EXPORTED

USERNAME = get_user_model().USERNAME_FIELD
MAX_COUNTED_ROWS = 10_000  # rows of a list that still has numbers beside its filters
CONDITIONS = ("", "__exact", "__gte", "__lt", "__isnull", "__id__exact")


class ListedFiltersAdmin(admin.ModelAdmin):
    """An admin list that accepts only the filters that its page offers, and short searches."""

    # In characters. Each word makes the SQL more deeply nested, and SQLite limits the depth.
    MAX_SEARCH_LENGTH = 100

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Return True only for conditions of the listed filters: a regex could run for ever."""
        listed = {
            name for entry in self.get_list_filter(request) for name in accepted_lookups(entry)
        }
        # PostgreSQL does not accept a null character.
        is_safe = lookup in listed and "\0" not in value
        return is_safe and super().lookup_allowed(lookup, value, request)

    def response_action(
        self, request: HttpRequest, queryset: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Do what was chosen in the list. Refuse a selection that has no keys of rows."""
        for key in request.POST.getlist(ACTION_CHECKBOX_NAME):
            try:
                self.opts.pk.to_python(key)
            except ValidationError:
                raise BadRequest("A selected key is none.") from None
        return super().response_action(request, queryset, *args, **kwargs)

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        return super().get_search_results(request, queryset, search_term[: self.MAX_SEARCH_LENGTH])


def accepted_lookups(entry: Any) -> list[str]:
    """Return the parameters in the URL that an entry of `list_filter` reads."""
    if isinstance(entry, str | tuple):  # a field of the model, perhaps with a class for its filter
        field = entry if isinstance(entry, str) else entry[0]
        return [field + condition for condition in CONDITIONS]
    return list(getattr(entry, "parameter_names", [getattr(entry, "parameter_name", "")]))


class ReadOnlyAdmin(ListedFiltersAdmin):
    """An admin list in which nobody may add, change or delete a row."""

    view_on_site = False  # only the owner of a token can open its page

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ExportedAdmin(ReadOnlyAdmin):
    """An admin list whose rows can be downloaded as a file, with the filters of the page."""

    change_list_template = "admin/tokens/exported_list.html"
    export_columns: tuple[str, ...] = ()
    file_name = ""

    def exported_rows(self, rows: Any) -> Iterator[dict[str, str]]:
        """Yield the values of each row by the names of `export_columns`."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        exports = [
            path(
                f"export.{form}",
                self.admin_site.admin_view(partial_view(self.export, form)),
                name=self.url_name(f"export_{form}"),
            )
            for form in FORMATS
        ]
        return exports + super().get_urls()

    def url_name(self, page: str) -> str:
        """Return the name of one of this list's pages, for `reverse`."""
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"

    def link(self, page: str, *arguments: object) -> str:
        """Return the path of one of this list's pages on this administration site."""
        site = self.admin_site.name
        return reverse(f"admin:{self.url_name(page)}", args=arguments, current_app=site)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the rows of the page. A long list offers no numbers beside its filters.

        The database would read all rows once for each filter, which takes seconds.
        """
        changelist = super().get_changelist_instance(request)
        if changelist.result_count > MAX_COUNTED_ROWS:
            changelist.add_facets = changelist.is_facets_optional = False
        return changelist

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Return the list, with links to the files."""
        tools = {
            "exports": [
                (self.link("export_csv"), "CSV"),
                (self.link("export_jsonl"), "JSON Lines"),
            ],
            "max_exported": MAX_EXPORTED,
        }
        return super().changelist_view(request, tools | (extra_context or {}))

    @method_decorator(require_safe)  # answers to other methods may have to wait, and can't stream
    def export(self, request: HttpRequest, form: str) -> HttpResponseBase:
        """Return a file with all rows that match the search and the filters in the URL.

        If a filter is wrong, redirect to the list, as Django does.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            rows: QuerySet[Any] = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return redirect(f"{self.link('changelist')}?e=1")
        return as_download(self.file_name, form, self.export_columns, self.exported_rows(rows))


def partial_view(view: Any, form: str) -> Any:
    """Return `view` for one form of file. It keeps its name, which the admin site reads."""
    bound = partial(view, form=form)
    bound.__name__ = view.__name__  # type: ignore[attr-defined]  # a partial has no name of its own
    return bound
