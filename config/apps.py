"""The project itself: settings, routes, the server, and checks of how they fit together."""

from django.apps import AppConfig
from django.conf import settings
from django.core.mail.utils import DNS_NAME

from config.environment import mail_domain


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config import checks  # noqa: F401  (registers them)

        # Mail servers are greeted by it, and it ends each Message-ID: the machine's own name is often not a public one.
        DNS_NAME._fqdn = mail_domain(settings.SITE_HOST)  # noqa: SLF001  (Django has no setting for it)
