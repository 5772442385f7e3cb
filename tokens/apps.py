"""The Django application `tokens`."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class TokensConfig(AppConfig):
    """The application `tokens`."""

    name = "tokens"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register system checks and the receivers of signals."""
        from tokens import checks  # noqa: F401  # registers the checks
        from tokens.administration.auditors import make_auditors
        from tokens.audit import receivers as audit_receivers  # noqa: F401  # connects signals
        from tokens.notifications import receivers  # noqa: F401  # connects signals

        if apps.is_installed("django.contrib.admin"):
            post_migrate.connect(make_auditors, sender=self)
