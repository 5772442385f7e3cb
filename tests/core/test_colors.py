"""The accent colour: its contrast, its variants for dark pages, and what is refused."""

import pytest

from tests.run import ROOT
from tokens.core import colors
from tokens.core.setting_values import InvalidValue

# Colours that can be used: dark, saturated, without hue, and just light enough.
USABLE = ["#0969da", "#0a7d4f", "#7c3aed", "#b00020", "#000000", "#0b1f3a", "#6d6d6d", "#856b00"]


@pytest.mark.parametrize(
    ("first", "second", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#000000", 21.0),
        ("#777777", "#777777", 1.0),
        ("#767676", "#ffffff", 4.54),  # the lightest grey that is enough on white
        ("#ff0000", "#ffffff", 4.0),
        ("#0969da", "#ffffff", 5.19),
    ],
)
def test_contrast(first: str, second: str, ratio: float) -> None:
    assert colors.contrast(first, second) == pytest.approx(ratio, abs=0.005)


@pytest.mark.parametrize("color", USABLE)
def test_every_variant_can_be_read(color: str) -> None:
    accent = colors.accent_of(colors.accent_color(color))
    assert accent.light == color
    for button in (accent.light, accent.dark_button):
        assert colors.contrast(button, colors.WHITE) >= 4.5
    assert colors.least_contrast(accent.light, colors.LIGHT_PAGES) >= 4.5
    assert colors.least_contrast(accent.dark_link, colors.DARK_PAGES) >= 4.5
    assert colors.least_contrast(accent.dark_button, colors.DARK_PAGES) >= 3


def test_the_default_can_be_read() -> None:
    accent = colors.accent_of("")
    assert colors.least_contrast(accent.light, colors.LIGHT_PAGES) >= 4.5
    assert colors.least_contrast(accent.dark_link, colors.DARK_PAGES) >= 4.5
    assert colors.contrast(accent.dark_button, colors.WHITE) >= 4.5


@pytest.mark.parametrize(
    ("color", "ratio", "darker"),
    [
        ("#1f9d63", "3.0:1", "#197d4f"),
        ("#ffcc00", "1.3:1", "#856b00"),
        ("#ffffff", "1.0:1", "#6d6d6d"),
    ],
)
def test_a_colour_that_is_too_light_is_refused(color: str, ratio: str, darker: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        colors.accent_color(color)
    assert f"is {ratio}." in str(refused.value)
    assert str(refused.value).endswith(f"that will do is {darker}.")
    assert colors.accent_color(darker) == darker


@pytest.mark.parametrize("value", ["green", "#fff", "#0a7d4f;", "#0a7d4g", 7, None, " "])
def test_what_is_no_colour_is_refused(value: object) -> None:
    with pytest.raises(InvalidValue, match="a colour such as #0a7d4f"):
        colors.accent_color(value)


def test_the_style_sheet() -> None:
    styles, version = colors.accent_styles("#0a7d4f")
    assert "--primary: light-dark(#0a7d4f, #0a7d4f);" in styles
    assert "--link: light-dark(#0a7d4f, #3e9874);" in styles
    assert colors.accent_styles("#7c3aed")[1] != version


@pytest.mark.parametrize("path", ["tokens/static/tokens/tokenry.css", "static/administration.css"])
def test_the_backgrounds_are_those_of_the_pages(path: str) -> None:
    """Contrast is computed with what the style sheets really have."""
    style = (ROOT / path).read_text().replace("#fff,", "#ffffff,")
    pairs = zip(colors.LIGHT_PAGES, colors.DARK_PAGES, strict=True)
    missing = {pair for pair in pairs if f"light-dark({', '.join(pair)})" not in style}
    chosen_row = ("#ddf4ff", "#121d2f")
    assert missing <= {chosen_row}
    assert f"light-dark({colors.DEFAULT_ACCENT.light}, {colors.DEFAULT_ACCENT.dark_link})" in style
