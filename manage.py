#!/usr/bin/env python
"""Tokenry's command line: `./manage.py help` lists what it can do."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError

from config.environment import unusable

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"tokenry: {error}")
    except OSError as error:
        if error.filename is None:  # it is no file's
            raise
        sys.exit(f"tokenry: {unusable(error)}")
    except OperationalError as error:
        sys.exit(f"tokenry: the database that DATABASE_URL names can't be used: {str(error).splitlines()[0]}")
