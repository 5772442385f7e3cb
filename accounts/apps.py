"""Accounts: who the people are."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
