"""Tokens: what programs sign in with."""

from django.apps import AppConfig


class TokensConfig(AppConfig):
    name = "tokens"

    def ready(self) -> None:
        from accounts.record import guessed, happened
        from accounts.registry import Belonging, Page, register_belonging, register_page
        from tokens import receivers  # connects its own
        from tokens.models import Token

        happened.connect(receivers.write_down)
        guessed.connect(receivers.write_down_guess)
        register_page(Page(40, "API tokens", "token_list", "key-round"))
        register_page(Page(50, "Activity", "activity", "history"))
        register_belonging(
            Belonging("API token", lambda user: Token.objects.owned_by(user).active().count(), "token_revoke_all")
        )
