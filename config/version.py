"""The version of Tokenry."""

import os

VERSION = "0.2.0"  # the wheel takes this one, and `make release` changes it
COMMIT = os.environ.get("TOKENRY_COMMIT", "")  # set when an image is built
