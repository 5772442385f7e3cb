"""What can go wrong at a sign-in by the provider, and what the page then says."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.oidc.configuration import sign_on

ASK = "Ask an administrator."
# By code: the status, the title and the words of the page. {name} is the name of the provider.
SIGN_ON_ERRORS = {
    "away": (
        503, "{name} does not answer", "Nothing was changed. Try again in a minute.",
    ),
    "busy": (
        503, "Too many people are signing in", "Nothing was changed. Try again in a few seconds.",
    ),
    "cancelled": (403, "You did not sign in", "The sign-in at {name} was cancelled."),
    "refused": (
        403, "{name} did not sign you in", f"{{name}} gave no reason that helps. {ASK}",
    ),
    "expired": (
        400, "This sign-in is over",
        "It was already used, took longer than ten minutes, or began in another browser.",
    ),
    "invalid": (
        502, "The answer of {name} can't be used",
        "You are not signed in. An administrator finds the reason in the log of the server.",
    ),
    "email_missing": (
        403, "{name} did not tell your email address",
        f"The address is needed to make an account. {ASK}",
    ),
    "email_unverified": (
        403, "Your email address is not verified at {name}",
        "Verify the address there, then sign in again.",
    ),
    "email_taken": (
        409, "An account here has your email address",
        "It can't be linked to {name}, because its address was never confirmed here. Sign in "
        "with your password, and confirm the address by the link in the mail. Then sign in with "
        "{name} again. If you did not make the account, do not confirm it: somebody else may know "
        f"its password. {ASK}",
    ),
    "email_never_confirmed": (
        409, "An account here has your email address",
        "It can't be linked to {name}, because its address was never confirmed here, so nobody "
        "has used the account. Ask an administrator to delete it, then sign in again.",
    ),
    "email_bound": (
        409, "Your email address belongs to another account",
        "The account is linked to another person at {name}. An administrator can remove the link "
        "if the person is you.",
    ),
    "groups_left_out": (
        403, "{name} did not tell your groups",
        f"You are in too many groups, so {{name}} left them out. {ASK} Nothing was changed.",
    ),
    "not_allowed": (
        403, "You may not sign in here",
        f"Your email address or your groups at {{name}} are not among those allowed. {ASK}",
    ),
    "another_person": (
        403, "You signed in at {name} as somebody else",
        "Nothing was confirmed. Sign in there with the account that you use here.",
    ),
    "not_fresh": (
        403, "{name} did not ask you to sign in again",
        "So nothing was confirmed. Sign out here and at {name}, then sign in again.",
    ),
    "passwords_off": (
        403, "Sign in with {name}",
        "Passwords and passkeys are not used here. You sign in with {name}.",
    ),
}  # fmt: skip


class SignOnError(Exception):
    """The sign-in ends here. `code` is a key of SIGN_ON_ERRORS."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def sign_on_error_page(request: HttpRequest, code: str) -> HttpResponse:
    """Return the page for an error, with a way back."""
    on = sign_on()
    name = on.name if on else ""
    status, title, words = SIGN_ON_ERRORS[code]
    context = {
        "code": code,
        "title": title.format(name=name),
        "words": words.format(name=name),
        "status": status,
    }
    return render(request, "accounts/sign_on_error.html", context, status=status)
