"""What the project is about."""

from django.db import models


class Contact(models.Model):
    """A customer."""

    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name
