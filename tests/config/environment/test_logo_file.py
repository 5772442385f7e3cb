"""LOGO takes a drawing, and nothing that could load or run something."""

from pathlib import Path

import pytest

from config.environment.logo_file import MAX_BYTES, read_logo
from tests.run import ROOT
from tokens.core.setting_values import InvalidValue

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{}</svg>'
DRAWINGS = [
    "",
    "<title>Acme</title><path d='M0 0'/>",
    "<style>path { fill: url(#a); } /* a > b */</style>",
    "<defs><linearGradient id='a'><stop offset='0'/></linearGradient></defs>"
    "<rect fill='url(#a)' style='filter: url(\"#b\")'/><use xlink:href='#c'/><use href='#c'/>",
    "<filter id='b'><feGaussianBlur stdDeviation='1'/></filter><!-- <script> -->",
]
# What is refused, and a part of the message.
REFUSED = {
    "<script/>": "without <script>: line 1",
    "\n<g><script xmlns='http://www.w3.org/1999/xhtml'/></g>": "without <script>: line 2",
    "<p xmlns='http://www.w3.org/1999/xhtml'/>": "without <p>",
    "<foreignObject/>": "<foreignObject>",
    "<image href='data:image/png;base64,AA'/>": "<image>",
    "<a href='#b'/>": "<a>",
    "<animate attributeName='href'/>": "<animate>",
    "<filter><feImage href='#a'/></filter>": "<feImage>",
    "<path onload='x()'/>": "the attribute onload of <path>",
    "<path ONCLICK='x()'/>": "the attribute onclick of <path>",
    "<use href='https://evil.example/a.svg#b'/>": "the attribute href of <use>",
    "<use xlink:href='data:image/svg+xml,x'/>": "the attribute href of <use>",
    "<use href='javascript:x()'/>": "the attribute href of <use>",
    "<g xml:base='https://evil.example/'/>": "the attribute base of <g>",
    "<path fill='url(https://evil.example/)'/>": "the attribute fill of <path>",
    "<path style='fill: URL( \"//evil.example\")'/>": "the attribute style of <path>",
    r"<path style='fill: \75rl(//evil.example)'/>": "the attribute style of <path>",
    "<style>@import 'https://evil.example/a.css';</style>": "styles that load another file",
    "<style>g { fill: ur<!-- -->l(//evil.example) }</style>": "styles that load another file",
    "<style>g { mask: image-set('a.png' 1x) }</style>": "styles that load another file",
    "<?xml-stylesheet href='a.css'?>": "without <?...?>",
    "<path>": "this is no XML: line 1, mismatched tag",
    "&entity;": "this is no XML: line 1, undefined entity",
}


def write(folder: Path, content: str) -> str:
    path = folder / "logo.svg"
    path.write_text(content)
    return str(path)


@pytest.mark.parametrize("drawing", DRAWINGS)
def test_drawings(tmp_path: Path, drawing: str) -> None:
    content = SVG.format(drawing)
    assert read_logo(write(tmp_path, content)) == content.encode()


def test_no_logo_and_the_products_own() -> None:
    assert read_logo("") == b""
    assert read_logo(ROOT / "static/icon.svg")


@pytest.mark.parametrize("part", REFUSED)
def test_what_is_refused(tmp_path: Path, part: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        read_logo(write(tmp_path, SVG.format(part)))
    assert REFUSED[part] in str(refused.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<!DOCTYPE svg>" + SVG.format(""), "without a DOCTYPE: line 1"),
        ('<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG.format("&a;"), "without a DOCTYPE"),
        ("<svg/>", 'begins with <svg xmlns="http://www.w3.org/2000/svg">'),
        ("<html/>", "begins with <svg"),
        ("", "this is no XML: line 1, no element found"),
        (SVG.format(" " * MAX_BYTES), "at most 32 KB"),
    ],
)
def test_files_that_are_no_drawing(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        read_logo(write(tmp_path, content))
    assert words in str(refused.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="No such file"):
        read_logo(str(tmp_path / "none.svg"))
    with pytest.raises(InvalidValue, match="Is a directory"):
        read_logo(str(tmp_path))
