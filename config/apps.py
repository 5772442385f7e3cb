"""The configuration of the application `config`, and of Django admin."""

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.core.mail.utils import DNS_NAME

from config.environment.variables import mail_domain


class ConfigConfig(AppConfig):
    """The application `config`: settings, URLs, the server, and system checks.

    It connects `tokens` with `accounts`.
    """

    name = "config"

    def ready(self) -> None:
        from config import account_pages, checks, metrics  # noqa: F401
        from tokens.administration import auditors

        account_pages.connect()
        auditors.visible_models.append(("accounts", "user"))
        metrics.register_sources()
        # Django sends this name to mail servers, and puts it into each Message-ID. The default is
        # the machine's name, often not a public one. The attribute is private, as in Django 5.2.
        DNS_NAME._fqdn = mail_domain(settings.SITE_HOST)  # noqa: SLF001


class AdministrationConfig(AdminConfig):
    """Django admin with our own AdminSite."""

    default_site = "config.admin_site.AdminSite"
