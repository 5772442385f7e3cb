"""How often somebody may try to sign in, and so on. For other actions allauth has defaults."""

LIMITS_OF_ATTEMPTS = {
    # `key` is the account with the client's IP address. This limit comes first: an attempt that it
    # refuses does not count for `ip`, which many people may share.
    "login_failed": "5/5m/key,20/h/key,60/m/ip",
    "login_failed_anywhere": "100/h/key",  # `key` is the account, at all IP addresses together
    "login": "120/m/ip",  # all attempts, also successful ones; many people may share an address
    # These actions send mails, so they also have limits by hour or day. `key` is the recipient.
    "reset_password": "20/m/ip,100/d/ip,3/h/key,10/d/key",
    "signup": "20/m/ip,100/d/ip",
    "confirm_email": "1/3m/key,10/d/key",
    "manage_email": "10/m/user,50/d/user",
}
