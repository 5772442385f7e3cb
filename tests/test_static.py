"""The style and the scripts of the pages stay small."""

import gzip

import pytest

from tests.run import ROOT

# Bytes after compression. The page of a passkey loads keys.js only when somebody uses the button.
LIMITS = {
    "tokens/static/tokens/tokenry.css": 9 * 1024,
    "tokens/static/tokens/tokenry.js": 3 * 1024,
    "static/keys.js": 1024,
    "static/administration.js": 1024,
}


@pytest.mark.parametrize("path", LIMITS)
def test_files_are_small(path: str) -> None:
    assert len(gzip.compress((ROOT / path).read_bytes(), 9)) <= LIMITS[path]
