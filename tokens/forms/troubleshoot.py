"""The form of the Troubleshoot page, which explains why Tokenry refused a request."""

from typing import Any

from django import forms

from tokens.core.form_rendering import PageRenderer


class EmptiedTextarea(forms.Textarea):
    """A text area that is always empty in the answer, so that no pasted secret is sent back."""

    def format_value(self, value: Any) -> str:
        return ""


class TroubleshootForm(forms.Form):
    """The text that the person pastes: what the program sent, or the answer that it got."""

    default_renderer = PageRenderer

    pasted = forms.CharField(
        label="Token, header or reference",
        max_length=10_000,
        strip=False,
        help_text="The text is read once, to answer you, and neither stored nor logged.",
        widget=EmptiedTextarea(
            attrs={"class": "mono", "rows": 3, "autocomplete": "off", "spellcheck": "false"}
        ),
        error_messages={"required": "Paste what was sent, or the reference of the answer."},
    )
