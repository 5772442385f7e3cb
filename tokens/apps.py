"""Tokens: what programs sign in with."""

from django.apps import AppConfig


class TokensConfig(AppConfig):
    name = "tokens"

    def ready(self) -> None:
        from accounts.record import guessed, happened
        from accounts.registry import Belonging, Choices, Page, register_belonging, register_choices, register_page
        from tokens import notices, receivers  # noqa: F401  (they connect their own)
        from tokens.models import MailChoices, Token

        happened.connect(receivers.write_down)
        guessed.connect(receivers.write_down_guess)
        register_page(Page(40, "API tokens", "token_list", "key-round"))
        register_page(Page(50, "Activity", "activity", "history"))
        register_belonging(
            Belonging("API token", lambda user: Token.objects.owned_by(user).active().count(), "token_revoke_all")
        )
        register_choices(
            Choices(
                "token_mails",
                "E-mails about your API tokens",
                "What matters for security can't be switched off: you always hear when one is created, revoked by "
                "somebody else, or used after it was revoked.",
                MailChoices.OPTIONS,
                MailChoices.chosen,
                MailChoices.choose,
            )
        )
