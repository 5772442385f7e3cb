"""The browser and the system that a User-Agent header names."""

from ua_parser import parse


def device(user_agent: str) -> str:
    """Return the browser and system of a User-Agent header, such as “Firefox on Linux”.

    An unknown browser is “Unknown program”. An unknown system is left out.
    """
    found = parse(user_agent)
    browser = found.user_agent.family if found.user_agent else "Unknown program"
    return f"{browser} on {found.os.family}" if found.os else browser
