"""The part of the forms of tokens that shows what policies demand, and which policy is broken."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from tokens.models import PolicyBroken
from tokens.pages.policy_hints import PolicyHints
from tokens.policies.rules import NUMBER, SECOND_FACTOR


class PolicyForm(forms.Form):
    """A form about a token. The fields show what the policies of the owner demand."""

    def show_policies(self, hints: PolicyHints) -> None:
        """Add what policies demand to the help texts of the fields."""
        self.hints = hints
        sentences = {"name": hints.names, "allowed_addresses": hints.addresses}
        for name, words in sentences.items():
            if name in self.fields:
                self.fields[name].help_text = with_sentences(self.fields[name].help_text, words)

    def reject_policies(self, error: PolicyBroken) -> None:
        """Add an error for each policy that the token would break, at the field if there is one.

        The form that renews a token has no fields for settings, which people change elsewhere.
        """
        for breach in error.breaches:
            if breach.field in self.fields:
                self.add_error(breach.field, breach.message)
            elif breach.field in {NUMBER, SECOND_FACTOR}:
                self.add_error(None, breach.message)
            else:
                self.add_error(None, f"{breach.message} Edit the token first.")


def with_sentences(text: Any, sentences: Iterable[str]) -> SafeString:
    """Return a help text as HTML, with each sentence on a line of its own."""
    lines = [line for line in (text, *sentences) if line]
    return format_html_join(mark_safe("<br>"), "{}", ((line,) for line in lines))
