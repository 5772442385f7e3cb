#!/usr/bin/env python
"""Tokenry's command line: `./manage.py help` lists what it can do."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError

from config import databases
from config.environment.variables import file_error_in_words

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"tokenry: {error}")
    except OSError as error:
        if error.filename is None:  # the error is not about a file
            raise
        sys.exit(f"tokenry: {file_error_in_words(error)}")
    except OperationalError as error:
        reason = str(error).splitlines()[0]
        sys.exit(
            f"tokenry: the database that {databases.url_variable()} names can't be used: {reason}"
        )
