"""The version of Tokenry."""

import os

VERSION = "0.1.0"  # tests compare it with pyproject.toml, which an image does not have
COMMIT = os.environ.get("TOKENRY_COMMIT", "")  # set when an image is built
