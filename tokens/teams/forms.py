"""The forms on the pages of teams."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.text import slugify

from tokens.core.form_rendering import PageRenderer
from tokens.forms.one_line import ONE_LINE_VALIDATORS
from tokens.models import NAME_LENGTH, SLUG, SLUG_LENGTH, Membership

ROLE_CHOICES = [
    (Membership.Role.MEMBER, "Member: creates, renews and revokes the team's tokens"),
    (Membership.Role.MANAGER, "Manager: also changes who is in the team"),
]


class NameForm(forms.Form):
    """The name of a team."""

    default_renderer = PageRenderer

    name = forms.CharField(
        label="Name",
        max_length=NAME_LENGTH,
        validators=ONE_LINE_VALIDATORS,
        widget=forms.TextInput(attrs={"placeholder": "Billing CI", "autocomplete": "off"}),
        error_messages={"required": "Give the team a name, for example “Billing CI”."},
    )


class TeamForm(NameForm):
    """The form that makes a team. Without a short name, the form makes one from the name."""

    slug = forms.CharField(
        label="Short name",
        required=False,
        max_length=SLUG_LENGTH,
        help_text="Small letters, digits and hyphens. Programs see the short name, so it never "
        "changes. Leave it empty to take it from the name.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # When the person leaves the field of the name, show the short name made from the name.
        self.fields["name"].widget.attrs |= {
            "hx-get": reverse("token_teams:create"),
            "hx-trigger": "change",
            "hx-include": "[name=slug]",
            "hx-target": "#id_slug",
            "hx-select": "#id_slug",
            "hx-swap": "outerHTML",
        }

    def clean(self) -> dict[str, Any]:
        """Return the name and the short name. Add an error if the short name has a wrong form."""
        slug = self.cleaned_data.get("slug") or suggested_slug(self.cleaned_data.get("name", ""))
        self.cleaned_data["slug"] = slug
        if "name" in self.cleaned_data:
            try:
                SLUG(slug)
            except ValidationError as error:
                self.add_error("slug", error)
        return self.cleaned_data


class InviteForm(forms.Form):
    """The e-mail address of a person to invite, and the person's role in the team."""

    default_renderer = PageRenderer

    email = forms.EmailField(
        label="Email",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Write the email address of the person."},
    )
    role = forms.ChoiceField(
        label="Role",
        choices=ROLE_CHOICES,
        initial=Membership.Role.MEMBER,
        widget=forms.RadioSelect,
    )


def suggested_slug(name: str) -> str:
    """Return a short name made from the name of a team, or "" if the name has no Latin letters.

    Digits at the beginning are left out, because a short name begins with a letter.
    """
    return slugify(name).replace("_", "-").lstrip("0123456789-")[:SLUG_LENGTH].rstrip("-")
