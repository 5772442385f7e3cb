"""Rules for the names of people and groups, and for the e-mail addresses of people."""

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

# The domain of the accounts of teams. No mail can be sent to it (RFC 2606 section 2).
TEAM_DOMAIN = "teams.invalid"

# Characters that show nothing: spaces, control characters, the code points that Unicode lists as
# Default_Ignorable, and the blank of Braille.
INVISIBLE = (
    r"\s\x00-\x1f\x7f-\x9f"
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
must_be_visible = RegexValidator(
    f"[^{INVISIBLE}]", "Nothing in this can be seen. Write at least one letter, digit or sign."
)


def is_team_address(email: str) -> bool:
    """Return True if `email` is an address as the accounts of teams have them."""
    return email.strip().lower().rpartition("@")[2] == TEAM_DOMAIN


def must_be_of_a_person(email: str) -> None:
    """Raise ValidationError for an address of a team, because no person can read its mails.

    Otherwise somebody could take the addresses of teams that do not exist yet.
    """
    if is_team_address(email):
        raise ValidationError("No mail can be sent to this address. Use another one.")
