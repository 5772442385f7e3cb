"""Our words where django-allauth has its own. tests/test_words.py lists what it can say, and misses none here."""

# Notices on pages, by allauth's template. Nothing is said after signing in: the top of the page names the person.
MESSAGES: dict[str | None, str] = {
    "account/messages/cannot_delete_primary_email.txt": "You sign in with {email}, so it stays.",
    "account/messages/email_confirmation_failed.txt": "{email} belongs to another account already.",
    "account/messages/email_confirmation_sent.txt": "We wrote to {email}.",
    "account/messages/email_confirmed.txt": "{email} is confirmed.",
    "account/messages/email_deleted.txt": "The change to {email} is cancelled.",
    "account/messages/logged_in.txt": "",
    "account/messages/logged_out.txt": "You are signed out.",
    "account/messages/password_changed.txt": "Your password is changed. Your other sessions have ended.",
    "account/messages/password_set.txt": "Your password is set.",
    "account/messages/primary_email_set.txt": "Your e-mail address is changed.",
    "account/messages/unverified_primary_email.txt": "Confirm the address first, by the link in our mail.",
    "mfa/messages/recovery_codes_generated.txt": "You have new recovery codes. Earlier ones no longer work.",
    "mfa/messages/totp_activated.txt": "Your authenticator app is set up.",
    "mfa/messages/totp_deactivated.txt": "Your authenticator app is deactivated.",
    "mfa/messages/webauthn_added.txt": "Your key is added.",
    "mfa/messages/webauthn_removed.txt": "The key is removed.",
}

# Mails about a change, by allauth's template: the subject, and the first sentence. account/email/notice_* frame them.
NOTICES = {
    "account/email/email_changed": (
        "Your e-mail address is changed",
        "Your account now belongs to {to_email}, and no longer to {from_email}.",
    ),
    "account/email/email_deleted": (
        "A change of your e-mail address is cancelled",
        "Your account does not move to {deleted_email}.",
    ),
    "account/email/password_changed": ("Your password is changed", "Your password was changed."),
    "account/email/password_reset": ("Your password is changed", "A new password was chosen, by a link from a mail."),
    "account/email/password_set": ("Your password is set", "Your account now has a password."),
    "mfa/email/recovery_codes_generated": (
        "You have new recovery codes",
        "New recovery codes were made. Earlier ones no longer work.",
    ),
    "mfa/email/totp_activated": (
        "Your authenticator app is set up",
        "Signing in to your account now asks for a code from an authenticator app.",
    ),
    "mfa/email/totp_deactivated": (
        "Your authenticator app is deactivated",
        "Signing in to your account no longer asks for a code from an authenticator app.",
    ),
    "mfa/email/webauthn_added": (
        "A key is added to your account",
        "A passkey or security key was added to your account.",
    ),
    "mfa/email/webauthn_removed": (
        "A key is removed from your account",
        "A passkey or security key was removed from your account.",
    ),
}

TOO_MANY = "Too many tries. Wait five minutes, then try again."

# What is wrong with a form, by allauth's code.
ERRORS = {
    "account_inactive": "This account is switched off.",
    "cannot_remove_primary_email": "You sign in with this address, so it stays.",
    "duplicate_email": "This is your address already.",
    "email_password_mismatch": "The e-mail address or the password is wrong.",
    "email_taken": "Another account has this address.",
    "enter_current_password": "This is not your current password.",
    "incorrect_code": "This code is wrong, or it was used before.",
    "incorrect_password": "This is not your password.",
    "invalid_password_reset": "This link has ended.",
    "max_email_addresses": "You can't have more than %d addresses.",
    "rate_limited": TOO_MANY,
    "same_as_current": "This is your address already.",
    "too_many_login_attempts": TOO_MANY,
    "unknown_email": "No account has this address.",
    "unverified_primary_email": "Confirm your e-mail address first.",
}
MFA_ERRORS = {
    "add_email_blocked": "Deactivate your second factors first, then change the address.",
    "cannot_delete_authenticator": "It can't be deactivated.",
    "cannot_generate_recovery_codes": "Set up an authenticator app or a passkey first.",
    "incorrect_code": ERRORS["incorrect_code"],
    "unverified_email": "Confirm your e-mail address first.",
}

# Ways to confirm who one is, by allauth's name.
WAYS = {
    "reauthenticate": "Use your password",
    "mfa_reauthenticate": "Use a code",
    "mfa_reauthenticate:webauthn": "Use a passkey or security key",
}

# Fields, by name, where allauth's label differs.
LABELS = {
    "oldpassword": "Current password",
    "password1": "New password",
    "password2": "New password again",
    "remember": "Remember me on this device",
    "code": "Code",
}

# Help beside a field, by name, in place of Django's list of four rules.
HELP = {
    "password1": "8 characters or more; a sentence of 15 is better. Paste it from a password manager if you have one.",
}
