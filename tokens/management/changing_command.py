"""The base class of management commands that change something in the database."""

from typing import Any

from django.core.management.base import BaseCommand

from tokens.authentication import change_wait


class ChangingCommand(BaseCommand):
    """A command that ends only when its changes hold in every process.

    On PostgreSQL, a server process may use a row again for 200 ms after it read the row. So a
    command waits 260 ms after a change before it ends.
    """

    has_waited = False

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command. Then wait until its changes hold in every process, even after an error.

        A command that has called `wait` already does not wait a second time.
        """
        try:
            return super().execute(*args, **options)
        finally:
            if self.may_change(options) and not self.has_waited:
                change_wait.wait_without_request()

    def wait(self) -> None:
        """Wait until the changes hold in every process. Call this before printing that they do."""
        change_wait.wait_without_request()
        self.has_waited = True

    def may_change(self, options: dict[str, Any]) -> bool:
        """Return True if the command may change the database. Then it waits before it ends."""
        return not options.get("dry_run")
