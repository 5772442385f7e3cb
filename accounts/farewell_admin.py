"""What Django admin asks before accounts are switched off or deleted.

Another application says what must be chosen, and has the page for this (`Farewell` in
extension_points.py).
"""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.utils.html import format_html_join

from accounts import extension_points
from accounts.models import User

MAX_LET_GO = 100  # accounts that are switched off or deleted with one action
MUST_CHOOSE = (
    "must_choose"  # the attribute of a request after which the page with the choice follows
)
SWITCHING_OFF_WORDS = (
    "To switch the account off, clear this box and save. If API tokens of the account work, the "
    "next page asks what happens to them."
)


class FarewellAdmin(DjangoUserAdmin):
    """The parts of the pages about accounts that let accounts go."""

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Delete the account. Raise PermissionDenied if a choice about its tokens is missing."""
        if extension_points.farewell.is_needed([obj]):
            raise PermissionDenied
        super().delete_model(request, obj)

    def ask_before_switching_off(self, request: HttpRequest, user: User, form: Any) -> None:
        """Keep the account switched on if the administrator must first choose what happens.

        Other changes are saved. `response_change` leads to the page with the choice.
        """
        if extension_points.farewell.is_needed([user]):
            user.is_active = True
            form.changed_data.remove("is_active")
            vars(request)[MUST_CHOOSE] = True

    def response_change(self, request: HttpRequest, obj: User) -> HttpResponse:
        if getattr(request, MUST_CHOOSE, False):
            return redirect(extension_points.farewell.page([obj], "off"))
        return super().response_change(request, obj)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        user = self.get_object(request, object_id)
        if (
            user is not None
            and self.has_delete_permission(request, user)
            and extension_points.farewell.is_needed([user])
        ):
            return redirect(extension_points.farewell.page([user], "delete"))
        return super().delete_view(request, object_id, extra_context)

    @admin.action(description="Delete selected accounts", permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[User]) -> Any:
        """Ask, then delete the accounts. If tokens of them work, lead to the page with the choice.

        That page shows at most MAX_LET_GO accounts.
        """
        accounts = list(queryset[: MAX_LET_GO + 1])
        if not extension_points.farewell.is_needed(list(queryset)):
            return delete_selected(self, request, queryset)
        if len(accounts) > MAX_LET_GO:
            words = f"Select at most {MAX_LET_GO} accounts. No account was deleted."
            self.message_user(request, words, messages.ERROR)
            return None
        return redirect(extension_points.farewell.page(accounts, "delete"))

    @admin.action(description="Switch off selected accounts", permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[User]) -> Any:
        """Lead to the page that asks what happens to the tokens, and switches the accounts off."""
        accounts = list(queryset.filter(is_active=True)[: MAX_LET_GO + 1])
        if not accounts or len(accounts) > MAX_LET_GO:
            words = f"Select 1 to {MAX_LET_GO} accounts that are switched on."
            self.message_user(request, words, messages.ERROR)
            return None
        return redirect(extension_points.farewell.page(accounts, "off"))

    @admin.display(description="In use")
    def in_use(self, user: User) -> str:
        """Return what `user` owns in other applications, as links to the lists."""
        owned = [
            (each["listed"], each["count"], each["name"], pluralize(each["count"]))
            for each in extension_points.belongings_of(user)
        ]
        return format_html_join(", ", '<a href="{}">{} {}{}</a>', owned) or "Nothing"

    @admin.display(description="Leaving until")
    def leaving_until(self, user: User) -> Any:
        """Return until when the tokens of this switched off account work."""
        return extension_points.farewell.leaves_at(user)
