"""Accounts: who the people are."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from django.contrib.auth.models import Group

        from accounts import record, signals  # noqa: F401  (connects the receivers)
        from accounts.models import User
        from accounts.names import visible
        from accounts.registry import Page, register_page

        for model in (User, Group):  # Django's own model takes a rule no other way
            model._meta.get_field("name").validators.append(visible)  # noqa: SLF001  (public in all but its name)
        register_page(Page(10, "Profile", "profile", "user", ("/accounts/email/", "/accounts/confirm-email/")))
        register_page(Page(20, "Security", "security", "shield", ("/accounts/password/", "/accounts/2fa/")))
        register_page(Page(30, "Sessions", "sessions", "monitor", ("/accounts/logout/",)))
