"""Accounts: who the people are."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import record, signals  # noqa: F401  (connects the receivers)
        from accounts.registry import Page, register_page

        register_page(Page(10, "Profile", "profile", "user", ("/accounts/email/", "/accounts/confirm-email/")))
        register_page(Page(20, "Security", "security", "shield", ("/accounts/password/", "/accounts/2fa/")))
        register_page(Page(30, "Sessions", "sessions", "monitor", ("/accounts/logout/",)))
