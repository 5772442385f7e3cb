"""Pages of Django admin about accounts and groups."""

from collections import Counter
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.timezone import localtime

from accounts import extension_points
from accounts.audit_signals import send_event
from accounts.extension_points import belongings_of
from accounts.farewell_admin import MUST_CHOOSE, SWITCHING_OFF_WORDS, FarewellAdmin
from accounts.invitations import invite
from accounts.mails import link_of_invitation, subject
from accounts.models import Notification, User
from accounts.oidc.sessions import remove_link
from accounts.reauthentication import confirm_if_stale

MAX_NAMED_ACCOUNTS = 100  # names on the page that asks before accounts are deleted

# Remove these pages from Django admin: they show secrets. The page of an account shows enough.
for model in (EmailAddress, Authenticator, SocialAccount, SocialApp, SocialToken, UserSession):
    admin.site.unregister(model)
admin.site.unregister(Group)  # registered again below


class InvitationForm(ModelForm):
    """The form with which an administrator creates an account. The person chooses a password."""

    class Meta:
        model = User
        fields = ("email", "name")


class ChangeUserForm(UserChangeForm):
    """Django's form to change an account, for our own user model."""

    class Meta:
        model = User
        fields = "__all__"
        help_texts = {"is_active": SWITCHING_OFF_WORDS}


@admin.register(User)
class UserAdmin(FarewellAdmin):
    """The pages about accounts. When an account is added here, its owner is invited by mail.

    Before an account with tokens is switched off (`is_active`) or deleted, another page asks what
    happens to the tokens.
    """

    form = ChangeUserForm
    add_form = InvitationForm
    ordering = ("email",)
    list_display = ("email", "name", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name", "groups__name")
    filter_horizontal = ("user_permissions",)
    autocomplete_fields = ("groups",)  # a list of all groups would be too long
    readonly_fields = (
        "last_login",
        "date_joined",
        "waiting_mails",
        "invitation_link",
        "leaving_until",
        "in_use",
    )
    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        (
            "Permissions",
            {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")},
        ),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "description": "This person chooses the password, with the link in a mail.",
                "fields": ("email", "name"),
            },
        ),
    )
    # `delete_selected` replaces Django's action of this name.
    actions = ("invite_again", "unlink", "switch_off", "delete_selected")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Return the accounts of people. The accounts of teams have no page here.

        So nobody can give such an account a password, invite it, switch it off or delete it.
        """
        people: QuerySet[User] = super().get_queryset(request).filter(can_sign_in=True)
        return people

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Return the fields of the page. For an existing account, add a section about its mails.

        If the person has not chosen a password yet, the section also has the link from the
        invitation. Only administrators who may change the account, and who recently confirmed who
        they are, see the link.
        """
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None:
            return fieldsets
        if extension_points.farewell.leaves_at(obj):
            fieldsets = (*fieldsets, ("Leaving", {"fields": ("leaving_until",)}))
        fieldsets = ((None, {"fields": (*fieldsets[0][1]["fields"], "in_use")}), *fieldsets[1:])
        mails: dict[str, Any] = {"fields": ["waiting_mails"]}
        if awaits_first_sign_in(obj) and self.has_change_permission(request, obj):
            if confirm := confirm_if_stale(request, request.path):
                link = '<a href="{}">Confirm who you are</a> to see the link of the invitation.'
                mails["description"] = format_html(link, confirm["Location"])
            else:
                mails["fields"] += ["invitation_link"]
        return (fieldsets[0], ("Mails", mails), *fieldsets[1:])

    @admin.display(description="Not sent yet")
    def waiting_mails(self, user: User) -> str:
        """Return the unsent mails to `user`, a line for each, with the mail server's answer."""
        waiting = [(notification_in_words(mail),) for mail in user.notifications.order_by("pk")]
        return format_html_join(mark_safe("<br>"), "{}", waiting) or "None"

    @admin.display(description="Invitation link")
    def invitation_link(self, user: User) -> str:
        """Return the link to the first sign-in. An administrator needs it if the mail is lost."""
        return link_of_invitation(user)

    def get_readonly_fields(
        self, request: HttpRequest, obj: User | None = None
    ) -> tuple[str, ...]:
        """Return the names of the fields that the signed-in administrator may not change.

        Only superusers may change the rights of an account. They may not change their own rights,
        so at least one superuser always remains.
        """
        fields = tuple(super().get_readonly_fields(request, obj))
        if not request.user.is_superuser:
            return (*fields, "is_staff", "is_superuser", "groups", "user_permissions")
        return (
            (*fields, "is_active", "is_staff", "is_superuser") if obj == request.user else fields
        )

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and not is_out_of_reach(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Return False for accounts that only superusers may change, and for one's own account.

        People delete their own account on the Profile page.
        """
        return (
            super().has_delete_permission(request, obj)
            and not is_out_of_reach(request, obj)
            and obj != request.user
        )

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            obj.set_unusable_password()
        if change and "is_active" in form.changed_data and not obj.is_active:
            self.ask_before_switching_off(request, obj, form)
        super().save_model(request, obj, form, change)
        if change and "email" in form.changed_data:
            EmailAddress.objects.filter(user=obj).delete()  # to end sign-in with the old address
            obj.trust_email()
        if not change:
            obj.trust_email()
            invite(obj, request)
            words = f"The invitation goes to {obj.email}. Below is the link that the mail carries."
            if settings.MAILS_ARE_PRINTED:
                words = f"No mail server is set. Send the link below to {obj.email} yourself."
            self.message_user(request, words, messages.SUCCESS)

    def log_addition(self, request: HttpRequest, obj: User, message: Any) -> LogEntry:
        send_event(obj, "signed_up", request)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> LogEntry:
        """Write Django's log entry, and send an event for the audit log.

        Django calls this method after each change of an account, also after a change of its
        password.
        """
        if not message and hasattr(request, MUST_CHOOSE):
            return LogEntry()  # not saved: nothing changed yet, and the next page asks
        entry = super().log_change(request, obj, message)
        send_event(obj, "administered", request, entry.get_change_message())
        return entry

    @admin.action(
        description="Invite again those who have no password yet", permissions=["change"]
    )
    def invite_again(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        waiting = [user for user in queryset if awaits_first_sign_in(user)]
        for user in waiting:
            invite(user, request)
        words = f"{len(waiting)} invited by mail."
        if settings.MAILS_ARE_PRINTED:
            words = "No mail server is set. Open each account: its page shows the link."
        self.message_user(request, words, messages.SUCCESS)

    @admin.action(description="Remove the link to single sign-on", permissions=["change"])
    def unlink(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Remove the links, so that each account is linked to the next person with its address."""
        linked = [
            user
            for user in queryset.filter(socialaccount__isnull=False).distinct()
            if not is_out_of_reach(request, user)
        ]
        for user in linked:
            remove_link(user)
            send_event(user, "administered", request, "Link to single sign-on removed")
        self.message_user(request, f"{len(linked)} unlinked.", messages.SUCCESS)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return what Django's page shows before accounts are deleted: names, counts, permissions.

        Other objects of the accounts, such as tokens, are only counted, because a list could be
        very long. An administrator who may delete an account may also delete its objects.
        """
        counts = Counter({str(self.opts.verbose_name_plural): len(objs)})
        for user in objs:
            counts.update(
                {f"{owned['name']}s in use": owned["count"] for owned in belongings_of(user)}
            )
        allowed = all(self.has_delete_permission(request, user) for user in objs)
        return (
            [str(user) for user in objs[:MAX_NAMED_ACCOUNTS]],
            counts,
            set() if allowed else {self.opts.verbose_name},
            [],
        )


def notification_in_words(notification: Notification) -> str:
    """Return a sentence about an unsent mail: subject, address, last error, time of next try."""
    about = f"“{subject(notification.kind)}” to {notification.to}"
    if not notification.problem:
        return f"{about} is about to be sent."
    due = notification.due_at
    later = f"The next try is at {localtime(due):%H:%M %Z}." if due else "It was given up."
    return f"{about} could not be sent: {notification.problem.rstrip('.')}. {later}"


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin):
    """The pages about groups. A scope of tokens may be restricted to the members of a group.

    A group may also have permissions. Only superusers may change these.
    """

    def get_readonly_fields(
        self, request: HttpRequest, obj: Group | None = None
    ) -> tuple[str, ...]:
        return () if request.user.is_superuser else ("permissions",)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_change_permission(request, obj) and not gives_rights(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not gives_rights(request, obj)


def awaits_first_sign_in(user: User) -> bool:
    """Return True if the person has no password, and has not signed in by single sign-on."""
    return not user.has_usable_password() and not SocialAccount.objects.filter(user=user).exists()


def gives_rights(request: HttpRequest, group: Group | None) -> bool:
    """Return True if `group` has permissions and the signed-in administrator is no superuser.

    Only superusers may change or delete a group with permissions.
    """
    return group is not None and not request.user.is_superuser and group.permissions.exists()


def is_out_of_reach(request: HttpRequest, user: User | None) -> bool:
    """Return True if `user` may open Django admin and the signed-in person is no superuser.

    Only superusers may change such an account. Otherwise an administrator could set a superuser's
    password, and sign in as that person.
    """
    return (
        user is not None and (user.is_staff or user.is_superuser) and not request.user.is_superuser
    )
