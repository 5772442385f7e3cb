"""Administration of accounts."""

from collections import Counter
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.timezone import localtime

from accounts.fresh import confirm_if_stale
from accounts.invitations import invite
from accounts.mails import link_to_choose_password, subject
from accounts.models import Notification, User
from accounts.record import tell
from accounts.registry import belongings_of

MOST_NAMED = 100  # of the accounts that are about to be deleted

for model in (EmailAddress, Authenticator, UserSession):  # an account's own page says enough, and no secret
    admin.site.unregister(model)
admin.site.unregister(Group)


class InvitationForm(ModelForm):
    class Meta:
        model = User
        fields = ("email", "name")


class ChangeUserForm(UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    """Adding an account invites its owner; switching one off stops sign-in and every token at once."""

    form = ChangeUserForm
    add_form = InvitationForm
    ordering = ("email",)
    list_display = ("email", "name", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name", "groups__name")
    filter_horizontal = ("user_permissions",)
    autocomplete_fields = ("groups",)  # a list of all groups has no end
    readonly_fields = ("last_login", "date_joined", "waiting_mails", "invitation_link")
    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        ("Permissions", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"description": "A mail invites this person to choose a password.", "fields": ("email", "name")}),
    )
    actions = ("invite_again",)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Show the link of an invitation to whoever may change the account, and just proved who they are."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None:
            return fieldsets
        mails: dict[str, Any] = {"fields": ["waiting_mails"]}
        if not obj.has_usable_password() and self.has_change_permission(request, obj):
            if confirm := confirm_if_stale(request, request.path):
                link = '<a href="{}">Confirm who you are</a> to see the link of the invitation.'
                mails["description"] = format_html(link, confirm["Location"])
            else:
                mails["fields"] += ["invitation_link"]
        return (fieldsets[0], ("Mails", mails), *fieldsets[1:])

    @admin.display(description="Not sent yet")
    def waiting_mails(self, user: User) -> str:
        """Return the mails to `user` in the outbox, each with what the mail server said of it."""
        waiting = [(in_words(mail),) for mail in user.notifications.order_by("pk")]
        return format_html_join(mark_safe("<br>"), "{}", waiting) or "None"

    @admin.display(description="Invitation link")
    def invitation_link(self, user: User) -> str:
        """Return what the invitation carries, for where the mail does not arrive."""
        return link_to_choose_password(user)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Superusers alone give rights, and none takes their own: so one is always left."""
        fields = tuple(super().get_readonly_fields(request, obj))
        if not request.user.is_superuser:
            return (*fields, "is_staff", "is_superuser", "groups", "user_permissions")
        return (*fields, "is_active", "is_staff", "is_superuser") if obj == request.user else fields

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and not is_out_of_reach(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody deletes themselves here: the account pages do that, and ask first."""
        return super().has_delete_permission(request, obj) and not is_out_of_reach(request, obj) and obj != request.user

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        if change and "email" in form.changed_data:
            EmailAddress.objects.filter(user=obj).delete()  # the old one signs in no longer
            obj.trust_email()
        if not change:
            obj.trust_email()
            invite(obj, request)
            words = f"{obj.email} is invited by mail. Below is the link that the mail carries."
            self.message_user(request, words, messages.SUCCESS)

    def log_addition(self, request: HttpRequest, obj: User, message: Any) -> LogEntry:
        tell(obj, "signed_up", request)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> LogEntry:
        """Every way to change an account here, its password too, ends with this."""
        entry = super().log_change(request, obj, message)
        tell(obj, "administered", request, entry.get_change_message())
        return entry

    @admin.action(description="Invite again those who have no password yet", permissions=["change"])
    def invite_again(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        waiting = [user for user in queryset if not user.has_usable_password()]
        for user in waiting:
            invite(user, request)
        self.message_user(request, f"{len(waiting)} invited by mail.", messages.SUCCESS)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Count what goes with the accounts: a list of that has no end. Who may delete an account may delete it too."""
        counts = Counter({str(self.opts.verbose_name_plural): len(objs)})
        for user in objs:
            counts.update({f"{owned['name']}s in use": owned["count"] for owned in belongings_of(user)})
        allowed = all(self.has_delete_permission(request, user) for user in objs)
        return [str(user) for user in objs[:MOST_NAMED]], counts, set() if allowed else {self.opts.verbose_name}, []


def in_words(notification: Notification) -> str:
    """Return what a mail in the outbox is about, and what happened to it."""
    about = f"“{subject(notification.kind)}” to {notification.to}"
    if not notification.problem:
        return f"{about} is about to be sent."
    due = notification.due_at
    later = f"The next try is at {localtime(due):%H:%M %Z}." if due else "It was given up."
    return f"{about} could not be sent: {notification.problem.rstrip('.')}. {later}"


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin):
    """Groups, which scopes may ask for. A group may carry permissions too, which superusers alone give."""

    def get_readonly_fields(self, request: HttpRequest, obj: Group | None = None) -> tuple[str, ...]:
        return () if request.user.is_superuser else ("permissions",)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_change_permission(request, obj) and not gives_rights(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not gives_rights(request, obj)


def gives_rights(request: HttpRequest, group: Group | None) -> bool:
    """Return whether `group` carries permissions, which keeps all but superusers from touching the group."""
    return group is not None and not request.user.is_superuser and group.permissions.exists()


def is_out_of_reach(request: HttpRequest, user: User | None) -> bool:
    """Accounts that open this administration are for superusers: else whoever sets a password could become one."""
    return user is not None and (user.is_staff or user.is_superuser) and not request.user.is_superuser
