"""The form of the Profile page."""

from typing import Any

from django import forms

from accounts import extension_points
from accounts.models import Theme, User, known_time_zones, zone_label


class ProfileForm(forms.ModelForm):
    """The form of the Profile page. It also has options of other applications.

    The e-mail address has its own page, because a new address must be verified.
    """

    theme = forms.ChoiceField(
        label="Theme", choices=Theme.choices, required=False, widget=forms.RadioSelect
    )
    time_zone = forms.ChoiceField(
        label="Time zone",
        choices=lambda: [(name, zone_label(name)) for name in sorted(known_time_zones())],
        help_text="These pages show times in this time zone. The API always uses UTC.",
    )

    class Meta:
        model = User
        fields = ("name", "time_zone", "theme", "keyboard_shortcuts")
        labels = {"name": "Name", "keyboard_shortcuts": "Keyboard shortcuts"}
        help_texts = {
            "keyboard_shortcuts": "In the list of tokens: / searches, c creates a token."
        }
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for offered in extension_points.choices:
            self.fields[offered.key] = forms.MultipleChoiceField(
                label=offered.label,
                help_text=offered.help,
                choices=list(offered.options.items()),
                initial=offered.read(self.instance),
                required=False,
                widget=forms.CheckboxSelectMultiple,
            )

    @property
    def offered(self) -> list[forms.BoundField]:
        """Return the form's fields with options of other applications, for the template."""
        return [self[offered.key] for offered in extension_points.choices]

    def save(self, commit: bool = True) -> Any:
        """Save the account and the options of other applications. Return the account."""
        saved = super().save(commit)
        for offered in extension_points.choices:
            offered.write(saved, self.cleaned_data[offered.key])
        return saved
