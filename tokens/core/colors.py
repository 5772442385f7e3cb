"""The accent colour: of buttons, links and the focus ring, in light and in dark.

Contrast is that of WCAG 2.2: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
"""

import re
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

from tokens.core.setting_values import InvalidValue

WHITE, BLACK = "#ffffff", "#000000"
# The backgrounds on which links stand (tokenry.css, administration.css): the page, panels, notices
# in yellow and green, and chosen rows of administration.
LIGHT_PAGES = ("#ffffff", "#f6f8fa", "#fff8c5", "#dafbe1", "#ddf4ff")
DARK_PAGES = ("#0d1117", "#151b23", "#272115", "#12261e", "#121d2f")
TEXT_CONTRAST, BUTTON_CONTRAST = 4.5, 3.0  # WCAG 1.4.3 and 1.4.11
STEPS = 256  # of a mixture


class Accent(NamedTuple):
    """The accent colour in its variants."""

    light: str  # of links and buttons
    dark_link: str
    dark_button: str


DEFAULT_ACCENT = Accent("#0969da", "#4493f8", "#1f6feb")


def channels(color: str) -> list[int]:
    """Return red, green and blue of a colour such as `#0a7d4f`, each from 0 to 255."""
    return [int(color[start : start + 2], 16) for start in (1, 3, 5)]


def luminance(color: str) -> float:
    """Return the relative luminance of WCAG, from 0 (black) to 1 (white)."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in channels(color))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of WCAG, from 1 (the same luminance) to 21 (black and white)."""
    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def least_contrast(color: str, others: tuple[str, ...]) -> float:
    """Return the lowest contrast of `color` with one of `others`."""
    return min(contrast(color, other) for other in others)


def mixed_until(color: str, added: str, others: tuple[str, ...], needed: float) -> str:
    """Return `color`, mixed with as little of `added` as it takes to reach the contrast `needed`.

    The contrast is that with each of `others`. `added` alone must reach it.
    """
    pairs = list(zip(channels(color), channels(added), strict=True))
    mixtures = (
        "#" + "".join(f"{round(old + (new - old) * step / STEPS):02x}" for old, new in pairs)
        for step in range(STEPS + 1)
    )
    return next(each for each in mixtures if least_contrast(each, others) >= needed)


def accent_color(value: Any) -> str:
    """Return a colour such as `#0a7d4f`, or "" for an empty text, which means: the default.

    Raise InvalidValue if white text on the colour, or the colour as a link on a light page, could
    not be read well.
    """
    if value == "":
        return ""
    color = str(value).lower()
    if not re.fullmatch("#[0-9a-f]{6}", color):
        raise InvalidValue("a colour such as #0a7d4f.")
    found = least_contrast(color, LIGHT_PAGES)
    if found < TEXT_CONTRAST:
        darker = mixed_until(color, BLACK, LIGHT_PAGES, TEXT_CONTRAST)
        raise InvalidValue(
            f"a colour whose contrast with white and with all light pages is {TEXT_CONTRAST}:1 or "
            f"more. The contrast of this one is {int(10 * found) / 10}:1. The nearest darker "
            f"colour that will do is {darker}."
        )
    return color


@cache
def accent_of(color: str) -> Accent:
    """Return the variants of a checked colour. "" means the default.

    On dark pages the colour is mixed with white, until links and the shapes of buttons can be
    seen. White text on a button still has enough contrast then.
    """
    if not color:
        return DEFAULT_ACCENT
    return Accent(
        color,
        mixed_until(color, WHITE, DARK_PAGES, TEXT_CONTRAST),
        mixed_until(color, WHITE, DARK_PAGES, BUTTON_CONTRAST),
    )


@cache
def accent_styles(color: str) -> tuple[str, str]:
    """Return a style sheet that sets the accent colour of all pages, and a name for its version.

    Its rules stand in no layer, so they hold before those of tokenry.css.
    """
    light, dark_link, dark_button = accent_of(color)
    styles = (
        ".tokenry, :root:has(> .tokenry-administration) {\n"
        f"  --link: light-dark({light}, {dark_link});\n"
        f"  --primary: light-dark({light}, {dark_button});\n"
        "}\n"
    )
    return styles, sha256(styles.encode()).hexdigest()[:16]
