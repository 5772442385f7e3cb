"""Tokens: what programs sign in with."""

from django.apps import AppConfig


class TokensConfig(AppConfig):
    name = "tokens"

    def ready(self) -> None:
        from accounts.navigation import Entry, register
        from tokens import signals  # noqa: F401  (connects the receivers)

        register(Entry(40, "API tokens", "token_list", "key-round"))
        register(Entry(50, "Activity", "activity", "history"))
