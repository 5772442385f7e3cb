"""The form with which a person approves or declines a scope."""

from django import forms

from tokens.core.form_rendering import PageRenderer
from tokens.forms.one_line import ONE_LINE_VALIDATORS
from tokens.models.scope_request import REASON_LENGTH


class DecisionForm(forms.Form):
    """A decision about one request. The reason is optional; the owner of the token reads it."""

    APPROVE, DECLINE = "approve", "decline"
    default_renderer = PageRenderer

    request = forms.IntegerField(min_value=1, max_value=2**62, widget=forms.HiddenInput)
    decision = forms.ChoiceField(choices=[(APPROVE, "Approve"), (DECLINE, "Decline")])
    reason = forms.CharField(
        required=False, max_length=REASON_LENGTH, validators=ONE_LINE_VALIDATORS
    )
