"""Read the file of the product's own logo, and refuse one that is more than a drawing.

Browsers run nothing in an image, but people may also open its address as a page.
"""

import re
from functools import partial
from pathlib import Path
from typing import Any, Never
from xml.parsers import expat

from tokens.core.setting_values import InvalidValue

MAX_BYTES = 32 * 1024
SVG = "http://www.w3.org/2000/svg"
# Elements that draw. Scripts, foreignObject, links, other files and animations are left out.
DRAWS = re.compile(
    "svg|g|defs|symbol|use|title|desc|style|path|rect|circle|ellipse|line|polyline|polygon|text|"
    "tspan|linearGradient|radialGradient|stop|pattern|clipPath|mask|filter|fe(?!Image)[A-Z][A-Za-z]+"
)
# In a style or an attribute: what loads another file, or an escape that may hide this.
LOADS = re.compile(
    r"""\\|@import|\b(?:src|image|image-set|cross-fade)\s*\(|url\(\s*["']?\s*(?!["'#\s])""",
    re.IGNORECASE,
)


class LogoReader:
    """Reads an SVG file, and raises InvalidValue at what is refused."""

    def __init__(self) -> None:
        self.text = ""
        self.parser = expat.ParserCreate(namespace_separator=" ")
        # Entities are declared in a DOCTYPE, so none is left.
        self.parser.StartDoctypeDeclHandler = partial(self.refuse, "a DOCTYPE")
        self.parser.ProcessingInstructionHandler = partial(self.refuse, "<?...?>")
        self.parser.StartElementHandler = self.check_element
        self.parser.CharacterDataHandler = self.keep_text
        self.is_first = True

    def refuse(self, what: str, *found: object) -> Never:
        raise InvalidValue(f"an SVG file without {what}: line {self.parser.CurrentLineNumber}.")

    def check_element(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, tag = name.rpartition(" ")
        if self.is_first and (namespace, tag) != (SVG, "svg"):
            raise InvalidValue(f'an SVG file, which begins with <svg xmlns="{SVG}">.')
        self.is_first = False
        if namespace != SVG or not DRAWS.fullmatch(tag):
            self.refuse(f"<{tag}>")
        for attribute, value in attributes.items():
            key = attribute.rpartition(" ")[2].lower()
            is_link = key in {"href", "src", "base"} and not value.startswith("#")
            if key.startswith("on") or is_link or LOADS.search(value):
                self.refuse(f"the attribute {key} of <{tag}>")

    def keep_text(self, text: str) -> None:
        self.text += text

    def read(self, content: bytes) -> None:
        """Parse the file to its end."""
        try:
            self.parser.Parse(content, True)
        except expat.ExpatError as error:
            words = expat.ErrorString(error.code)
            raise InvalidValue(
                f"an SVG file; this is no XML: line {error.lineno}, {words}."
            ) from None
        if LOADS.search(self.text):
            raise InvalidValue("an SVG file without styles that load another file.")


def read_logo(path: Any) -> bytes:
    """Return the content of the SVG file at `path`, or nothing for no path."""
    if not path:
        return b""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidValue(f"the path of an SVG file ({error.strerror}).") from None
    if len(content) > MAX_BYTES:
        raise InvalidValue(f"an SVG file of at most {MAX_BYTES // 1024} KB.")
    LogoReader().read(content)
    return content
