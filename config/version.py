"""The version of Tokenry."""

import os

VERSION = "0.2.0"  # the wheel and the image take it from here
COMMIT = os.environ.get("TOKENRY_COMMIT", "")  # set when an image is built
