"""The configuration of the application `accounts`."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The application `accounts`: sign-in, profile, security and sessions of people."""

    name = "accounts"

    def ready(self) -> None:
        from django.contrib.auth.models import Group

        from accounts import audit_signals, receivers  # noqa: F401  # they register
        from accounts.extension_points import NavigationPage, register_page
        from accounts.models import User
        from accounts.name_rules import must_be_visible
        from accounts.oidc import sessions  # noqa: F401  # it registers

        for model in (User, Group):  # Group is Django's model, so the rule is added here
            model._meta.get_field("name").validators.append(must_be_visible)  # noqa: SLF001  # documented
        register_page(
            NavigationPage(
                10, "Profile", "profile", "user", ("/accounts/email/", "/accounts/confirm-email/")
            )
        )
        register_page(
            NavigationPage(
                20, "Security", "security", "shield", ("/accounts/password/", "/accounts/2fa/")
            )
        )
        register_page(
            NavigationPage(30, "Sessions", "sessions", "monitor", ("/accounts/logout/",))
        )
