"""Our own texts for django-allauth: messages, mails, errors and labels.

tests/accounts/test_allauth_texts.py fails if django-allauth has a text that is missing here.
"""

# Messages on pages, by the name of allauth's template. Signing in shows no message, because the
# top of the page already shows the person's e-mail address.
MESSAGES: dict[str | None, str] = {
    "account/messages/cannot_delete_primary_email.txt": (
        "You sign in with {email}, so you can't remove this address."
    ),
    "account/messages/email_confirmation_failed.txt": (
        "{email} already belongs to another account."
    ),
    "account/messages/email_confirmation_sent.txt": "We sent a mail to {email}.",
    "account/messages/email_confirmed.txt": "{email} is confirmed.",
    "account/messages/email_deleted.txt": "The change to {email} is cancelled.",
    "account/messages/logged_in.txt": "",
    "account/messages/logged_out.txt": "You are signed out.",
    "account/messages/password_changed.txt": (
        "Your password is changed. Your other sessions have ended."
    ),
    "account/messages/password_set.txt": "Your password is set.",
    "account/messages/primary_email_set.txt": "Your email address is changed.",
    "account/messages/unverified_primary_email.txt": (
        "Confirm the address first: open the link in the mail from us."
    ),
    "mfa/messages/recovery_codes_generated.txt": (
        "You have new recovery codes. Older codes no longer work."
    ),
    "mfa/messages/totp_activated.txt": "Your authenticator app is set up.",
    "mfa/messages/totp_deactivated.txt": "Your authenticator app is deactivated.",
    "mfa/messages/webauthn_added.txt": "Your key is added.",
    "mfa/messages/webauthn_removed.txt": "The key is removed.",
}

# Mails about a change, by the name of allauth's template: the subject and the first sentence. The
# templates account/email/notification_* add the rest.
NOTIFICATIONS = {
    "account/email/email_changed": (
        "Your email address is changed",
        "The email address of your account was {from_email}. The address is now {to_email}.",
    ),
    "account/email/email_deleted": (
        "A change of your email address is cancelled",
        "The address of your account does not change to {deleted_email}.",
    ),
    "account/email/password_changed": ("Your password is changed", "Your password was changed."),
    "account/email/password_reset": (
        "Your password is changed",
        "Somebody chose a new password, with the link in a mail to you.",
    ),
    "account/email/password_set": ("Your password is set", "Your account now has a password."),
    "mfa/email/recovery_codes_generated": (
        "You have new recovery codes",
        "New recovery codes were made for your account. Older codes no longer work.",
    ),
    "mfa/email/totp_activated": (
        "Your authenticator app is set up",
        "You now need a code from an authenticator app to sign in.",
    ),
    "mfa/email/totp_deactivated": (
        "Your authenticator app is deactivated",
        "You no longer need a code from an authenticator app to sign in.",
    ),
    "mfa/email/webauthn_added": (
        "A key is added to your account",
        "A passkey or security key was added to your account.",
    ),
    "mfa/email/webauthn_removed": (
        "A key is removed from your account",
        "A passkey or security key was removed from your account.",
    ),
    "socialaccount/email/account_connected": (
        "Your account is linked to single sign-on",
        "Somebody with your email address signed in with your company's single sign-on. From now "
        "on your account opens that way too.",
    ),
}

TOO_MANY = "Too many tries. Wait five minutes, then try again."
BUSY_HASHING = (
    "Too many people are signing in. Your password was not checked. Try again in a few seconds."
)

# Error messages in forms, by allauth's error code.
ERRORS = {
    "account_inactive": "This account is switched off.",
    "cannot_remove_primary_email": "You sign in with this address, so you can't remove it.",
    "duplicate_email": "This is already your address.",
    "email_password_mismatch": "The email address or the password is wrong.",
    "email_taken": "Another account already uses this address.",
    "enter_current_password": "The current password is wrong.",
    "incorrect_code": "This code is wrong, or it was already used.",
    "incorrect_password": "This password is wrong.",
    "invalid_password_reset": "This link no longer works.",
    "max_email_addresses": "You can't have more than %d addresses.",
    "rate_limited": TOO_MANY,
    "same_as_current": "This is already your address.",
    "too_many_login_attempts": TOO_MANY,
    "unknown_email": "No account has this address.",
    "unverified_primary_email": "Confirm your email address first.",
}
MFA_ERRORS = {
    "add_email_blocked": (
        "Deactivate your authenticator app and your keys first. Then change the address."
    ),
    "cannot_delete_authenticator": "This second factor can't be deactivated.",
    "cannot_generate_recovery_codes": "Set up an authenticator app or a passkey first.",
    "incorrect_code": ERRORS["incorrect_code"],
    "unverified_email": "Confirm your email address first.",
}

# Labels of the ways in which signed-in people confirm who they are, by allauth's name.
WAYS = {
    "reauthenticate": "Use your password",
    "mfa_reauthenticate": "Use a code",
    "mfa_reauthenticate:webauthn": "Use a passkey or security key",
}

# Labels of form fields, by the field's name. allauth has other labels.
LABELS = {
    "oldpassword": "Current password",
    "password1": "New password",
    "password2": "New password again",
    "remember": "Remember me on this device",
    "code": "Code",
}

# Help texts of form fields, by the field's name. Django would list all its password rules.
HELP = {
    "password1": (
        "At least 8 characters. 15 or more are better: use a sentence or a password manager."
    ),
}
