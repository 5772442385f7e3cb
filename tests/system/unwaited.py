"""The product whose answers to changes do not wait, to prove that the tests of leases can fail."""

from config.wsgi import application
from tokens.authentication import change_wait

__all__ = ["application"]
change_wait.CHANGE_WAIT_SECONDS = 0
