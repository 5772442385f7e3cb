"""Our forms of the account pages, by django-allauth's name of the form."""

OF_ACCOUNTS = {
    "login": "accounts.forms.SignInForm",
    "signup": "accounts.forms.SignUpForm",
    "add_email": "accounts.forms.AddEmailForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "set_password": "accounts.forms.SetPasswordForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.forms.ResetPasswordKeyForm",
    "reauthenticate": "accounts.forms.ConfirmByPasswordForm",
}
OF_SECOND_FACTORS = {
    "authenticate": "accounts.forms.SecondStepForm",
    "reauthenticate": "accounts.forms.ConfirmByCodeForm",
    "activate_totp": "accounts.forms.SetUpAppForm",
    "add_webauthn": "accounts.forms.AddKeyForm",
    "edit_webauthn": "accounts.forms.RenameKeyForm",
    "login_webauthn": "accounts.forms.SignInByKeyForm",
    "authenticate_webauthn": "accounts.forms.SecondStepByKeyForm",
    "reauthenticate_webauthn": "accounts.forms.ConfirmByKeyForm",
}
